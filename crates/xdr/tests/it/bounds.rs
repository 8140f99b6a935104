//! A count is believed as far as the bytes that remain can hold so many, and no further.

use kerbstone_xdr::{Opaque, Reader, Xdr, XdrError, from_bytes};

#[derive(Xdr, Debug, PartialEq)]
struct Pair {
    name: Opaque,
    value: Opaque,
}

#[derive(Xdr, Debug, PartialEq)]
struct Nothing {}

#[test]
fn knows_the_least_that_a_type_takes() {
    assert_eq!(Pair::MIN_BYTES, 8);
    assert_eq!(<Option<Pair>>::MIN_BYTES, 4);
    assert_eq!(Nothing::MIN_BYTES, 0);
}

#[test]
fn refuses_134_million_options_in_64_bytes() {
    let mut message = vec![0; 64];
    message[..4].copy_from_slice(&134_217_728u32.to_be_bytes());
    assert_eq!(
        from_bytes::<Vec<Pair>>(&message),
        Err(XdrError::TooMany {
            at: 0,
            count: 134_217_728,
            left: 60
        })
    );
}

#[test]
fn believes_a_count_that_just_fits() {
    let mut message = vec![0; 4 + 3 * 8];
    message[3] = 3;
    assert_eq!(from_bytes::<Vec<Pair>>(&message).unwrap().len(), 3);
    message[3] = 4;
    assert_eq!(
        from_bytes::<Vec<Pair>>(&message),
        Err(XdrError::TooMany {
            at: 0,
            count: 4,
            left: 24
        })
    );
}

#[test]
fn elements_without_bytes_are_counted_as_if_they_had_one() {
    assert!(from_bytes::<Vec<Nothing>>(&[0xff; 4]).is_err());
}

#[test]
fn refuses_opaque_data_longer_than_the_rest() {
    for claimed in [5u32, 0x7fff_ffff, u32::MAX - 2, u32::MAX] {
        let mut message = claimed.to_be_bytes().to_vec();
        message.extend([0; 4]);
        let refused = from_bytes::<Opaque>(&message);
        assert!(
            matches!(refused, Err(XdrError::Truncated { left: 4, .. })),
            "{claimed}: {refused:?}"
        );
    }
}

#[test]
fn refuses_opaque_data_longer_than_its_type_allows() {
    let mut message = 401u32.to_be_bytes().to_vec();
    message.extend([0; 404]);
    assert_eq!(
        Reader::new(&message).opaque(400),
        Err(XdrError::TooLong {
            at: 0,
            length: 401,
            most: 400
        })
    );
    message[3] -= 1;
    assert_eq!(Reader::new(&message).opaque(400).unwrap().len(), 400);
}
