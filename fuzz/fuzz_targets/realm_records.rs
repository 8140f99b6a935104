//! Records of a store and dumps of it: whatever is in them, restoring refuses or succeeds, and so
//! does everything that reads what was restored.
//!
//! An input is the middle of a dump: its first and last line, with the checksum, are added here.

#![no_main]

use std::io::Cursor;
use std::sync::Arc;

use kerbstone_fuzz::site::MASTER;
use kerbstone_proto::name::Principal;
use kerbstone_realm::{
    Directory, Glob, MasterKey, RealmError, RedbStore, Registrar, Vault, dump, restore,
};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

const TITLE: &[u8] = b"kerbstone-dump 1\n";

fuzz_target!(|records: &[u8]| {
    let store = Arc::new(RedbStore::in_memory().expect("memory"));
    let _ = restore(&*store, &mut Cursor::new(records));
    let dumped = whole_dump(records);
    if restore(&*store, &mut Cursor::new(&dumped)).is_err() {
        assert!(is_empty(&store), "refused, but kept something");
        return;
    }
    let mut again = Vec::new();
    dump(&*store, &mut again).expect("a store that was restored can be dumped");
    let copy = RedbStore::in_memory().expect("memory");
    restore(&copy, &mut Cursor::new(&again)).expect("a dump can be restored");
    if let Ok(vault) = Vault::open(store, MasterKey::new(&MASTER)) {
        let _ = read_all(Arc::new(vault));
    }
});

fn whole_dump(records: &[u8]) -> Vec<u8> {
    let mut dump = [TITLE, records].concat();
    if !dump.ends_with(b"\n") {
        dump.push(b'\n');
    }
    let lines = dump.iter().filter(|byte| **byte == b'\n').count();
    dump.extend_from_slice(format!("end 9 {} ", lines.saturating_sub(1)).as_bytes());
    let checksum = Sha256::digest(&dump);
    let hex: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    dump.extend_from_slice(hex.as_bytes());
    dump.push(b'\n');
    dump
}

fn is_empty(store: &RedbStore) -> bool {
    let mut bytes = Vec::new();
    dump(store, &mut bytes).is_ok_and(|summary| summary.records == 0)
}

fn read_all(vault: Arc<Vault>) -> Result<(), RealmError> {
    let registrar = Registrar::new(Arc::clone(&vault));
    let directory = Directory::new(Arc::clone(&vault), 16);
    let everybody = Glob::parse("*")?;
    for realm in registrar.realms()? {
        let _ = (registrar.realm(&realm), directory.realm(&realm));
        for name in registrar.policies(&realm).unwrap_or_default() {
            let _ = registrar.policy(&realm, &name);
            let _ = directory.policy(&realm, &name);
        }
        for principal in registrar.list(&realm, &everybody).unwrap_or_default() {
            read(&registrar, &directory, &principal);
        }
    }
    Ok(())
}

fn read(registrar: &Registrar, directory: &Directory, principal: &Principal) {
    let _ = registrar.show(principal);
    let _ = registrar.read_keys(principal);
    if let Ok(Some(entry)) = directory.lookup(principal) {
        let _ = (entry.kvno(), entry.current_keys().count());
    }
}
