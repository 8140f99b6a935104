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
    RedbStore, Registrar, Salt, Stamp, Vault,
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
    let mut rng = StdRng::seed_from_u64(2);
    let names: Vec<_> = (0..200_000)
        .map(|_| name_of(rng.random_range(0..MANY)))
        .collect();
    let each = per_call(&names, |name| {
        directory.lookup(name).unwrap().unwrap();
    });
    println!("lookup of any principal, mostly not cached: {each:?}");
    let few: Vec<_> = names
        .iter()
        .map(|_| name_of(rng.random_range(0..1_000)))
        .collect();
    per_call(&few, |name| drop(directory.lookup(name).unwrap()));
    let each = per_call(&few, |name| drop(directory.lookup(name).unwrap()));
    println!("lookup of cached principals: {each:?}");
    let each = per_call(&names[..200], |name| {
        let change = KeyChange::random();
        registrar
            .change_keys(name, &change, &stamp(), &mut StdRng::seed_from_u64(3))
            .unwrap();
    });
    println!("durable change of keys: {each:?}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"))
    {
        println!("{line}");
    }
}

fn per_call(names: &[Principal], mut call: impl FnMut(&Principal)) -> Duration {
    let begin = Instant::now();
    for name in names {
        call(name);
    }
    begin.elapsed() / u32::try_from(names.len()).unwrap()
}
