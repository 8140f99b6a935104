//! Making keys, naming enctypes, and what is refused on the way.

use kerbstone_crypto::{ChecksumType, CryptoError, Enctype, IterationLimit, Key};
use proptest::prelude::*;

const AES256: Enctype = Enctype::Aes256CtsHmacSha1_96;

fn from_password(enctype: Enctype, count: u32, limit: IterationLimit) -> Result<Key, CryptoError> {
    Key::from_password(
        enctype,
        b"password",
        b"salt",
        Some(&count.to_be_bytes()),
        limit,
    )
}

#[test]
fn an_attackers_iteration_count_is_refused_and_named() {
    for (count, meant) in [
        (0, 1 << 32),
        (u32::MAX, u64::from(u32::MAX)),
        (0x0100_0001, 0x0100_0001),
    ] {
        let error = from_password(AES256, count, IterationLimit::DEFAULT).unwrap_err();
        assert_eq!(
            error,
            CryptoError::IterationCount {
                count: meant,
                least: 4096,
                most: 0x0100_0000
            }
        );
        assert!(error.to_string().contains(&meant.to_string()), "{error}");
    }
}

#[test]
fn too_few_iterations_are_refused_unless_the_caller_trusts_them() {
    for (enctype, default) in [(AES256, 4096), (Enctype::Aes128CtsHmacSha256_128, 32768)] {
        let limit = IterationLimit::DEFAULT;
        assert!(from_password(enctype, default - 1, limit).is_err());
        assert_eq!(
            from_password(enctype, default, limit).unwrap(),
            Key::from_password(enctype, b"password", b"salt", None, limit).unwrap()
        );
        from_password(enctype, 1, limit.or_weak()).unwrap();
        assert!(from_password(enctype, 0, limit.or_weak()).is_err());
        assert!(from_password(enctype, default, IterationLimit::at_most(default - 1)).is_err());
    }
}

#[test]
fn parameters_of_another_length_are_refused() {
    for length in [0, 1, 3, 5, 8] {
        let params = vec![0; length];
        let limit = IterationLimit::DEFAULT;
        assert_eq!(
            Key::from_password(AES256, b"password", b"salt", Some(&params), limit),
            Err(CryptoError::StringToKeyParameters {
                enctype: AES256,
                length
            })
        );
    }
}

#[test]
fn a_key_of_the_wrong_length_is_refused() {
    for &enctype in Enctype::ALL.iter().filter(|enctype| enctype.is_available()) {
        let expected = enctype.key_length();
        for actual in (0..64).filter(|length| *length != expected) {
            assert_eq!(
                Key::new(enctype, &vec![0; actual]),
                Err(CryptoError::KeyLength {
                    enctype,
                    expected,
                    actual
                })
            );
        }
    }
}

#[test]
fn legacy_keys_exist_only_with_the_feature() {
    for enctype in [Enctype::Des3CbcSha1, Enctype::Rc4Hmac] {
        let key = Key::new(enctype, &vec![1; enctype.key_length()]);
        if cfg!(feature = "legacy") {
            key.unwrap();
        } else {
            assert_eq!(key, Err(CryptoError::LegacyDisabled(enctype)));
            let limit = IterationLimit::DEFAULT;
            assert_eq!(
                Key::from_password(enctype, b"password", b"salt", None, limit),
                Err(CryptoError::LegacyDisabled(enctype))
            );
        }
    }
}

#[test]
fn debug_output_holds_no_key() {
    let key = Key::new(AES256, &[0xab; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "Key(Aes256CtsHmacSha1_96)");
}

#[test]
fn keys_are_equal_if_enctype_and_bytes_are() {
    let key = Key::new(AES256, &[1; 32]).unwrap();
    assert_eq!(key, key.clone());
    assert_eq!(key, Key::new(AES256, &[1; 32]).unwrap());
    assert_ne!(key, Key::new(AES256, &[2; 32]).unwrap());
    assert_ne!(
        key,
        Key::new(Enctype::Aes256CtsHmacSha384_192, &[1; 32]).unwrap()
    );
}

#[test]
fn prf_plus_gives_as_much_as_asked_and_no_more_than_255_blocks() {
    let key = Key::new(AES256, &[1; 32]).unwrap();
    let most = 255 * 16;
    let whole = key.prf_plus(b"pepper", most).unwrap();
    assert_eq!(whole[..16], *key.prf(b"\x01pepper"));
    assert_eq!(whole[most - 16..], *key.prf(b"\xffpepper"));
    assert_eq!(*key.prf_plus(b"pepper", 33).unwrap(), whole[..33]);
    assert_eq!(
        key.prf_plus(b"pepper", most + 1),
        Err(CryptoError::PrfLength {
            length: most + 1,
            limit: most
        })
    );
}

#[test]
fn numbers_and_names_lead_back_to_the_enctype() {
    for &enctype in Enctype::ALL {
        assert_eq!(Enctype::from_number(enctype.number()), Some(enctype));
        let checksum = enctype.checksum_type();
        assert_eq!(ChecksumType::from_number(checksum.number()), Some(checksum));
        for name in [enctype.name()].iter().chain(enctype.aliases()) {
            assert_eq!(name.to_uppercase().parse(), Ok(enctype));
        }
    }
    assert_eq!(Enctype::from_number(1), None);
    assert!("des-cbc-crc".parse::<Enctype>().is_err());
}

#[test]
fn lists_know_families_removal_and_the_default() {
    use Enctype::{
        Aes128CtsHmacSha1_96 as A17, Aes128CtsHmacSha256_128 as A19, Aes256CtsHmacSha1_96 as A18,
        Aes256CtsHmacSha384_192 as A20, Camellia128CtsCmac as C25, Camellia256CtsCmac as C26,
        Des3CbcSha1 as D16, Rc4Hmac as R23,
    };
    for (text, enctypes) in [
        ("", &[][..]),
        ("aes", &[A18, A17, A20, A19]),
        ("aes-sha2,aes-sha1", &[A20, A19, A18, A17]),
        ("camellia AES128-SHA1", &[C26, C25, A17]),
        ("default -aes", &[C25, C26]),
        ("aes -DEFAULT +rc4", &[R23]),
        ("des3 arcfour-hmac-md5\tdes3-hmac-sha1", &[D16, R23]),
        ("-aes256-cts aes", &[A18, A17, A20, A19]),
    ] {
        let list = Enctype::parse_list(text);
        assert_eq!(list.enctypes, enctypes, "{text}");
        assert!(list.unknown.is_empty(), "{text}");
    }
}

#[test]
fn unknown_names_in_lists_are_ignored_and_reported() {
    let list = Enctype::parse_list("des-cbc-crc aes256-cts, -idea,,");
    assert_eq!(list.enctypes, [AES256]);
    assert_eq!(list.unknown, ["des-cbc-crc", "idea"]);
}

proptest! {
    #[test]
    fn lists_hold_each_enctype_once(text in "([-+]?(aes|DEFAULT|rc4|aes256-cts|x)[ ,]){0,8}") {
        let list = Enctype::parse_list(&text);
        for (position, enctype) in list.enctypes.iter().enumerate() {
            prop_assert!(!list.enctypes[..position].contains(enctype));
        }
    }
}
