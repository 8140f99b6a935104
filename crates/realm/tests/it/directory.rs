use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_realm::{KeyChange, NewKeys, PlainKey, RealmSettings, Salt};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::fixture::{Fixture, principal, realm, stamp};

/// A key whose bytes tell its version.
fn numbered(kvno: u32) -> KeyChange<'static> {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&kvno.to_be_bytes());
    KeyChange::new(NewKeys::Explicit(vec![PlainKey {
        kvno,
        key: Key::new(Enctype::Aes256CtsHmacSha1_96, &bytes).unwrap(),
        salt: Salt::Normal,
        s2k_params: None,
    }]))
}

#[test]
fn readers_beside_a_writer_see_whole_records_and_never_one_older_than_acknowledged() {
    let mut fixture = Fixture::new();
    let host = fixture.add("host/www", "secret");
    let alias = principal("www");
    fixture
        .registrar
        .add_alias(&alias, &host, &stamp(0))
        .unwrap();
    let change = numbered(1);
    fixture
        .registrar
        .change_keys(&host, &change, &stamp(0), &mut fixture.rng)
        .unwrap();
    let acknowledged = AtomicU32::new(1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for name in [&host, &alias, &host, &alias] {
            scope.spawn(|| {
                let name = name.clone();
                let mut reads = 0;
                while !done.load(Ordering::SeqCst) || reads < 100 {
                    let least = acknowledged.load(Ordering::SeqCst);
                    let entry = fixture.directory.lookup(&name).unwrap().unwrap();
                    let key = &entry.keys[0];
                    assert!(key.kvno >= least, "{} is older than {least}", key.kvno);
                    assert_eq!(key.key.bytes()[..4], key.kvno.to_be_bytes());
                    reads += 1;
                }
            });
        }
        let mut rng = StdRng::seed_from_u64(2);
        for kvno in 2..500 {
            let change = numbered(kvno);
            fixture
                .registrar
                .change_keys(&host, &change, &stamp(1), &mut rng)
                .unwrap();
            acknowledged.store(kvno, Ordering::SeqCst);
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn writers_that_race_all_get_their_change_in() {
    let mut fixture = Fixture::new();
    let host = fixture.add("host/www", "secret");
    thread::scope(|scope| {
        for _ in 0..4 {
            let (registrar, host) = (&fixture.registrar, &host);
            let mut rng = StdRng::seed_from_u64(2);
            scope.spawn(move || {
                for _ in 0..25 {
                    let change = KeyChange::random();
                    registrar
                        .change_keys(host, &change, &stamp(1), &mut rng)
                        .unwrap();
                }
            });
        }
    });
    let entry = fixture.directory.lookup(&host).unwrap().unwrap();
    assert_eq!(entry.kvno(), 101);
}

#[test]
fn holds_no_more_open_entries_than_it_was_told() {
    let mut fixture = Fixture::new();
    let host = fixture.add("host/www", "secret");
    for number in 0..600 {
        let alias = principal(&format!("alias{number}"));
        fixture
            .registrar
            .add_alias(&alias, &host, &stamp(0))
            .unwrap();
        fixture.directory.lookup(&alias).unwrap().unwrap();
    }
    assert!(fixture.directory.open_entries() <= 256);
}

#[test]
fn settings_change_for_the_next_reader() {
    let fixture = Fixture::new();
    let cached = fixture.directory.realm(&realm()).unwrap().unwrap();
    let mut settings = fixture.registrar.realm(&realm()).unwrap();
    assert_eq!(settings.value, *cached);
    settings.value.max_life = std::time::Duration::from_secs(60);
    fixture.registrar.modify_realm(&settings).unwrap();
    let cached = fixture.directory.realm(&realm()).unwrap().unwrap();
    assert_eq!(*cached, settings.value);
    assert_ne!(cached.max_life, RealmSettings::new(realm()).max_life);
}
