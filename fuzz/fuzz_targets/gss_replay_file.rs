//! The replay cache's file under people who write into it: whatever they do, no request is
//! accepted twice.

#![no_main]

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use kerbstone_crypto::Enctype;
use kerbstone_fuzz::clock::around_now;
use kerbstone_fuzz::gss_pair::{CLIENT, SERVICE};
use kerbstone_fuzz::site::principal;
use kerbstone_gss::ReplayEntry;
use kerbstone_gss::replay::{Freshness, ReplayCache, SharedReplayCache};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand::rngs::StdRng;

const LIFE: i32 = 300;

#[derive(Arbitrary, Debug)]
enum Deed<'a> {
    /// A request, made now, to one of two workers.
    Ask(bool, u8),
    /// One that was made before.
    Replay(bool, u8),
    /// So many others.
    Crowd(u8),
    Write(u16, &'a [u8]),
    Cut(u16),
    /// A worker begins anew.
    Restart(bool),
    Pass(u8),
}

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = if Path::new("/dev/shm").is_dir() {
        "/dev/shm"
    } else {
        "/tmp"
    };
    Path::new(folder).join(format!("kerbstone-fuzz-{}.replay", std::process::id()))
});
static NAMES: LazyLock<(Principal, Principal)> =
    LazyLock::new(|| (principal(CLIENT), principal(SERVICE)));
/// Each opener draws other numbers.
static OPENED: AtomicU64 = AtomicU64::new(0);

fuzz_target!(|bytes: &[u8]| {
    let mut source = Unstructured::new(bytes);
    OPENED.store(0, Ordering::Relaxed);
    let _ = fs::remove_file(&*PATH);
    if source.arbitrary().unwrap_or(false) {
        return any_file(source.take_rest());
    }
    let mut story = Story {
        now: 0,
        workers: [open(0), open(0)],
        accepted: HashMap::new(),
    };
    let mut deeds = 0;
    while !source.is_empty() && deeds < 40 {
        match source.arbitrary::<Deed<'_>>() {
            Ok(deed) => story.go_on(&deed),
            Err(_) => break,
        }
        deeds += 1;
    }
});

/// A file of anything: it is refused, or no request is accepted twice with it.
fn any_file(bytes: &[u8]) {
    let options = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&*PATH);
    options
        .expect("a new file")
        .write_all_at(bytes, 0)
        .expect("there is room");
    if let Some(cache) = open(0) {
        let outcomes = [0, 1].map(|_| ask(&cache, 1, 10, 10));
        assert_ne!(outcomes, [Some(Freshness::Fresh); 2]);
    }
}

struct Story {
    now: i32,
    workers: [Option<SharedReplayCache>; 2],
    /// When requests were made that were accepted.
    accepted: HashMap<u64, i32>,
}

impl Story {
    fn go_on(&mut self, deed: &Deed<'_>) {
        match deed {
            Deed::Ask(worker, number) => self.ask(*worker, u64::from(*number), self.now),
            Deed::Replay(worker, number) => {
                let number = u64::from(*number);
                if let Some(made) = self.accepted.get(&number).copied() {
                    self.ask(*worker, number, made);
                }
            }
            Deed::Crowd(count) => {
                for number in 0..u64::from(*count) {
                    self.ask(false, 1000 + number, self.now);
                }
            }
            Deed::Write(offset, bytes) => {
                if let Ok(file) = OpenOptions::new().write(true).open(&*PATH) {
                    // Short writes near the beginning, longer ones at buckets.
                    let _ = file.write_all_at(bytes, u64::from(*offset));
                }
            }
            Deed::Cut(length) => {
                if let Ok(file) = OpenOptions::new().write(true).open(&*PATH) {
                    let _ = file.set_len(u64::from(*length) * 2);
                }
            }
            Deed::Restart(worker) => self.workers[usize::from(*worker)] = open(self.now),
            Deed::Pass(seconds) => self.now += i32::from(*seconds),
        }
    }

    fn ask(&mut self, worker: bool, number: u64, made: i32) {
        // Acceptors look at the clock first.
        if self.now - made > LIFE {
            self.accepted.remove(&number);
            return;
        }
        let Some(cache) = &self.workers[usize::from(worker)] else {
            return;
        };
        // The same number stands for the same request as long as that could be replayed.
        let known = self.accepted.get(&number).copied();
        let first_made = known.filter(|made| self.now - made <= LIFE);
        let made = first_made.unwrap_or(made);
        if ask(cache, number, made, self.now) == Some(Freshness::Fresh) {
            let known = self.accepted.insert(number, made);
            assert!(
                known.is_none_or(|known| self.now - known > LIFE),
                "request {number} of {known:?} is accepted again at {}",
                self.now
            );
        }
    }
}

fn open(now: i32) -> Option<SharedReplayCache> {
    let mut random = StdRng::seed_from_u64(OPENED.fetch_add(1, Ordering::Relaxed));
    SharedReplayCache::open(&*PATH, Timestamp::from(around_now(now)), &mut random).ok()
}

fn ask(cache: &SharedReplayCache, number: u64, made: i32, now: i32) -> Option<Freshness> {
    let time = Timestamp::from(around_now(made));
    let entry = ReplayEntry {
        client: &NAMES.0,
        server: &NAMES.1,
        time,
        ciphertext: &number.to_be_bytes().repeat(5),
        enctype: Enctype::Aes256CtsHmacSha1_96,
        keep_until: time.time.saturating_add(Duration::from_secs(LIFE as u64)),
    };
    cache
        .check_and_store(&entry, Timestamp::from(around_now(now)))
        .ok()
}
