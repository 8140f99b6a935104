use std::fs;
use std::io::Cursor;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kerbstone_realm::{
    Glob, KeyChange, MasterKey, RealmError, RecordPrefix, RedbStore, Registrar, Store, Vault, dump,
    dump_to_file, restore, restore_from_file, verify,
};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::fixture::{Fixture, MASTER, principal, realm, stamp};

fn dumped(fixture: &Fixture) -> Vec<u8> {
    let mut bytes = Vec::new();
    dump(&*fixture.store, &mut bytes).unwrap();
    bytes
}

fn is_empty(store: &RedbStore) -> bool {
    let mut empty = true;
    store
        .scan(&RecordPrefix::all(), &mut |_| {
            empty = false;
            Ok(std::ops::ControlFlow::Break(()))
        })
        .unwrap();
    empty
}

#[test]
fn a_restored_store_is_the_dumped_one() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    fixture
        .registrar
        .add_alias(&principal("al"), &alice, &stamp(0))
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dump");
    let summary = dump_to_file(&*fixture.store, &path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let store = Arc::new(RedbStore::in_memory().unwrap());
    assert_eq!(restore_from_file(&*store, &path).unwrap(), summary);
    let shared: Arc<dyn Store> = store.clone();
    let vault = Arc::new(Vault::open(shared, MasterKey::new(&MASTER)).unwrap());
    let registrar = Registrar::new(vault);
    let old = fixture.registrar.show(&alice).unwrap().entry;
    let new = registrar.show(&principal("al")).unwrap().entry;
    assert_eq!(new.value, old.value);
    assert!(new.version > summary.revision, "versions never come back");
    assert!(matches!(
        restore_from_file(&*store, &path),
        Err(RealmError::NotEmpty)
    ));
}

#[test]
fn a_dump_cut_or_altered_anywhere_restores_nothing() {
    let fixture = Fixture::new();
    let whole = dumped(&fixture);
    verify(&mut Cursor::new(&whole)).unwrap();
    let store = RedbStore::in_memory().unwrap();
    for place in (0..whole.len())
        .step_by(7)
        .chain(whole.len() - 80..whole.len())
    {
        assert!(restore(&store, &mut Cursor::new(&whole[..place])).is_err());
        let mut altered = whole.clone();
        altered[place] ^= 1;
        assert!(
            restore(&store, &mut Cursor::new(&altered)).is_err(),
            "{place}"
        );
    }
    let more = [&whole[..], b"x"].concat();
    assert!(restore(&store, &mut Cursor::new(&more)).is_err());
    let doubled = [&whole[..], &whole[..]].concat();
    assert!(restore(&store, &mut Cursor::new(&doubled)).is_err());
    let missing: Vec<&str> = std::str::from_utf8(&whole).unwrap().lines().collect();
    let missing = [&missing[..2], &missing[3..]].concat().join("\n") + "\n";
    assert!(restore(&store, &mut Cursor::new(missing.as_bytes())).is_err());
    assert!(is_empty(&store));
    restore(&store, &mut Cursor::new(&whole)).unwrap();
}

#[test]
fn a_dump_of_a_later_format_is_named_as_such() {
    let store = RedbStore::in_memory().unwrap();
    let later = b"kerbstone-dump 2\nend 0 0 00\n";
    assert!(matches!(
        restore(&store, &mut Cursor::new(later)),
        Err(RealmError::NewerFormat { found: 2, .. })
    ));
}

#[test]
fn dumps_taken_while_writing_goes_on_are_consistent() {
    let mut fixture = Fixture::new();
    let (one, two) = (principal("one"), principal("two"));
    let home = fixture.add("home", "secret");
    fixture.registrar.add_alias(&one, &home, &stamp(0)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // One commit takes the old name away and brings the new one, so a dump holds one of them.
            let mut rng = StdRng::seed_from_u64(2);
            for _ in 0..200 {
                let registrar = &fixture.registrar;
                let other = principal("other");
                registrar
                    .rename(&home, &other, &stamp(1), &mut rng)
                    .unwrap();
                registrar
                    .rename(&other, &home, &stamp(1), &mut rng)
                    .unwrap();
                let change = KeyChange::random();
                registrar
                    .change_keys(&two, &change, &stamp(1), &mut rng)
                    .unwrap_err();
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut dumps = 0;
        while !done.load(Ordering::SeqCst) || dumps < 5 {
            let store = Arc::new(RedbStore::in_memory().unwrap());
            restore(&*store, &mut Cursor::new(dumped(&fixture))).unwrap();
            let vault = Vault::open(store, MasterKey::new(&MASTER)).unwrap();
            let registrar = Registrar::new(Arc::new(vault));
            let glob = Glob::parse("[ho]*").unwrap();
            assert_eq!(registrar.list(&realm(), &glob).unwrap().len(), 2);
            registrar.show(&one).unwrap();
            dumps += 1;
        }
    });
}

#[test]
fn a_file_that_lies_where_a_dump_is_written_chooses_neither_its_mode_nor_its_place() {
    let site = Fixture::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dump");
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    symlink(&elsewhere, directory.path().join("dump.new")).unwrap();
    dump_to_file(&**site.registrar.vault().store(), &path).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    let made = fs::symlink_metadata(&path).unwrap();
    assert!(made.is_file());
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
}
