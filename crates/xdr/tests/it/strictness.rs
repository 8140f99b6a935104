//! What is almost a value is none.

use kerbstone_xdr::{Opaque, Xdr, XdrError, from_bytes};

#[derive(Xdr, Debug, PartialEq)]
enum Colour {
    Red = 1,
    Blue = -2,
}

#[test]
fn takes_zero_and_one_for_booleans_only() {
    assert_eq!(from_bytes(&[0, 0, 0, 0]), Ok(false));
    assert_eq!(from_bytes(&[0, 0, 0, 1]), Ok(true));
    for value in [2, 0x0100_0000, u32::MAX] {
        assert_eq!(
            from_bytes::<bool>(&value.to_be_bytes()),
            Err(XdrError::Boolean { at: 0, value })
        );
    }
}

#[test]
fn takes_zero_and_one_before_optionals_only() {
    assert_eq!(from_bytes::<Option<u32>>(&[0, 0, 0, 0]), Ok(None));
    assert_eq!(
        from_bytes::<Option<u32>>(&[0, 0, 0, 1, 0, 0, 0, 7]),
        Ok(Some(7))
    );
    assert_eq!(
        from_bytes::<Option<u32>>(&[0, 0, 0, 2, 0, 0, 0, 7]),
        Err(XdrError::Boolean { at: 0, value: 2 })
    );
}

#[test]
fn takes_declared_values_of_an_enumeration_only() {
    assert_eq!(from_bytes(&[0, 0, 0, 1]), Ok(Colour::Red));
    assert_eq!(from_bytes(&(-2i32).to_be_bytes()), Ok(Colour::Blue));
    for value in [0, 2, -1, i32::MIN] {
        assert_eq!(
            from_bytes::<Colour>(&value.to_be_bytes()),
            Err(XdrError::Undeclared {
                at: 0,
                value,
                name: "Colour"
            })
        );
    }
}

#[test]
fn refuses_padding_that_is_not_zero() {
    assert_eq!(
        from_bytes::<Opaque>(b"\0\0\0\x02ab\0\0").map(Opaque::into_vec),
        Ok(b"ab".to_vec())
    );
    for padded in [b"\0\0\0\x02ab\x01\0", b"\0\0\0\x02ab\0\x01"] {
        assert_eq!(
            from_bytes::<Opaque>(padded),
            Err(XdrError::Padding { at: 6 })
        );
    }
}

#[test]
fn refuses_padding_that_is_missing() {
    assert_eq!(
        from_bytes::<Opaque>(b"\0\0\0\x05abcde\0\0"),
        Err(XdrError::Truncated {
            at: 9,
            wanted: 3,
            left: 2
        })
    );
}

#[test]
fn refuses_bytes_after_the_value() {
    assert_eq!(
        from_bytes::<u32>(&[0, 0, 0, 1, 0]),
        Err(XdrError::Trailing { at: 4, left: 1 })
    );
}

#[test]
fn every_prefix_of_a_value_is_too_short() {
    let whole = b"\0\0\0\x01\0\0\0\x02\0\0\0\x03abc\0\0\0\0\0";
    assert!(from_bytes::<Option<Vec<Opaque>>>(whole).is_ok());
    for end in 0..whole.len() {
        let cut = from_bytes::<Option<Vec<Opaque>>>(&whole[..end]);
        assert!(
            matches!(
                cut,
                Err(XdrError::Truncated { .. } | XdrError::TooMany { .. })
            ),
            "{end}: {cut:?}"
        );
    }
}
