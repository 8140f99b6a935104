//! Keytabs that MIT's programs wrote, and theirs of ours.

use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry, KeytabError};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use proptest::prelude::*;

use crate::mit;

const KTADD: &[u8] = include_bytes!("fixtures/ktadd.keytab");
const HOLES: &[u8] = include_bytes!("fixtures/holes.keytab");
const REUSED: &[u8] = include_bytes!("fixtures/holes_reused.keytab");
const KTUTIL: &[u8] = include_bytes!("fixtures/ktutil.keytab");

fn principal(text: &str) -> Principal {
    Principal::parse(text, None).unwrap()
}

fn entry(name: &str, kvno: u32, enctype: i32, key: &[u8]) -> KeytabEntry {
    KeytabEntry {
        principal: principal(name),
        timestamp: KerberosTime::from_unix(1_700_000_000),
        kvno,
        key: KeyBlock::new(enctype, key),
    }
}

fn kvno_of(keytab: &Keytab, name: &str, kvno: Option<u32>) -> Result<u32, KeytabError> {
    keytab
        .find(&principal(name), kvno, None)
        .map(|entry| entry.kvno)
}

#[test]
fn writes_files_of_mit_again_byte_for_byte() {
    for file in [KTADD, HOLES, REUSED, KTUTIL] {
        assert_eq!(*Keytab::parse(file).unwrap().to_bytes(), file);
    }
}

#[test]
fn reads_what_ktadd_wrote() {
    let keytab = Keytab::parse(KTADD).unwrap();
    assert_eq!(keytab.entries().count(), 12);
    let host = principal("host/www.kerb.test@KERB.TEST");
    let found = keytab.find(&host, Some(2), Some(17)).unwrap();
    assert_eq!(found.key.bytes.len(), 16);
    assert!(found.key.to_key().is_ok());
    assert_eq!(keytab.find(&host, None, None).unwrap().kvno, 3);
    assert_eq!(keytab.find(&host, Some(0), None).unwrap().kvno, 3);
}

#[test]
fn removing_what_kadmin_removed_gives_the_file_that_kadmin_left() {
    let mut keytab = Keytab::parse(KTADD).unwrap();
    let host = principal("host/www.kerb.test@KERB.TEST");
    let removed = keytab.remove_all(|entry| entry.principal == host && entry.kvno == 2);
    assert_eq!(removed, 4);
    assert_eq!(*keytab.to_bytes(), HOLES);
}

#[test]
fn adding_what_ktutil_added_gives_the_file_that_ktutil_left() {
    let theirs = Keytab::parse(REUSED).unwrap();
    let added = theirs.find(&principal("x@KERB.TEST"), None, None).unwrap();
    let mut ours = Keytab::parse(HOLES).unwrap();
    ours.add(added.clone()).unwrap();
    assert_eq!(*ours.to_bytes(), REUSED);
}

#[test]
fn reads_versions_above_255() {
    let keytab = Keytab::parse(KTUTIL).unwrap();
    assert_eq!(kvno_of(&keytab, "bob@KERB.TEST", Some(300)), Ok(300));
    assert_eq!(kvno_of(&keytab, "a\\/b/c@KERB.TEST", None), Ok(70_000));
}

#[test]
fn a_version_cut_to_eight_bits_is_found_when_there_is_no_exact_one() {
    let mut keytab = Keytab::new();
    keytab.add(entry("a@R", 44, 18, &[1; 32])).unwrap();
    assert_eq!(kvno_of(&keytab, "a@R", Some(300)), Ok(44));
    keytab.add(entry("a@R", 300, 18, &[2; 32])).unwrap();
    assert_eq!(kvno_of(&keytab, "a@R", Some(300)), Ok(300));
    let error = kvno_of(&keytab, "a@R", Some(7)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the keytab has a@R with key version [44, 300], not 7"
    );
}

#[test]
fn a_version_that_wrapped_is_newer() {
    let mut keytab = Keytab::new();
    keytab.add(entry("a@R", 255, 18, &[1; 32])).unwrap();
    keytab.add(entry("a@R", 1, 18, &[2; 32])).unwrap();
    assert_eq!(kvno_of(&keytab, "a@R", None), Ok(1));
}

#[test]
fn names_the_principal_that_is_missing() {
    let error = kvno_of(&Keytab::new(), "a@R", None).unwrap_err();
    assert_eq!(error.to_string(), "no key table entry found for a@R");
}

#[test]
fn refuses_what_would_end_the_file_for_others() {
    let mut keytab = Keytab::new();
    assert!(keytab.add(entry("a@R", 1, 18, &[])).is_err());
    let mut empty = entry("a@R", 1, 18, &[1]);
    empty.principal.name.components.clear();
    assert!(keytab.add(empty).is_err());
    assert!(keytab.add(entry("a@R", 1, 18, &[0; 40_000])).is_err());
}

#[test]
fn every_truncation_is_read_up_to_the_cut_and_written_again() {
    let whole = Keytab::parse(KTADD).unwrap();
    for end in 0..KTADD.len() {
        let cut = &KTADD[..end];
        match Keytab::parse(cut) {
            Ok(keytab) => {
                assert!(end >= 2);
                assert!(
                    keytab
                        .entries()
                        .eq(whole.entries().take(keytab.entries().count()))
                );
                assert_eq!(*keytab.to_bytes(), cut);
            }
            Err(_) => assert!(end < 2),
        }
    }
}

#[test]
fn nothing_is_added_behind_damage() {
    let mut keytab = Keytab::parse(&KTADD[..KTADD.len() - 1]).unwrap();
    assert!(keytab.damage().is_some());
    let refused = keytab.add(entry("a@R", 1, 18, &[1; 32]));
    assert!(matches!(refused, Err(KeytabError::Damaged { .. })));
}

#[test]
fn hostile_sizes_are_refused_without_memory() {
    assert_eq!(
        Keytab::parse(&[5, 2, 0x80, 0, 0, 0]),
        Err(KeytabError::ImpossibleHole { offset: 2 })
    );
    for size in [i32::MAX, -2, i32::MIN + 1] {
        let mut file = vec![5, 2];
        file.extend_from_slice(&size.to_be_bytes());
        file.push(0);
        assert!(Keytab::parse(&file).unwrap().damage().is_some());
    }
    // A record whose inner lengths lie is kept, and passed over.
    let mut file = vec![5, 2, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff];
    file.extend_from_slice(&KTADD[2..]);
    let keytab = Keytab::parse(&file).unwrap();
    assert_eq!((keytab.unreadable(), keytab.entries().count()), (1, 12));
    assert_eq!(*keytab.to_bytes(), file);
}

#[test]
fn klist_reads_our_files() {
    let mut keytab = Keytab::new();
    keytab
        .add(entry("alice@KERB.TEST", 3, 18, &[7; 32]))
        .unwrap();
    keytab
        .add(entry("host/a\\/b@KERB.TEST", 66_000, 20, &[9; 32]))
        .unwrap();
    keytab
        .add(entry("odd@KERB.TEST", 1, 99, &[1, 2, 3]))
        .unwrap();
    keytab.remove(&principal("alice@KERB.TEST"), 3, 18);
    keytab.add(entry("al@KERB.TEST", 4, 17, &[8; 16])).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ours.keytab");
    std::fs::write(&path, &*keytab.to_bytes()).unwrap();
    let Some(shown) = mit::run("klist", &["-kteK", path.to_str().unwrap()], "") else {
        return;
    };
    for line in [
        "4 11/14/23 22:13:20 al@KERB.TEST (aes128-cts-hmac-sha1-96)  (0x08080808080808080808080808080808)",
        "66000 11/14/23 22:13:20 host/a\\/b@KERB.TEST (aes256-cts-hmac-sha384-192)",
        "1 11/14/23 22:13:20 odd@KERB.TEST (DEPRECATED:etype 99)  (0x010203)",
    ] {
        assert!(shown.contains(line), "{line}\nis not in\n{shown}");
    }
    assert!(!shown.contains("alice"));
}

#[test]
fn ktutil_reads_our_file_and_writes_the_same() {
    let keytab = Keytab::parse(KTUTIL).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ours = directory.path().join("ours.keytab");
    let theirs = directory.path().join("theirs.keytab");
    std::fs::write(&ours, &*keytab.to_bytes()).unwrap();
    let input = format!("rkt {}\nwkt {}\n", ours.display(), theirs.display());
    if mit::run("ktutil", &[], &input).is_none() {
        return;
    }
    let written = Keytab::parse(&std::fs::read(theirs).unwrap()).unwrap();
    let without_time = |keytab: &Keytab| -> Vec<_> {
        let entries = keytab.entries();
        entries
            .map(|e| (e.principal.clone(), e.kvno, e.key.clone()))
            .collect()
    };
    assert_eq!(without_time(&written), without_time(&keytab));
}

fn any_entry() -> impl Strategy<Value = KeytabEntry> {
    let bytes = || proptest::collection::vec(any::<u8>(), 1..20);
    (
        proptest::collection::vec(bytes(), 1..4),
        bytes(),
        any::<i32>(),
        any::<u32>(),
        1_u32..,
        any::<i16>(),
        bytes(),
    )
        .prop_map(|(components, realm, kind, time, kvno, enctype, key)| {
            let mut entry = entry("a@R", kvno, enctype.into(), &key);
            entry.principal.realm = realm.into();
            entry.principal.name.name_type.0 = kind;
            entry.principal.name.components = components.into_iter().map(Into::into).collect();
            entry.timestamp = KerberosTime::from_unix(time.into());
            entry
        })
}

proptest! {
    #[test]
    fn what_was_added_is_read_again(entries in proptest::collection::vec(any_entry(), 0..6)) {
        let keytab = Keytab::from_entries(entries.clone()).unwrap();
        let read = Keytab::parse(&keytab.to_bytes()).unwrap();
        prop_assert_eq!(read.entries().cloned().collect::<Vec<_>>(), entries);
        prop_assert_eq!(read, keytab);
    }

    #[test]
    fn any_bytes_are_read_and_written_again(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        bytes.splice(0..0, [5, 2]);
        prop_assert_eq!(&*Keytab::parse(&bytes).unwrap().to_bytes(), &bytes);
    }

    #[test]
    fn a_changed_byte_does_no_harm(at in 2..KTADD.len(), value: u8) {
        let mut bytes = KTADD.to_vec();
        bytes[at] = value;
        let keytab = Keytab::parse(&bytes).unwrap();
        prop_assert_eq!(keytab.to_bytes().len(), bytes.len());
    }
}
