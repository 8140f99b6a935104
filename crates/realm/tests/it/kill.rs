use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::thread;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::name::Principal;
use kerbstone_realm::{KeyChange, NewKeys, PlainKey, RedbStore, Salt};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child;
use crate::fixture::{Fixture, principal, stamp};

const WRITERS: usize = 4;
const ROUNDS: u64 = 16;
const MOST_CHANGES: u32 = 400;

fn user(number: usize) -> Principal {
    principal(&format!("user{number}"))
}

/// A key of which everything is known from its owner and version.
fn key_of(user: usize, kvno: u32) -> Key {
    let mut bytes = [user as u8; 32];
    bytes[..4].copy_from_slice(&kvno.to_be_bytes());
    Key::new(Enctype::Aes256CtsHmacSha1_96, &bytes).unwrap()
}

#[test]
fn killed_at_any_moment_it_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("realm.redb");
    let mut fixture = Fixture::with_store(RedbStore::create(&path).unwrap());
    for number in 0..WRITERS {
        fixture.add(&format!("user{number}"), "secret");
    }
    drop(fixture);
    let mut rng = StdRng::seed_from_u64(std::process::id().into());
    let mut changes = 0;
    let mut least = [1_u32; WRITERS];
    for _ in 0..ROUNDS {
        let moment = rng.random_range(0..MOST_CHANGES);
        changes += change_until_killed(directory.path(), moment, &mut least);
        check(&path, &mut least);
    }
    assert!(changes > 1_000, "only {changes} changes were tried");
}

/// Lets a child change keys, kills it after some acknowledgements and notes all that it gave.
fn change_until_killed(directory: &Path, moment: u32, least: &mut [u32; WRITERS]) -> u32 {
    let program = child::this_program();
    let name = "kill::changes_keys_until_killed";
    let mut child = child::command(&program, &[], name, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while let Some((user, kvno)) = next_acknowledgement(&mut lines) {
        least[user] = least[user].max(kvno);
        if seen == moment {
            child.kill().unwrap();
        }
        seen += 1;
    }
    assert!(seen > moment, "the child ended by itself");
    assert!(!child.wait().unwrap().success());
    seen
}

fn next_acknowledgement(lines: &mut BufReader<ChildStdout>) -> Option<(usize, u32)> {
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            return None;
        }
        // The test harness writes lines of its own, and begins one before the first of ours.
        if let Some((_, numbers)) = line.trim_end().split_once("changed ") {
            let (user, kvno) = numbers.split_once(' ').unwrap();
            return Some((user.parse().unwrap(), kvno.parse().unwrap()));
        }
    }
}

/// Every key is the last acknowledged one or the one that was under way.
fn check(path: &Path, least: &mut [u32; WRITERS]) {
    let fixture = Fixture::reopen(path);
    for (number, least) in least.iter_mut().enumerate() {
        let entry = fixture.directory.lookup(&user(number)).unwrap().unwrap();
        let kvno = entry.kvno();
        assert!(kvno == *least || kvno == *least + 1, "{kvno} after {least}");
        if kvno > 1 {
            assert!(entry.keys[0].key == key_of(number, kvno));
        }
        *least = kvno;
    }
}

#[test]
#[ignore = "run by killed_at_any_moment_it_loses_nothing_acknowledged, in a child"]
fn changes_keys_until_killed() {
    let Some(directory) = child::directory() else {
        return;
    };
    let fixture = Fixture::reopen(&directory.join("realm.redb"));
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let fixture = &fixture;
            scope.spawn(move || change_for_ever(fixture, number));
        }
    });
}

fn change_for_ever(fixture: &Fixture, number: usize) {
    let mut rng = StdRng::seed_from_u64(2);
    let user = user(number);
    let first = fixture.directory.lookup(&user).unwrap().unwrap().kvno() + 1;
    for kvno in first.. {
        let key = PlainKey {
            kvno,
            key: key_of(number, kvno),
            salt: Salt::Normal,
            s2k_params: None,
        };
        let change = KeyChange::new(NewKeys::Explicit(vec![key]));
        let registrar = &fixture.registrar;
        registrar
            .change_keys(&user, &change, &stamp(1), &mut rng)
            .unwrap();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "changed {number} {kvno}")
            .and_then(|()| out.flush())
            .is_err()
        {
            return;
        }
    }
}
