use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use kerbstone_proto::name::Principal;
use kerbstone_realm::{
    Attributes, Batch, Failure, KeyChange, LoadInto, LockoutCounters, LockoutPolicy, Observer,
    OpenEntry, RealmError, RecordKey, RecordPrefix, Records, RedbStore, Revision, Store, Versioned,
    Visitor,
};

use crate::fixture::{Fixture, at, principal, realm, stamp};

const POLICY: LockoutPolicy = LockoutPolicy {
    max_failures: 3,
    failure_interval: None,
    duration: Some(Duration::from_secs(600)),
};

fn counters(fixture: &Fixture) -> LockoutCounters {
    let store: Arc<dyn Store> = fixture.store.clone();
    LockoutCounters::new(store, 1024)
}

#[test]
fn the_login_path_writes_nothing_until_the_failure_that_locks_out() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let counters = counters(&fixture);
    let version = || fixture.registrar.show(&alice).unwrap().entry.version;
    let before = version();
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    counters.succeeded(&entry, at(1));
    for second in 2..4 {
        let counted = counters.failed(&entry, &POLICY, at(second)).unwrap();
        assert_eq!(counted, Failure::Counted(second as u32 - 1));
    }
    assert_eq!(version(), before);
    let shown = fixture.registrar.show(&alice).unwrap();
    assert_eq!(shown.activity.last_success, None);
    let locked = counters.failed(&entry, &POLICY, at(4)).unwrap();
    assert!(matches!(locked, Failure::LockedOut(lockout) if lockout.until == Some(at(604))));
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert!(entry.is_locked(at(603)) && !entry.is_locked(at(604)));
}

#[test]
fn counts_survive_a_restart_after_a_flush() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    let before = counters(&fixture);
    before.succeeded(&entry, at(1));
    before.failed(&entry, &POLICY, at(2)).unwrap();
    before.failed(&entry, &POLICY, at(3)).unwrap();
    let version = fixture.registrar.show(&alice).unwrap().entry.version;
    assert_eq!(before.flush().unwrap(), 1);
    assert_eq!(before.flush().unwrap(), 0);
    let shown = fixture.registrar.show(&alice).unwrap();
    assert_eq!(
        shown.entry.version, version,
        "a flush leaves the record alone"
    );
    assert_eq!(shown.activity.last_success, Some(at(1)));
    assert_eq!(shown.activity.last_failed, Some(at(3)));
    assert_eq!(shown.activity.fail_count, 2);
    let after = counters(&fixture);
    let locked = after.failed(&entry, &POLICY, at(4)).unwrap();
    assert!(matches!(locked, Failure::LockedOut(_)));
}

#[test]
fn success_unlocking_and_a_new_password_each_start_the_count_again() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let counters = counters(&fixture);
    let fail = |fixture: &Fixture, second| {
        let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
        counters.failed(&entry, &POLICY, at(second)).unwrap()
    };
    fail(&fixture, 1);
    fail(&fixture, 2);
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    counters.succeeded(&entry, at(3));
    assert_eq!(fail(&fixture, 4), Failure::Counted(1));
    fixture.registrar.unlock(&alice, &stamp(5)).unwrap();
    assert_eq!(fail(&fixture, 6), Failure::Counted(1));
    fail(&fixture, 7);
    assert!(matches!(fail(&fixture, 8), Failure::LockedOut(_)));
    let registrar = &fixture.registrar;
    let change = KeyChange::password(b"other");
    registrar
        .change_keys(&alice, &change, &stamp(9), &mut fixture.rng)
        .unwrap();
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert!(!entry.is_locked(at(10)));
    assert_eq!(fail(&fixture, 10), Failure::Counted(1));
}

#[test]
fn an_administrators_lock_holds_until_unlocked() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    fixture.registrar.lock(&alice, &stamp(1)).unwrap();
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert!(entry.is_locked(at(1_000_000)));
    fixture.registrar.unlock(&alice, &stamp(2)).unwrap();
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert!(!entry.is_locked(at(3)));
    assert!(!entry.attributes.contains(Attributes::LOCKED));
}

#[test]
fn a_crowd_of_names_does_not_make_memory_grow_nor_wash_out_a_failure() {
    let mut fixture = Fixture::new();
    let victim = fixture.add("victim", "secret");
    let entry = fixture.directory.lookup(&victim).unwrap().unwrap();
    let store: Arc<dyn Store> = fixture.store.clone();
    let counters = LockoutCounters::new(store, 64);
    counters.failed(&entry, &POLICY, at(1)).unwrap();
    counters.failed(&entry, &POLICY, at(2)).unwrap();
    let krbtgt = Principal::krbtgt(&realm(), &realm());
    let template = fixture.directory.lookup(&krbtgt).unwrap().unwrap();
    for number in 0..5_000 {
        let other = OpenEntry {
            principal: principal(&format!("user{number}")).into(),
            attributes: template.attributes,
            max_life: None,
            max_renewable_life: None,
            expiration: None,
            password_expiration: None,
            last_password_change: None,
            policy: None,
            lockout: None,
            unlocked_at: None,
            keys: Vec::new(),
            delegation: kerbstone_realm::Delegation::default(),
            strings: BTreeMap::new(),
            version: template.version,
        };
        counters.succeeded(&other, at(3));
    }
    let locked = counters.failed(&entry, &POLICY, at(4)).unwrap();
    assert!(matches!(locked, Failure::LockedOut(_)));
    assert_eq!(
        counters.flush().unwrap(),
        1,
        "unknown names are not written"
    );
}

/// A store whose disk is full as long as it is told so.
#[derive(Debug)]
struct Filling {
    store: Arc<RedbStore>,
    full: AtomicBool,
}

impl Store for Filling {
    fn get(&self, key: &RecordKey) -> Result<Option<Versioned<Vec<u8>>>, RealmError> {
        self.store.get(key)
    }

    fn scan(&self, prefix: &RecordPrefix, visit: &mut Visitor<'_>) -> Result<Revision, RealmError> {
        self.store.scan(prefix, visit)
    }

    fn commit(&self, batch: Batch) -> Result<Revision, RealmError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(RealmError::DiskFull {
                path: "full".into(),
            });
        }
        self.store.commit(batch)
    }

    fn load(&self, records: &mut Records<'_>, into: LoadInto) -> Result<u64, RealmError> {
        self.store.load(records, into)
    }

    fn subscribe(&self, observer: Weak<dyn Observer>) {
        self.store.subscribe(observer);
    }
}

#[test]
fn a_lockout_holds_even_when_the_disk_is_full_and_is_written_when_it_is_not() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let filling = Arc::new(Filling {
        store: fixture.store.clone(),
        full: AtomicBool::new(true),
    });
    let counters = LockoutCounters::new(filling.clone(), 1024);
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    for second in 1..3 {
        counters.failed(&entry, &POLICY, at(second)).unwrap();
    }
    assert!(!counters.is_locked_out(&entry, at(2)));
    assert!(matches!(
        counters.failed(&entry, &POLICY, at(3)),
        Err(RealmError::DiskFull { .. })
    ));
    assert!(counters.is_locked_out(&entry, at(4)));
    assert!(!counters.is_locked_out(&entry, at(603)));
    counters.flush().unwrap_err();
    assert!(counters.is_locked_out(&entry, at(4)));
    filling.full.store(false, Ordering::SeqCst);
    assert_eq!(counters.flush().unwrap(), 1);
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert!(entry.is_locked(at(4)));
    assert!(counters.is_locked_out(&entry, at(4)));
}
