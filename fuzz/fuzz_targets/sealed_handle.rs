//! Sealed handles, from behind their seal: whoever has the key may have put anything into them.
//! What opens is sealed and opened again as it was, and is used without waiting for anybody.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use kerbstone_client::{Environment, KeytabFile};
use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_fuzz::clock::random;
use kerbstone_gss::Oid;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::KeytabEntry;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::ticket_source::{TicketSource, WantedTicket};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use kerbstone_proxy::desk::{
    CacheSource, Desk, DeskEnvironment, HeldCredential, Patience, Patterns, Sources,
};
use libfuzzer_sys::fuzz_target;

struct Site {
    key: Key,
    sources: Sources,
    service: Principal,
    /// Two that know nothing of each other's handles.
    desks: [Desk; 2],
}

static SITE: LazyLock<Site> = LazyLock::new(site);

fn site() -> Site {
    let folder = std::env::temp_dir().join(format!("sealed-handle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| format!("FILE:{}", folder.join(name).display());
    let conf = folder.join("krb5.conf");
    let text = "[libdefaults]\ndefault_realm = FUZZ.TEST\ndns_lookup_kdc = false\n";
    std::fs::write(&conf, text).expect("krb5.conf");
    let key = Key::new(Enctype::Aes256CtsHmacSha1_96, &[7; 32]).expect("a key");
    let service = Principal::parse("HTTP/www", Some(&Realm::from("FUZZ.TEST"))).expect("a name");
    let keytab = KeytabFile::parse(&path("keytab")).expect("a name");
    keytab
        .add(KeytabEntry {
            principal: service.clone(),
            timestamp: KerberosTime::ZERO,
            kvno: 1,
            key: KeyBlock::from(&key),
        })
        .expect("a keytab");
    Site {
        key,
        service,
        sources: Sources {
            service: "fuzz".into(),
            keytab: Some(path("keytab")),
            client_keytab: Some(path("keytab")),
            cache: CacheSource::Memory,
            replay_cache: Some("none:".into()),
            patterns: Patterns {
                keytab: Some(path("keytab")),
                client_keytab: None,
                cache: Some(path("cache_%U")),
            },
            min_lifetime: Duration::ZERO,
        },
        desks: [desk(&conf), desk(&conf)],
    }
}

fn desk(conf: &Path) -> Desk {
    Desk::new(DeskEnvironment {
        kerberos: Environment {
            krb5_config: Some(conf.display().to_string()),
            ..Environment::default()
        },
        ..DeskEnvironment::default()
    })
    .expect("a desk")
}

fuzz_target!(|input: &[u8]| {
    let Some((way, text)) = input.split_first() else {
        return;
    };
    let Site {
        key,
        sources,
        desks: [desk, other],
        ..
    } = &*SITE;
    let plain = if way % 2 == 0 {
        exported(text)
    } else {
        text.to_vec()
    };
    let handle = key.encrypt(KeyUsage(16), &plain, &mut random());
    let Some(held) = desk.open(sources, &handle) else {
        return;
    };
    let sealed = desk.seal(sources, &held).expect("there is a key");
    let again = other
        .open(sources, &sealed)
        .expect("it was sealed a moment ago");
    assert_eq!(held.usage(), again.usage());
    assert_eq!(held.name(), again.name());
    assert_eq!(held.impersonator(), again.impersonator());
    assert_eq!(held.enctypes(), again.enctypes());
    serve(desk, &held);
    serve(other, &again);
});

/// As MIT's mechglue frames it.
fn exported(text: &[u8]) -> Vec<u8> {
    let mech = Oid::KRB5;
    let mut plain = Vec::new();
    for part in [mech.contents(), text] {
        plain.extend((part.len() as u32).to_be_bytes());
        plain.extend(part);
    }
    plain
}

fn serve(desk: &Desk, held: &HeldCredential) {
    let now = Timestamp::new(KerberosTime::from_unix(1_700_000_000), 0);
    let site = &*SITE;
    let _ = desk.life(held, now);
    let _ = desk.acceptor(&site.sources, held, now);
    let _ = desk.impersonate(held, &site.service, Patience::Never, now);
    if let Ok(mut tickets) = desk.tickets(held, Patience::Never, now) {
        let wanted = WantedTicket::for_server(site.service.clone());
        let _ = tickets.service_ticket(&wanted);
        let _ = tickets.client();
    }
}
