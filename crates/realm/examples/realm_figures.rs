//! Prints what a store of 100,000 principals costs: `cargo run --release -p kerbstone-realm --example realm_figures`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{
    Attributes, DEFAULT_CAPACITY, Directory, Entry, KeyChange, MasterKey, PlainKey, RealmSettings,
    RecordKey, RedbStore, Registrar, Salt, Stamp, Vault,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const MANY: u32 = 100_000;
const NOW: KerberosTime = KerberosTime::from_unix(1_700_000_000);

/// Each part has a process of its own, so that the second one's memory is that of a KDC.
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [part, path] if part == "load" => load(Path::new(path)),
        [part, path] if part == "use" => use_store(Path::new(path)),
        _ => {
            let directory = tempfile::tempdir().unwrap();
            run("load", directory.path());
            run("use", directory.path());
        }
    }
}

fn run(part: &str, directory: &Path) {
    let program = std::env::current_exe().unwrap();
    let path = directory.join("realm.redb");
    let status = Command::new(program).arg(part).arg(path).status();
    assert!(status.unwrap().success());
}

fn name_of(number: u32) -> Principal {
    Principal::parse(&format!("u{number:06}@EXAMPLE.ORG"), None).unwrap()
}

fn stamp() -> Stamp {
    Stamp {
        by: name_of(0),
        at: NOW,
    }
}

fn load(path: &Path) {
    let mut rng = StdRng::seed_from_u64(1);
    let store = Arc::new(RedbStore::create(path).unwrap());
    let vault = Arc::new(Vault::create(store, MasterKey::new(&[7; 32])).unwrap());
    let registrar = Registrar::new(vault.clone());
    let settings = RealmSettings::new(Realm::from("EXAMPLE.ORG"));
    registrar
        .create_realm(&settings, &stamp(), &mut rng)
        .unwrap();
    let begin = Instant::now();
    let enctypes = [Enctype::Aes256CtsHmacSha1_96, Enctype::Aes128CtsHmacSha1_96];
    let entries = (0..MANY).map(|number| {
        let mut entry = Entry::new(name_of(number), stamp().by, NOW);
        entry.attributes = Attributes::REQUIRES_PREAUTH;
        for enctype in enctypes {
            let key = PlainKey {
                kvno: 1,
                key: Key::random(enctype, &mut rng)?,
                salt: Salt::Normal,
                s2k_params: None,
            };
            entry
                .keys
                .push(vault.seal(&entry.principal, key, &mut rng)?);
        }
        Ok(entry)
    });
    registrar.load(entries).unwrap();
    let size = path.metadata().unwrap().len() >> 20;
    println!(
        "load of {MANY} principals: {:?}, {size} MiB",
        begin.elapsed()
    );
    // No destructor runs, as after kill -9.
    std::process::exit(0);
}

fn use_store(path: &Path) {
    let begin = Instant::now();
    let store = Arc::new(RedbStore::open(path).unwrap());
    let vault = Arc::new(Vault::open(store, MasterKey::new(&[7; 32])).unwrap());
    let registrar = Registrar::new(vault.clone());
    let directory = Directory::new(vault, DEFAULT_CAPACITY);
    directory.lookup(&name_of(1)).unwrap().unwrap();
    println!("ready after a crash: {:?}", begin.elapsed());
    print_memory("ready");
    let mut rng = StdRng::seed_from_u64(2);
    let mut any = move || name_of(rng.random_range(0..MANY));
    let mut rng = StdRng::seed_from_u64(2);
    let mut few = move || name_of(rng.random_range(0..1_000));
    per_call("making a name (part of each figure below)", 200_000, || {
        drop(any())
    });
    per_call("record read from the store", 200_000, || {
        let key = RecordKey::principal(&any());
        directory.vault().store().get(&key).unwrap().unwrap();
    });
    print_memory("after reading records");
    per_call(
        "lookup of any principal, mostly not cached",
        200_000,
        || {
            directory.lookup(&any()).unwrap().unwrap();
        },
    );
    print_memory("after lookups");
    for _ in 0..2 {
        per_call(
            "lookup of one of 1,000 (the second time cached)",
            100_000,
            || {
                directory.lookup(&few()).unwrap().unwrap();
            },
        );
    }
    per_call("durable change of keys", 200, || {
        let change = KeyChange::random();
        let mut rng = StdRng::seed_from_u64(3);
        registrar
            .change_keys(&any(), &change, &stamp(), &mut rng)
            .unwrap();
    });
    print_memory("at the end");
}

fn print_memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let rss = status.lines().find(|line| line.starts_with("VmRSS"));
    println!("{when}: {}", rss.unwrap());
}

/// CPU time of this thread, which the noise of the machine touches least.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let spent = text.split(' ').next().unwrap();
    Duration::from_nanos(spent.parse().unwrap())
}

fn per_call(what: &str, count: u32, mut call: impl FnMut()) {
    let (wall, spent) = (Instant::now(), cpu());
    for _ in 0..count {
        call();
    }
    let (wall, spent) = (wall.elapsed() / count, (cpu() - spent) / count);
    println!("{what}: {spent:?} CPU, {wall:?} wall");
}
