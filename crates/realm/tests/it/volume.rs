use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::name::Principal;
use kerbstone_realm::{Attributes, Entry, PlainKey, RealmError, RedbStore, Salt, Vault};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fixture::{Fixture, at, principal, stamp};

const MANY: u32 = 100_000;

fn name_of(number: u32) -> Principal {
    principal(&format!("u{number:06}"))
}

fn entry_of(number: u32, vault: &Vault, rng: &mut StdRng) -> Result<Entry, RealmError> {
    let mut entry = Entry::new(name_of(number), stamp(0).by, at(0));
    entry.attributes = Attributes::REQUIRES_PREAUTH;
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let key = PlainKey {
        kvno: 1,
        key: Key::new(Enctype::Aes256CtsHmacSha1_96, &bytes)?,
        salt: Salt::Normal,
        s2k_params: None,
    };
    entry.keys.push(vault.seal(&entry.principal, key, rng)?);
    Ok(entry)
}

#[test]
fn a_hundred_thousand_principals_are_loaded_at_once_and_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("realm.redb");
    let fixture = Fixture::with_store(RedbStore::create(&path).unwrap());
    let vault = fixture.registrar.vault().clone();
    let mut rng = StdRng::seed_from_u64(2);
    let entries = (0..MANY).map(|number| entry_of(number, &vault, &mut rng));
    assert_eq!(fixture.registrar.load(entries).unwrap(), u64::from(MANY));
    drop((vault, fixture));
    let fixture = Fixture::reopen(&path);
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..2_000 {
        let number = rng.random_range(0..MANY);
        let entry = fixture.directory.lookup(&name_of(number)).unwrap().unwrap();
        assert_eq!(entry.keys[0].key.bytes()[..4], number.to_be_bytes());
    }
    assert!(fixture.directory.lookup(&name_of(MANY)).unwrap().is_none());
}

#[test]
fn a_load_that_fails_leaves_nothing_behind() {
    let mut fixture = Fixture::new();
    fixture.add("u000003", "secret");
    let vault = fixture.registrar.vault().clone();
    let mut rng = StdRng::seed_from_u64(2);
    let entries = (0..5).map(|number| entry_of(number, &vault, &mut rng));
    let refused = fixture.registrar.load(entries);
    assert!(matches!(refused, Err(RealmError::Conflict(name)) if name == "u000003@EXAMPLE.ORG"));
    assert!(fixture.directory.lookup(&name_of(0)).unwrap().is_none());
    assert!(fixture.password_works(&name_of(3), "secret"));
}
