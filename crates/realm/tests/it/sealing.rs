use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use kerbstone_realm::{
    Batch, Expect, MasterKey, PrincipalRecord, RealmError, RecordKey, RedbStore, Registrar, Store,
    Vault,
};

use crate::fixture::{Fixture, MASTER, principal, stamp};

#[test]
fn a_sealed_key_opens_in_its_own_place_only() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    fixture.add("mallory", "known");
    let vault = fixture.registrar.vault();
    let entry = fixture.registrar.show(&alice).unwrap().entry.value;
    let stored = &entry.keys[0];
    vault.unseal(&alice, stored).unwrap();
    let unsealable = |result: Result<_, _>| {
        matches!(
            result,
            Err::<kerbstone_crypto::Key, _>(RealmError::Unsealable(_))
        )
    };
    assert!(unsealable(vault.unseal(&principal("mallory"), stored)));
    let mut other = stored.clone();
    other.kvno += 1;
    assert!(unsealable(vault.unseal(&alice, &other)));
    let mut other = stored.clone();
    other.enctype = kerbstone_crypto::Enctype::Aes256CtsHmacSha384_192;
    assert!(unsealable(vault.unseal(&alice, &other)));
    for place in 0..stored.sealed.bytes.len() {
        let mut other = stored.clone();
        other.sealed.bytes[place] ^= 1;
        assert!(unsealable(vault.unseal(&alice, &other)));
        other.sealed.bytes.truncate(place);
        assert!(unsealable(vault.unseal(&alice, &other)));
    }
}

#[test]
fn a_key_copied_into_another_record_is_an_error_for_the_kdc() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let mallory = fixture.add("mallory", "known");
    let store = &fixture.store;
    let stolen = store.get(&RecordKey::principal(&mallory)).unwrap().unwrap();
    let key = RecordKey::principal(&alice);
    store
        .commit(Batch::default().put(key, Expect::Any, stolen.value))
        .unwrap();
    assert!(matches!(
        fixture.directory.lookup(&alice),
        Err(RealmError::Unsealable(_))
    ));
}

#[test]
fn records_hold_no_key_in_the_clear() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let open = fixture.directory.lookup(&alice).unwrap().unwrap();
    let record = fixture.store.get(&RecordKey::principal(&alice)).unwrap();
    let record = record.unwrap().value;
    let key = open.keys[0].key.bytes();
    assert!(
        !record
            .windows(8)
            .any(|window| key.windows(8).any(|part| part == window))
    );
    assert!(!format!("{open:?}").contains("key:"));
}

#[test]
fn a_record_damaged_anywhere_is_an_error_and_never_a_panic() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let key = RecordKey::principal(&alice);
    let record = fixture.store.get(&key).unwrap().unwrap().value;
    for place in 0..record.len() {
        assert!(PrincipalRecord::decode(alice.clone(), &record[..place]).is_err());
        for bit in 0..8 {
            let mut damaged = record.clone();
            damaged[place] ^= 1 << bit;
            let _ = PrincipalRecord::decode(alice.clone(), &damaged);
        }
    }
    assert!(PrincipalRecord::decode(alice.clone(), &[record, vec![0]].concat()).is_err());
}

#[test]
fn rotating_the_master_key_keeps_every_password_and_refuses_the_old_key() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let fresh = [9; 32];
    let vault = fixture.registrar.vault().clone();
    let count = vault
        .rotate(MasterKey::new(&fresh), &mut fixture.rng)
        .unwrap();
    assert_eq!(count, 4);
    assert_eq!(vault.master_kvno(), 2);
    assert!(fixture.password_works(&alice, "secret"));
    fixture.add("bob", "secret");
    let store: Arc<dyn Store> = fixture.store.clone();
    match Vault::open(store.clone(), MasterKey::new(&MASTER)) {
        Err(RealmError::WrongMasterKey { kvno: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    let vault = Arc::new(Vault::open(store, MasterKey::new(&fresh)).unwrap());
    let keys = Registrar::new(vault).read_keys(&alice).unwrap();
    let open = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert!(keys[0].key == open.keys[0].key);
}

#[test]
fn a_store_is_set_up_once_and_before_it_is_opened() {
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().unwrap());
    let key = || MasterKey::new(&MASTER);
    assert!(matches!(
        Vault::open(store.clone(), key()),
        Err(RealmError::NotSetUp)
    ));
    Vault::create(store.clone(), key()).unwrap();
    assert!(matches!(
        Vault::create(store.clone(), key()),
        Err(RealmError::NotEmpty)
    ));
    let vault = Arc::new(Vault::open(store, key()).unwrap());
    assert!(matches!(
        Registrar::new(vault).template(&principal("alice"), &stamp(0)),
        Err(RealmError::NoSuchRealm(_))
    ));
}

#[test]
fn the_file_of_the_master_key_must_be_closed_to_others_and_of_32_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    fs::write(&path, MASTER).unwrap();
    let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o644] {
        set_mode(mode);
        let error = MasterKey::load(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    for mode in [0o600, 0o400] {
        set_mode(mode);
        let key = MasterKey::load(&path).unwrap();
        assert_eq!(key.fingerprint(), MasterKey::new(&MASTER).fingerprint());
    }
    set_mode(0o600);
    for length in [0, 31, 33, 4096] {
        fs::write(&path, vec![1; length]).unwrap();
        assert!(matches!(
            MasterKey::load(&path),
            Err(RealmError::MasterKeyLength { .. })
        ));
    }
}
