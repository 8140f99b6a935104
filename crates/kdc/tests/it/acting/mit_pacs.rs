//! PACs of MIT's KDC, read with the keys that it made them with.

use std::fs;

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::message::{EncTicketPart, Ticket};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{KdcSignatures, ShownName, SignedPac};
use kerbstone_testkit::lab::{Mit, Session, Setup, Suite};

const REALM: &str = "MIT.TEST";
const PASSWORD: &str = "correct horse";

fn keys(mit: &Mit, name: &str) -> Vec<Key> {
    let keytab = Keytab::parse(&fs::read(mit.keytab(name)).unwrap()).unwrap();
    keytab
        .entries()
        .map(|entry| entry.key.to_key().unwrap())
        .collect()
}

/// A ticket of a cache, opened with one of its service's keys.
fn opened(session: &Session, service: &str, keys: &[Key]) -> (EncTicketPart, Key) {
    let cache = CredentialCache::parse(&fs::read(session.cache()).unwrap()).unwrap();
    let service = Principal::parse(service, None).unwrap();
    let credential = cache
        .tickets()
        .find(|credential| credential.server == service)
        .expect("the ticket");
    let ticket = Ticket::from_der(&credential.ticket).unwrap();
    keys.iter()
        .find_map(|key| {
            let plain = ticket.enc_part.decrypt(key, KeyUsage::TICKET).ok()?;
            Some((EncTicketPart::from_der(&plain).unwrap(), key.clone()))
        })
        .expect("the key")
}

#[test]
fn pacs_of_mits_kdc_are_verified_with_its_keys() {
    let Some(mit) = Mit::start(&Setup::realm(REALM)) else {
        return;
    };
    mit.add_user("alice", PASSWORD);
    mit.add_service("HTTP/www.mit.test");
    let session = Session::new(Suite::Mit, mit.krb5_conf());
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    session.ticket("HTTP/www.mit.test").succeeded();
    for (name, is_tgt) in [
        (format!("HTTP/www.mit.test@{REALM}"), false),
        (format!("krbtgt/{REALM}@{REALM}"), true),
    ] {
        let service = Principal::parse(&name, None).unwrap();
        let (part, key) = opened(&session, &name, &keys(&mit, &name));
        let kdc = mit_key(&mit);
        let verify = |kdc: &Key, part: &EncTicketPart| {
            let kdc = KdcSignatures {
                key: kdc,
                without_full: true,
            };
            SignedPac::verify(part, &service, &key, Some(kdc))
        };
        let pac = verify(&kdc, &part).unwrap().expect("a PAC");
        let client = ShownName::without_realm(&part.cname);
        assert!(
            pac.client_info()
                .unwrap()
                .is_of(part.authtime, client.as_ref())
        );
        assert!(verify(&key, &part).is_err() || is_tgt, "{name}");
        let mut changed = part.clone();
        changed.endtime = changed.authtime;
        assert_eq!(verify(&kdc, &changed).is_ok(), is_tgt, "{name}");
    }
}

/// The first key of the ticket-granting service.
fn mit_key(mit: &Mit) -> Key {
    keys(mit, &format!("krbtgt/{REALM}")).remove(0)
}
