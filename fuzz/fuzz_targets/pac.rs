//! A PAC from outside: nothing in it leads out of its bytes, nothing in it is believed without the
//! key, and what we sign holds.

#![no_main]

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::message::{AuthorizationData, EncTicketPart};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{
    ClientInfo, DelegationInfo, KdcSignatures, Pac, PacBuffer, PacContents, PacInTicket, ShownName,
    SignedPac, Signers,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let server = key(Enctype::Aes256CtsHmacSha1_96, 1);
    let kdc = key(Enctype::Aes128CtsHmacSha256_128, 2);
    read_pac(bytes, &server, &kdc);
    read_buffer(bytes);
    read_ticket(bytes, &server, &kdc);
    sign(
        bytes,
        Signers {
            server: &server,
            kdc: &kdc,
        },
    );
});

fn key(enctype: Enctype, byte: u8) -> Key {
    Key::new(enctype, &vec![byte; enctype.key_length()]).expect("a key")
}

fn read_pac(bytes: &[u8], server: &Key, kdc: &Key) {
    let Ok(pac) = Pac::parse(bytes) else {
        return;
    };
    for (kind, buffer) in pac.buffers() {
        assert!(buffer.len() <= bytes.len());
        let _ = pac.get(kind);
        read_buffer(buffer);
    }
    assert!(pac.verify_server(server).is_err());
    assert!(pac.verify_kdc(kdc).is_err());
    assert!(pac.verify_full(kdc).is_err());
    assert!(pac.verify_ticket(kdc, bytes).is_err());
}

fn read_buffer(bytes: &[u8]) {
    if let Ok(info) = ClientInfo::parse(bytes) {
        if let Ok(client) = info.client_with_realm() {
            let name = ShownName::with_realm(&client).expect("it came as text");
            assert!(ClientInfo::encode(info.authtime, &name).is_some());
        }
        assert!(!info.is_of(info.authtime, None));
    }
    if let Ok(info) = DelegationInfo::parse(bytes) {
        assert_eq!(DelegationInfo::parse(&info.encode()).ok(), Some(info));
    }
}

fn read_ticket(bytes: &[u8], server: &Key, kdc: &Key) {
    if let Ok(data) = AuthorizationData::from_der(bytes)
        && let Ok(Some(found)) = PacInTicket::find(&data)
    {
        read_pac(found.bytes(), server, kdc);
    }
    if let Ok(part) = EncTicketPart::from_der(bytes) {
        let service = Principal::parse("HTTP/www@HOME.TEST", None).expect("a name");
        let kdc = KdcSignatures {
            key: kdc,
            without_full: true,
        };
        let verified = SignedPac::verify(&part, &service, server, Some(kdc));
        assert!(!matches!(verified, Ok(Some(_))), "believed without a key");
    }
}

/// The bytes as what a PAC says.
fn sign(bytes: &[u8], signers: Signers<'_>) {
    let (client_info, delegation_info) = bytes.split_at(bytes.len() / 2);
    let contents = PacContents {
        client_info,
        delegation_info: Some(delegation_info),
    };
    for ticket in [None, Some(bytes)] {
        let signed = contents.sign(signers, ticket);
        let pac = Pac::parse(&signed).expect("ours");
        assert_eq!(
            pac.get(PacBuffer::CLIENT_INFO).ok().flatten(),
            Some(client_info)
        );
        assert!(pac.verify_server(signers.server).is_ok());
        assert!(pac.verify_kdc(signers.kdc).is_ok());
        assert_eq!(pac.verify_full(signers.kdc).is_ok(), ticket.is_some());
        assert_eq!(
            pac.verify_ticket(signers.kdc, bytes).is_ok(),
            ticket.is_some()
        );
    }
}
