//! Keytab files: what can be read is written and read again as it was, and stays readable while
//! entries come and go.

#![no_main]

use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(keytab) = Keytab::parse(bytes) else {
        return;
    };
    assert_reads_as_written(&keytab);
    for entry in keytab.entries().take(8) {
        change(keytab.clone(), entry);
    }
});

fn change(mut keytab: Keytab, entry: &KeytabEntry) {
    let (kvno, enctype) = (entry.kvno, entry.key.enctype);
    assert!(
        keytab
            .find(&entry.principal, Some(kvno), Some(enctype))
            .is_ok()
    );
    while keytab.remove(&entry.principal, kvno, enctype) {}
    assert!(!keytab.entries().any(|left| left == entry));
    assert_reads_as_written(&keytab);
    if keytab.add(entry.clone()).is_ok() {
        assert!(keytab.entries().any(|found| found == entry));
        assert_reads_as_written(&keytab);
    }
}

fn assert_reads_as_written(keytab: &Keytab) {
    let written = keytab.to_bytes();
    let read = Keytab::parse(&written);
    assert_eq!(read.as_ref(), Ok(keytab));
}
