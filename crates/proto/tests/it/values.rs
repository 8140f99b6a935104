//! Names, times, flags, numbers and error codes.

use std::time::Duration;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{Checksum, HostAddress, KrbError, Microseconds, PaEncTsEnc, UInt32};
use kerbstone_proto::name::{NameError, NameType, Principal, PrincipalName, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use proptest::prelude::*;

use der::{Decode, Encode};

/// What `kinit` of MIT 1.20.1 made of each text, with default realm DEF.TEST.
#[test]
fn reads_names_as_mit_does() {
    let home = Realm::from("DEF.TEST");
    for (text, expected) in [
        ("a", "a@DEF.TEST"),
        ("", "@DEF.TEST"),
        ("a@", "a@"),
        ("@", "@"),
        ("@R", "@R"),
        ("a/", "a/@DEF.TEST"),
        ("/a", "/a@DEF.TEST"),
        ("a\\@b@C", "a\\@b@C"),
        ("a\\/b/c@D", "a\\/b/c@D"),
        ("a\\nb", "a\\nb@DEF.TEST"),
        ("a@R\\@S", "a@R\\@S"),
        ("a\\x", "ax@DEF.TEST"),
    ] {
        let principal = Principal::parse(text, Some(&home)).unwrap();
        assert_eq!(principal.to_string(), expected, "{text:?}");
    }
    for (text, expected) in [
        ("a@b@C", "a\\@b@C"),
        ("a@b", "a\\@b@DEF.TEST"),
        ("a/b@c", "a\\/b\\@c@DEF.TEST"),
        ("a@b@c/d", "a\\@b@c\\/d"),
    ] {
        let principal = Principal::parse_enterprise(text, Some(&home)).unwrap();
        assert_eq!(principal.to_string(), expected, "{text:?}");
        assert_eq!(principal.name.name_type, NameType::ENTERPRISE);
        assert_eq!(principal.name.components.len(), 1);
    }
}

#[test]
fn refuses_the_names_that_mit_refuses() {
    let home = Realm::from("DEF.TEST");
    for (text, expected) in [
        ("a@B/C", NameError::SeparatorInRealm('/')),
        ("a@b@c", NameError::SeparatorInRealm('@')),
        ("a\\", NameError::DanglingEscape),
    ] {
        assert_eq!(
            Principal::parse(text, Some(&home)).unwrap_err(),
            expected,
            "{text:?}"
        );
    }
    assert_eq!(Principal::parse("a", None).unwrap_err(), NameError::NoRealm);
    let endless = "a/".repeat(1000);
    assert_eq!(
        Principal::parse(&endless, Some(&home)).unwrap_err(),
        NameError::TooManyComponents
    );
    let exact = vec!["a"; kerbstone_proto::name::MAX_COMPONENTS].join("/");
    let principal = Principal::parse(&exact, Some(&home)).unwrap();
    assert_eq!(
        PrincipalName::from_der(&principal.name.to_der().unwrap()).unwrap(),
        principal.name
    );
    assert!(Principal::parse(&format!("{exact}@R"), None).is_ok());
}

#[test]
fn guesses_name_types_as_mit_does() {
    for (text, expected) in [
        ("alice@R", NameType::PRINCIPAL),
        ("host/www@R", NameType::PRINCIPAL),
        ("krbtgt/R@R", NameType::SRV_INST),
        ("WELLKNOWN/ANONYMOUS@R", NameType::WELLKNOWN),
    ] {
        assert_eq!(
            Principal::parse(text, None).unwrap().name.name_type,
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_type_of_a_name_does_not_count() {
    let user = PrincipalName::new(NameType::PRINCIPAL, ["host", "www"]);
    let host = PrincipalName::new(NameType::SRV_HST, ["host", "www"]);
    assert_eq!(user, host);
    let names = std::collections::HashSet::from([user]);
    assert!(names.contains(&host));
}

#[test]
fn salts_a_password_with_realm_and_components() {
    let principal = Principal::parse("host/www@R", None).unwrap();
    assert_eq!(principal.default_salt(), b"Rhostwww");
}

#[test]
fn a_krbtgt_knows_its_realm() {
    let tgs = Principal::krbtgt(&Realm::from("B"), &Realm::from("A"));
    assert_eq!(tgs.to_string(), "krbtgt/B@A");
    assert!(tgs.is_krbtgt());
    assert_eq!(tgs.name.krbtgt_realm(), Some(Realm::from("B")));
    assert!(!Principal::parse("krbtgt@A", None).unwrap().is_krbtgt());
}

#[test]
fn latin_1_names_pass_unharmed() {
    let der = b"\x30\x10\xa0\x03\x02\x01\x01\xa1\x09\x30\x07\x1b\x05Jos\xe9\xff";
    let name = PrincipalName::from_der(der).unwrap();
    assert_eq!(name.components[0].to_str(), None);
    assert_eq!(name.to_der().unwrap(), der);
    let text = name.unparse();
    let again = Principal::parse_bytes(&text, Some(&Realm::from("R"))).unwrap();
    assert_eq!(again.name, name);
}

#[test]
fn times_are_what_the_calendar_says() {
    for (wire, unix) in [
        ("19700101000000Z", 0),
        ("19691231235959Z", -1),
        ("20000229120000Z", 951_825_600),
        ("20380119031408Z", 2_147_483_648),
        ("21060207062816Z", 4_294_967_296),
        ("99991231235959Z", 253_402_300_799),
        ("00000101000000Z", -62_167_219_200),
        ("16010101000000Z", -11_644_473_600),
    ] {
        let time = KerberosTime::from_wire(wire.as_bytes()).unwrap();
        assert_eq!(time.unix(), unix, "{wire}");
        assert_eq!(time.to_wire(), wire.as_bytes());
    }
    assert_eq!(KerberosTime::ZERO.to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(KerberosTime::from_unix(i64::MAX), KerberosTime::MAX);
}

#[test]
fn refuses_times_written_in_another_way() {
    for wire in [
        "19700101000000",
        "19700101000000z",
        "1970010100000Z",
        "197001010000000Z",
        "19700101000000.0Z",
        "19700101000000+0000",
        "19701301000000Z",
        "19700001000000Z",
        "19700100000000Z",
        "19700132000000Z",
        "19700229000000Z",
        "19000229000000Z",
        "19700101240000Z",
        "19700101006000Z",
        "19700101000060Z",
        "1970010100000 Z",
        "",
    ] {
        assert_eq!(KerberosTime::from_wire(wire.as_bytes()), None, "{wire}");
    }
}

#[test]
fn times_do_not_overflow() {
    assert_eq!(KerberosTime::MAX.checked_add(Duration::from_secs(1)), None);
    assert_eq!(
        KerberosTime::ZERO.saturating_add(Duration::MAX),
        KerberosTime::MAX
    );
    let start = Timestamp::new(KerberosTime::ZERO, 999_999);
    let later = start.saturating_add(Duration::from_micros(2));
    assert_eq!(later, Timestamp::new(KerberosTime::from_unix(1), 1));
    assert_eq!(later.duration_since(start), Duration::from_micros(2));
    assert_eq!(start.duration_since(later), Duration::ZERO);
}

#[test]
fn flags_of_any_length_are_read() {
    for (der, expected) in [
        (&b"\x03\x05\x00\x40\x00\x00\x10"[..], Some(0x4000_0010)),
        (b"\x03\x02\x00\x40", Some(0x4000_0000)),
        (b"\x03\x02\x06\x40", Some(0x4000_0000)),
        (b"\x03\x01\x00", Some(0)),
        (b"\x03\x07\x00\x40\x00\x00\x10\xff\xff", Some(0x4000_0010)),
        (b"\x03\x00", None),
        (b"\x03\x01\x01", None),
        (b"\x03\x02\x08\x40", None),
        (b"\x03\x02\x07\x40", None),
        (b"\x03\x05\x00\x40\x00\x00", None),
    ] {
        let read = KdcOptions::from_der(der).ok().map(KdcOptions::bits);
        assert_eq!(read, expected, "{der:02x?}");
    }
    let far_too_long = [&[0x03, 0x81, 0xc8][..], &[0; 200]].concat();
    assert!(KdcOptions::from_der(&far_too_long).is_err());
}

#[test]
fn flags_have_the_numbers_of_the_rfc() {
    assert_eq!(KdcOptions::FORWARDABLE.bits(), 0x4000_0000);
    assert_eq!(KdcOptions::VALIDATE.bits(), 1);
    assert_eq!(KdcOptions::CANONICALIZE.bits(), 0x0001_0000);
    assert_eq!(TicketFlags::INITIAL.bits(), 0x0040_0000);
    assert_eq!(TicketFlags::PRE_AUTHENT.bits(), 0x0020_0000);
    assert_eq!(TicketFlags::ANONYMOUS.bits(), 0x0000_8000);
    assert_eq!(
        format!("{:?}", TicketFlags::INITIAL | TicketFlags::from_bits(1)),
        "TicketFlags(INITIAL | 0x00000001)"
    );
}

#[test]
fn a_negative_nonce_is_what_was_meant() {
    for (der, expected) in [
        (&b"\x02\x01\xfe"[..], Some(0xffff_fffe)),
        (b"\x02\x04\x87\x65\x43\x21", Some(0x8765_4321)),
        (b"\x02\x04\xff\xff\xff\xfe", None),
        (b"\x02\x05\x00\xff\xff\xff\xfe", Some(0xffff_fffe)),
        (b"\x02\x01\xff", Some(0xffff_ffff)),
        (b"\x02\x04\x80\x00\x00\x00", Some(0x8000_0000)),
        (b"\x02\x01\x00", Some(0)),
        (b"\x02\x05\xff\x7f\xff\xff\xff", None),
        (b"\x02\x05\x01\x00\x00\x00\x00", None),
        (b"\x02\x02\x00\x01", None),
        (b"\x02\x00", None),
    ] {
        assert_eq!(
            UInt32::from_der(der).ok().map(|number| number.0),
            expected,
            "{der:02x?}"
        );
    }
    assert_eq!(
        UInt32(0xffff_fffe).to_der().unwrap(),
        b"\x02\x05\x00\xff\xff\xff\xfe"
    );
}

#[test]
fn microseconds_are_less_than_a_second() {
    assert_eq!(Microseconds::new(1_000_000), None);
    let stamp = PaEncTsEnc::from(Timestamp::new(KerberosTime::ZERO, 999_999));
    let mut der = stamp.to_der();
    assert_eq!(PaEncTsEnc::from_der(&der).unwrap(), stamp);
    *der.last_mut().unwrap() += 1;
    assert!(PaEncTsEnc::from_der(&der).is_err(), "1,000,000");
}

#[test]
fn mapped_ipv4_addresses_are_ipv4() {
    let mapped: std::net::IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    let plain: std::net::IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(HostAddress::from(mapped), HostAddress::from(plain));
    assert_eq!(HostAddress::from(plain).to_ip(), Some(plain));
    assert_eq!(
        HostAddress {
            addr_type: 2,
            address: vec![1, 2, 3]
        }
        .to_ip(),
        None
    );
}

#[test]
fn error_codes_have_mits_texts() {
    for (code, text) in [
        (
            ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
            "Client not found in Kerberos database",
        ),
        (ErrorCode::KDC_ERR_KEY_EXP, "Password has expired"),
        (
            ErrorCode::KDC_ERR_PREAUTH_FAILED,
            "Preauthentication failed",
        ),
        (ErrorCode::KRB_AP_ERR_SKEW, "Clock skew too great"),
        (ErrorCode::KRB_AP_ERR_TKT_EXPIRED, "Ticket expired"),
        (ErrorCode(4711), "KRB5 error code 4711"),
    ] {
        assert_eq!(code.to_string(), text);
    }
    assert_eq!(ErrorCode(24).name(), Some("KDC_ERR_PREAUTH_FAILED"));
}

#[test]
fn secrets_are_not_printed() {
    let key = kerbstone_proto::message::EncryptionKey::from(&crate::counting_key());
    assert!(!format!("{key:?}").contains("1, 2, 3"));
}

#[test]
fn messages_grow_a_buffer_and_leave_what_it_has() {
    let server = Principal::parse("krbtgt/R@R", None).unwrap();
    let error = KrbError::new(ErrorCode::KDC_ERR_POLICY, Timestamp::default(), server);
    let mut buffer = b"before".to_vec();
    error.encode_into(&mut buffer);
    assert_eq!(buffer, [b"before".as_slice(), &error.to_der()].concat());
}

#[test]
fn a_checksum_is_of_the_keys_own_type() {
    let key = crate::counting_key();
    let usage = kerbstone_crypto::KeyUsage::TGS_REQ_CKSUM;
    let mut checksum = Checksum::compute(&key, usage, b"body");
    assert!(checksum.verify(&key, usage, b"body").is_ok());
    assert!(checksum.verify(&key, usage, b"b0dy").is_err());
    for other in [0, 1, 7, 15, 19, -138, 4711] {
        checksum.cksumtype = other;
        assert!(
            checksum.verify(&key, usage, b"body").is_err(),
            "type {other}"
        );
    }
}

proptest! {
    #[test]
    fn every_name_survives_being_written(
        components in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 1..6),
        realm in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let name = PrincipalName::new(NameType::PRINCIPAL, components);
        let principal = Principal::new(name, Realm::from(realm));
        let again = Principal::parse_bytes(&principal.unparse(), None).unwrap();
        prop_assert_eq!(again, principal);
    }

    #[test]
    fn every_time_survives_being_written(unix in -62_167_219_200i64..=253_402_300_799) {
        let time = KerberosTime::from_unix(unix);
        prop_assert_eq!(KerberosTime::from_wire(&time.to_wire()), Some(time));
    }

    #[test]
    fn every_number_survives_being_written(number in any::<u32>()) {
        prop_assert_eq!(UInt32::from_der(&UInt32(number).to_der().unwrap()).unwrap(), UInt32(number));
    }
}
