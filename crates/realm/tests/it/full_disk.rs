use std::fs;
use std::path::Path;
use std::process::Command;

use kerbstone_proto::name::Principal;
use kerbstone_realm::{KeyChange, RealmError, RedbStore};

use crate::child;
use crate::fixture::{Fixture, principal, stamp};

fn try_add(fixture: &mut Fixture, name: &Principal) -> Result<(), RealmError> {
    let mut entry = fixture.registrar.template(name, &stamp(0)).unwrap();
    entry.strings.insert("ballast".into(), "x".repeat(20_000));
    let keys = KeyChange::random();
    fixture
        .registrar
        .create(entry, &keys, &stamp(0), &mut fixture.rng)
        .map(|_| ())
}

fn fill(fixture: &mut Fixture) -> Vec<Principal> {
    let mut added = Vec::new();
    for number in 0..10_000 {
        let name = principal(&format!("user{number}"));
        match try_add(fixture, &name) {
            Ok(()) => added.push(name),
            Err(RealmError::DiskFull { .. }) => return added,
            Err(error) => panic!("not a clear error: {error:?}"),
        }
    }
    panic!("the disk never filled up");
}

fn assert_all_there(fixture: &Fixture, added: &[Principal]) {
    for name in added {
        let found = fixture.directory.lookup(name).unwrap();
        assert!(found.is_some(), "{name} is lost");
        fixture.registrar.show(name).unwrap();
    }
}

/// Fills the disk under a store, works on, makes room and works on.
fn goes_through_a_full_disk(path: &Path, make_room: impl FnOnce()) {
    let mut fixture = Fixture::with_store(RedbStore::create(path).unwrap());
    let mut added = fill(&mut fixture);
    assert!(added.len() > 10);
    let refused = principal("refused");
    for _ in 0..20 {
        let error = try_add(&mut fixture, &refused).unwrap_err();
        assert!(error.to_string().contains("no room left"), "{error}");
        assert!(fixture.directory.lookup(&refused).unwrap().is_none());
        assert_all_there(&fixture, &added[..10]);
    }
    assert_all_there(&fixture, &added);
    drop(fixture);
    let mut fixture = Fixture::reopen(path);
    assert_all_there(&fixture, &added);
    try_add(&mut fixture, &refused).unwrap_err();
    make_room();
    try_add(&mut fixture, &refused).unwrap();
    assert!(!fixture.store.is_read_only());
    added.push(refused);
    assert_all_there(&fixture, &added);
    drop(fixture);
    assert_all_there(&Fixture::reopen(path), &added);
}

/// Unmounts when the test is over, whichever way.
struct Mount<'a>(&'a Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_file_system_is_a_clear_error_and_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
        .arg(directory.path())
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        // Only root may mount; the limit on file sizes below tries the same without.
        return;
    }
    let _mount = Mount(directory.path());
    let ballast = directory.path().join("ballast");
    fs::write(&ballast, vec![1; 18 << 20]).unwrap();
    goes_through_a_full_disk(&directory.path().join("realm.redb"), || {
        fs::remove_file(&ballast).unwrap();
    });
}

#[test]
fn a_limit_on_the_size_of_files_is_a_clear_error_and_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ; ulimit -S -f 6000; exec \"$0\" \"$@\"";
    let program = child::this_program();
    let name = "full_disk::meets_the_limit";
    let status = child::command("bash", &["-c", limited, &program], name, directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(directory.path().join("realm.redb").exists());
}

#[test]
#[ignore = "run by a_limit_on_the_size_of_files_is_a_clear_error_and_no_damage, in a child"]
fn meets_the_limit() {
    let Some(directory) = child::directory() else {
        return;
    };
    goes_through_a_full_disk(&directory.join("realm.redb"), || {
        let own = std::process::id().to_string();
        let raised = Command::new("prlimit")
            .args(["--pid", &own, "--fsize=unlimited:"])
            .status()
            .unwrap();
        assert!(raised.success());
    });
}
