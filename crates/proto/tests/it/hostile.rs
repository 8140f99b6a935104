//! What an enemy might send: every case is refused, without panic and without memory beyond
//! a small multiple of its size.

use kerbstone_proto::error::ProtoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::kpasswd::{PasswordReply, PasswordRequest, PasswordResult};
use kerbstone_proto::message::*;
use kerbstone_proto::name::PrincipalName;
use proptest::prelude::*;

use der::Decode;

use crate::captured;

/// Reads bytes as each message; whether any took them.
fn somebody_takes(bytes: &[u8]) -> bool {
    [
        KdcReq::from_der(bytes).is_ok(),
        KdcRep::from_der(bytes).is_ok(),
        KrbError::from_der(bytes).is_ok(),
        ApReq::from_der(bytes).is_ok(),
        ApRep::from_der(bytes).is_ok(),
        KrbSafe::from_der(bytes).is_ok(),
        KrbPriv::from_der(bytes).is_ok(),
        KrbCred::from_der(bytes).is_ok(),
        Ticket::from_der(bytes).is_ok(),
        EncTicketPart::from_der(bytes).is_ok(),
        EncKdcRepPart::from_der_of_either(bytes).is_ok(),
        EncApRepPart::from_der(bytes).is_ok(),
        EncKrbPrivPart::from_der(bytes).is_ok(),
        EncKrbCredPart::from_der(bytes).is_ok(),
        Authenticator::from_der(bytes).is_ok(),
        MethodData::from_der(bytes).is_ok(),
        TypedData::from_der(bytes).is_ok(),
        EtypeInfo::from_der(bytes).is_ok(),
        EtypeInfo2::from_der(bytes).is_ok(),
        AuthorizationData::from_der(bytes).is_ok(),
        AdKdcIssued::from_der(bytes).is_ok(),
        PaFxFastRequest::from_der(bytes).is_ok(),
        PaFxFastReply::from_der(bytes).is_ok(),
        KrbFastReq::from_der(bytes).is_ok(),
        KrbFastResponse::from_der(bytes).is_ok(),
        PasswordRequest::from_bytes(bytes).is_ok(),
        PasswordReply::from_bytes(bytes).is_ok(),
    ]
    .contains(&true)
}

fn all_captured() -> Vec<Vec<u8>> {
    vec![
        captured!("as_req_bare"),
        captured!("as_req_timestamp"),
        captured!("as_rep"),
        captured!("preauth_required"),
        captured!("tgs_req"),
        captured!("tgs_rep"),
        captured!("fast_as_req"),
        captured!("fast_as_rep"),
        captured!("fast_error"),
        captured!("kpasswd_req"),
        captured!("kpasswd_rep"),
        captured!("krb_cred_clear"),
        captured!("krb_safe"),
        captured!("krb_priv"),
    ]
}

/// A message with the length of its outermost element written in another way.
fn with_outer_length(message: &[u8], length: &[u8]) -> Vec<u8> {
    let header = if message[1] < 0x80 {
        2
    } else {
        2 + usize::from(message[1] & 0x7f)
    };
    [&message[..1], length, &message[header..]].concat()
}

fn contents(message: &[u8]) -> &[u8] {
    let header = if message[1] < 0x80 {
        2
    } else {
        2 + usize::from(message[1] & 0x7f)
    };
    &message[header..]
}

#[test]
fn every_captured_message_is_taken_by_somebody() {
    for message in all_captured() {
        assert!(somebody_takes(&message));
    }
}

#[test]
fn refuses_a_message_cut_at_any_byte() {
    for message in all_captured() {
        for length in 0..message.len() {
            assert!(
                !somebody_takes(&message[..length]),
                "{length} of {} bytes",
                message.len()
            );
        }
    }
}

#[test]
fn refuses_bytes_after_a_message() {
    for mut message in all_captured() {
        message.push(0);
        assert!(!somebody_takes(&message));
    }
}

#[test]
fn refuses_lengths_that_der_does_not_write() {
    let message = captured!("as_rep");
    let length = u16::try_from(contents(&message).len())
        .unwrap()
        .to_be_bytes();
    let [high, low] = length;
    assert!(KdcRep::from_der(&with_outer_length(&message, &[0x82, high, low])).is_ok());
    for (what, written) in [
        ("not minimal", vec![0x83, 0, high, low]),
        ("far from minimal", vec![0x84, 0, 0, high, low]),
        ("of eight bytes", vec![0x88, 0, 0, 0, 0, 0, 0, high, low]),
        ("indefinite", vec![0x80]),
        ("reserved", vec![0xff]),
        ("of nothing", vec![0]),
        ("one too many", vec![0x82, high, low + 1]),
        ("one too few", vec![0x82, high, low - 1]),
        ("2 GiB", vec![0x84, 0x7f, 0xff, 0xff, 0xff]),
        ("4 GiB", vec![0x84, 0xff, 0xff, 0xff, 0xff]),
    ] {
        assert!(
            !somebody_takes(&with_outer_length(&message, &written)),
            "a length {what}"
        );
    }
    let ended = [&with_outer_length(&message, &[0x80])[..], &[0, 0]].concat();
    assert!(!somebody_takes(&ended), "an indefinite length with its end");
}

#[test]
fn refuses_a_message_under_another_tag() {
    let request = captured!("as_req_bare");
    for tag in (0..=255).filter(|tag| *tag != 0x6a) {
        let mut other = request.clone();
        other[0] = tag;
        assert!(!somebody_takes(&other), "tag {tag:#04x}");
    }
}

#[test]
fn refuses_a_request_whose_type_is_not_its_tag() {
    let as_request = captured!("as_req_bare");
    let at = as_request
        .windows(5)
        .position(|bytes| bytes == [0xa2, 3, 2, 1, 10])
        .unwrap()
        + 4;
    for kind in (0..=255).filter(|kind| *kind != 10) {
        let mut other = as_request.clone();
        other[at] = kind;
        assert!(KdcReq::from_der(&other).is_err(), "type {kind}");
    }
}

#[test]
fn refuses_another_version_of_the_protocol() {
    let request = captured!("as_req_bare");
    let at = request
        .windows(5)
        .position(|bytes| bytes == [0xa1, 3, 2, 1, 5])
        .unwrap()
        + 4;
    for version in (0..=255).filter(|version| *version != 5) {
        let mut other = request.clone();
        other[at] = version;
        assert!(KdcReq::from_der(&other).is_err(), "version {version}");
    }
}

#[test]
fn refuses_fields_out_of_order_and_fields_twice() {
    let first = [0xa0, 3, 2, 1, 18];
    let second = [0xa1, 3, 4, 1, 7];
    let sequence = |fields: &[&[u8]]| {
        let inside = fields.concat();
        [&[0x30, u8::try_from(inside.len()).unwrap()][..], &inside].concat()
    };
    assert!(EncryptionKey::from_der(&sequence(&[&first, &second])).is_ok());
    for fields in [
        &[&second[..], &first[..]][..],
        &[&first, &first, &second],
        &[&first, &second, &second],
        &[&first],
        &[&second],
        &[],
    ] {
        assert!(
            EncryptionKey::from_der(&sequence(fields)).is_err(),
            "{fields:02x?}"
        );
    }
}

#[test]
fn refuses_primitive_and_constructed_mixed_up() {
    let good = b"\x30\x0a\xa0\x03\x02\x01\x12\xa1\x03\x04\x01\x07";
    assert!(EncryptionKey::from_der(good).is_ok());
    for (position, byte) in [(0, 0x10), (2, 0x80), (4, 0x22), (7, 0x81), (9, 0x24)] {
        let mut bad = good.to_vec();
        bad[position] = byte;
        assert!(
            EncryptionKey::from_der(&bad).is_err(),
            "byte {position} as {byte:#04x}"
        );
    }
}

#[test]
fn refuses_numbers_that_do_not_fit() {
    for etype in [
        &b"\x02\x00"[..],
        b"\x02\x02\x00\x12",
        b"\x02\x02\xff\xee",
        b"\x02\x05\x00\x80\x00\x00\x00",
        b"\x02\x05\xff\x7f\xff\xff\xff",
        b"\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00",
    ] {
        let field = [
            &[0xa0, u8::try_from(etype.len()).unwrap()],
            etype,
            b"\xa1\x03\x04\x01\x07",
        ]
        .concat();
        let key = [&[0x30, u8::try_from(field.len()).unwrap()][..], &field].concat();
        assert!(EncryptionKey::from_der(&key).is_err(), "{etype:02x?}");
    }
}

#[test]
fn takes_enctypes_and_options_that_it_does_not_know() {
    let mut body = KdcReq::from_der(&captured!("as_req_bare"))
        .unwrap()
        .body
        .into_value();
    body.etype = vec![18, -133, -128, i32::MIN, i32::MAX, 0];
    body.kdc_options = kerbstone_proto::flags::KdcOptions::from_bits(u32::MAX);
    let request = KdcReq::new(KdcReqKind::As, Vec::new(), body.clone());
    let read = KdcReq::from_der(&request.to_der()).unwrap();
    assert_eq!(*read.body, body);
}

#[test]
fn takes_lists_that_are_there_and_empty() {
    // Padata of no elements, as some clients send.
    let bare = KdcReq::from_der(&captured!("as_req_bare")).unwrap();
    let body = bare.body.der();
    let body_field = [&[0xa4, 0x81, u8::try_from(body.len()).unwrap()], body].concat();
    let fields = [
        &b"\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa3\x02\x30\x00"[..],
        &body_field,
    ]
    .concat();
    let length = u8::try_from(fields.len()).unwrap();
    let sequence = [&[0x30, 0x81, length][..], &fields].concat();
    let request = [&[0x6a, 0x81, length + 3][..], &sequence].concat();
    let read = KdcReq::from_der(&request).unwrap();
    assert!(read.padata.is_empty());
    assert_eq!(read.body.der(), body);
}

#[test]
fn the_bodys_bytes_are_kept_even_where_we_would_write_others() {
    let bare = KdcReq::from_der(&captured!("as_req_bare")).unwrap();
    let mut body = bare.body.into_value();
    body.nonce = UInt32(0x8765_4321);
    let canonical = KdcReq::new(KdcReqKind::As, Vec::new(), body).to_der();
    // The nonce as Heimdal writes it: four bytes, negative. All lengths around shrink by one.
    let at = canonical
        .windows(9)
        .position(|bytes| bytes == b"\xa7\x07\x02\x05\x00\x87\x65\x43\x21")
        .unwrap();
    let mut negative = canonical.clone();
    negative.splice(at..at + 9, *b"\xa7\x06\x02\x04\x87\x65\x43\x21");
    for (tag, header) in [(0x6a, 0), (0x30, 3), (0xa4, 16), (0x30, 19)] {
        assert_eq!(
            &negative[header..header + 2],
            &[tag, 0x81],
            "the header at {header}"
        );
        negative[header + 2] -= 1;
    }
    let read = KdcReq::from_der(&negative).unwrap();
    assert_eq!(read.body.nonce, UInt32(0x8765_4321));
    assert_eq!(read.to_der(), negative);
    assert!(negative.ends_with(read.body.der()));
}

#[test]
fn refuses_names_of_thousands_of_components() {
    let components = [0x1b, 0].repeat(10_000);
    let length = u16::try_from(components.len()).unwrap();
    let header = |tag: u8, length: u16| [&[tag, 0x82][..], &length.to_be_bytes()].concat();
    let fields = [
        b"\xa0\x03\x02\x01\x01".to_vec(),
        header(0xa1, length + 4),
        header(0x30, length),
        components,
    ]
    .concat();
    let name = [header(0x30, u16::try_from(fields.len()).unwrap()), fields].concat();
    assert!(PrincipalName::from_der(&name).is_err());
}

#[test]
fn refuses_what_is_longer_than_any_message() {
    let endless = vec![0x30; MAX_MESSAGE_LENGTH + 1];
    let refusal = KdcReq::from_der(&endless).unwrap_err();
    assert!(matches!(refusal, ProtoError::TooLong { .. }));
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_ERR_FIELD_TOOLONG);
}

#[test]
fn refuses_elements_nested_without_end() {
    for tag in [0x30, 0x6a, 0xa0] {
        let mut nested = Vec::new();
        for _ in 0..20_000 {
            let length = u32::try_from(nested.len()).unwrap();
            let header = match length {
                0..0x80 => vec![tag, length as u8],
                0x80..0x100 => vec![tag, 0x81, length as u8],
                0x100..0x1_0000 => [&[tag, 0x82][..], &(length as u16).to_be_bytes()].concat(),
                _ => [&[tag, 0x83][..], &length.to_be_bytes()[1..]].concat(),
            };
            nested.splice(0..0, header);
        }
        assert!(!somebody_takes(&nested));
    }
}

#[test]
fn refuses_authorization_data_nested_without_end() {
    let leaf = AuthorizationDataElement {
        ad_type: AdType::WIN2K_PAC,
        ad_data: vec![1],
    };
    let mut list = AuthorizationData(vec![leaf]);
    for _ in 0..MAX_AUTHDATA_DEPTH {
        list = AuthorizationData(vec![list.if_relevant()]);
    }
    assert_eq!(list.find(AdType::WIN2K_PAC).unwrap(), [[1]]);
    list = AuthorizationData(vec![list.if_relevant()]);
    assert!(list.find(AdType::WIN2K_PAC).is_err());
}

#[test]
fn refuses_kpasswd_frames_whose_lengths_do_not_fit() {
    let request = captured!("kpasswd_req");
    for (what, position, bytes) in [
        ("total too long", 0, [0xff, 0xff]),
        ("total too short", 0, [0, 6]),
        ("version", 2, [0, 2]),
        ("AP-REQ longer than the message", 4, [0xff, 0xff]),
        ("no AP-REQ", 4, [0, 0]),
        ("AP-REQ cut", 4, [0, 100]),
    ] {
        let mut bad = request.clone();
        bad[position..position + 2].copy_from_slice(&bytes);
        assert!(PasswordRequest::from_bytes(&bad).is_err(), "{what}");
    }
    assert!(PasswordResult::from_bytes(&[0]).is_err());
}

#[test]
fn takes_a_krb_error_from_kpasswd_with_and_without_frame() {
    let error = captured!("server_unknown");
    let framed = PasswordReply::Refused(KrbError::from_der(&error).unwrap());
    assert_eq!(PasswordReply::from_bytes(&error).unwrap(), framed);
    assert_eq!(
        PasswordReply::from_bytes(&framed.to_bytes().unwrap()).unwrap(),
        framed
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        somebody_takes(&bytes);
    }

    #[test]
    fn any_damage_is_read_without_panic(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let messages = all_captured();
        let mut message = which.get(&messages).clone();
        for (position, byte) in damage {
            let position = position.index(message.len());
            message[position] = byte;
        }
        somebody_takes(&message);
    }
}
