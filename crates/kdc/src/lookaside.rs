//! Answers of the last minutes, so that a retransmitted request is answered with the same bytes.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kerbstone_proto::time::KerberosTime;

/// Shards, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// What an entry costs besides its bytes.
const ENTRY_OVERHEAD: usize = 96;

/// Bounded in bytes and in time. Requests are compared whole; the hash is keyed, so nobody can
/// choose requests that share a slot.
pub(crate) struct Lookaside {
    shards: Vec<Mutex<Shard>>,
    hashing: RandomState,
    shard_bytes: usize,
    keep_seconds: i64,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<u64, Entry, BuildHasherDefault<AlreadyHashed>>,
    by_age: VecDeque<(i64, u64)>,
    bytes: usize,
}

struct Entry {
    since: i64,
    /// Request, then reply, in one allocation.
    bytes: Box<[u8]>,
    request_length: usize,
}

impl Entry {
    fn reply_to(&self, request: &[u8]) -> Option<&[u8]> {
        let (known, reply) = self.bytes.split_at_checked(self.request_length)?;
        (known == request).then_some(reply)
    }

    fn cost(&self) -> usize {
        self.bytes.len().saturating_add(ENTRY_OVERHEAD)
    }
}

impl Lookaside {
    /// Holds up to `total_bytes` for up to `keep_seconds`; 0 bytes switches it off.
    pub(crate) fn new(total_bytes: usize, keep_seconds: i64) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashing: RandomState::new(),
            shard_bytes: total_bytes.checked_div(SHARDS).unwrap_or(0),
            keep_seconds,
        }
    }

    /// The keyed hash of a request, to be computed once for `find` and `remember`.
    pub(crate) fn slot(&self, request: &[u8]) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        hasher.write(request);
        hasher.finish()
    }

    /// The reply that this very request has had.
    pub(crate) fn find(&self, slot: u64, request: &[u8], now: KerberosTime) -> Option<Vec<u8>> {
        let shard = self.shard(slot)?;
        let entry = shard.entries.get(&slot)?;
        if self.is_stale(entry.since, now) {
            return None;
        }
        entry.reply_to(request).map(<[u8]>::to_vec)
    }

    /// Keeps a reply; what is too old or too much goes first.
    pub(crate) fn remember(&self, slot: u64, request: &[u8], reply: &[u8], now: KerberosTime) {
        let entry = Entry {
            since: now.unix(),
            bytes: [request, reply].concat().into_boxed_slice(),
            request_length: request.len(),
        };
        let cost = entry.cost();
        if cost > self.shard_bytes {
            return;
        }
        let Some(mut shard) = self.shard(slot) else {
            return;
        };
        while let Some((since, oldest)) = shard.by_age.front().copied() {
            let full = shard.bytes.saturating_add(cost) > self.shard_bytes;
            if !full && !self.is_stale(since, now) {
                break;
            }
            shard.by_age.pop_front();
            shard.forget(oldest, since);
        }
        shard.by_age.push_back((entry.since, slot));
        shard.bytes = shard.bytes.saturating_add(cost);
        if let Some(replaced) = shard.entries.insert(slot, entry) {
            shard.bytes = shard.bytes.saturating_sub(replaced.cost());
        }
    }

    fn shard(&self, slot: u64) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::try_from(slot >> 56).ok()?.checked_rem(SHARDS)?;
        let shard = self.shards.get(index)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_stale(&self, since: i64, now: KerberosTime) -> bool {
        now.unix().saturating_sub(since).saturating_abs() > self.keep_seconds
    }
}

impl Shard {
    fn forget(&mut self, slot: u64, since: i64) {
        if self
            .entries
            .get(&slot)
            .is_some_and(|entry| entry.since == since)
            && let Some(entry) = self.entries.remove(&slot)
        {
            self.bytes = self.bytes.saturating_sub(entry.cost());
        }
    }
}

impl fmt::Debug for Lookaside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookaside")
            .field("shard_bytes", &self.shard_bytes)
            .field("keep_seconds", &self.keep_seconds)
            .finish_non_exhaustive()
    }
}

/// The slot is a keyed hash already.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> KerberosTime {
        KerberosTime::from_unix(seconds)
    }

    #[test]
    fn gives_the_same_reply_to_the_same_bytes_only() {
        let cache = Lookaside::new(1 << 20, 120);
        let slot = cache.slot(b"request");
        cache.remember(slot, b"request", b"reply", at(100));
        assert_eq!(
            cache.find(slot, b"request", at(150)).as_deref(),
            Some(&b"reply"[..])
        );
        assert_eq!(cache.find(slot, b"another", at(150)), None);
        assert_eq!(
            cache.find(cache.slot(b"another"), b"another", at(150)),
            None
        );
    }

    #[test]
    fn forgets_after_its_time() {
        let cache = Lookaside::new(1 << 20, 120);
        let slot = cache.slot(b"request");
        cache.remember(slot, b"request", b"reply", at(100));
        assert_eq!(cache.find(slot, b"request", at(221)), None);
    }

    #[test]
    fn stays_within_its_bytes() {
        let cache = Lookaside::new(64 * 1024, 120);
        for number in 0..10_000_u32 {
            let request = number.to_be_bytes();
            cache.remember(cache.slot(&request), &request, &[7; 500], at(100));
        }
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().bytes)
            .sum();
        let entries: usize = cache
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().entries.len())
            .sum();
        assert!(held <= 64 * 1024 && entries > 0, "{held} {entries}");
        for shard in &cache.shards {
            let shard = shard.lock().unwrap();
            assert_eq!(shard.by_age.len(), shard.entries.len());
        }
    }

    #[test]
    fn never_keeps_what_is_larger_than_a_shard() {
        let cache = Lookaside::new(16 * 1024, 120);
        let slot = cache.slot(b"request");
        cache.remember(slot, b"request", &vec![0; 4096], at(100));
        assert_eq!(cache.find(slot, b"request", at(100)), None);
    }
}
