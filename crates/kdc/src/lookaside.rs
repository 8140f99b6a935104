//! Answers of the last minutes, so that a retransmitted request is answered with the same bytes.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kerbstone_proto::time::KerberosTime;

/// Shards, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// Bounded in bytes and in time. Requests are compared whole; the hash is keyed, so nobody can
/// choose requests that share a slot.
pub(crate) struct Lookaside {
    shards: Vec<Mutex<Shard>>,
    hashing: RandomState,
    shard_bytes: usize,
    keep_seconds: i64,
}

/// Requests and replies one behind the other in a ring that the newest write goes round in, so that keeping an answer
/// allocates nothing.
#[derive(Default)]
struct Shard {
    entries: HashMap<u64, Place, BuildHasherDefault<AlreadyHashed>>,
    /// The same places, oldest first, which is the order in which the ring comes upon them.
    by_age: VecDeque<(u64, Place)>,
    ring: Vec<u8>,
    next: usize,
}

/// Where in the ring a request and, right behind it, its reply stand.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    since: i64,
    start: usize,
    request_length: usize,
    reply_length: usize,
}

impl Place {
    fn end(&self) -> usize {
        self.start
            .saturating_add(self.request_length)
            .saturating_add(self.reply_length)
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
        let place = shard.entries.get(&slot)?;
        if self.is_stale(place.since, now) {
            return None;
        }
        let bytes = shard.ring.get(place.start..place.end())?;
        let (known, reply) = bytes.split_at_checked(place.request_length)?;
        (known == request).then(|| reply.to_vec())
    }

    /// Keeps a reply; what is too old or too much goes first.
    pub(crate) fn remember(&self, slot: u64, request: &[u8], reply: &[u8], now: KerberosTime) {
        let length = request.len().saturating_add(reply.len());
        if length > self.shard_bytes {
            return;
        }
        let Some(mut shard) = self.shard(slot) else {
            return;
        };
        while let Some((oldest, place)) = shard.by_age.front().copied()
            && self.is_stale(place.since, now)
        {
            shard.forget(oldest, place);
        }
        let start = shard.make_room(length, self.shard_bytes);
        let place = Place {
            since: now.unix(),
            start,
            request_length: request.len(),
            reply_length: reply.len(),
        };
        shard.write(place, request, reply);
        shard.entries.insert(slot, place);
        shard.by_age.push_back((slot, place));
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
    /// Where the next `length` bytes go; nothing stands there any more.
    fn make_room(&mut self, length: usize, shard_bytes: usize) -> usize {
        if self.ring.is_empty() {
            self.ring = vec![0; shard_bytes];
        }
        let mut start = self.next;
        if start.saturating_add(length) > self.ring.len() {
            self.forget_within(start, self.ring.len());
            start = 0;
        }
        let end = start.saturating_add(length);
        self.forget_within(start, end);
        self.next = end;
        start
    }

    fn forget_within(&mut self, start: usize, end: usize) {
        while let Some((oldest, place)) = self.by_age.front().copied()
            && place.start < end
            && place.end() > start
        {
            self.forget(oldest, place);
        }
    }

    /// Forgets the oldest.
    fn forget(&mut self, slot: u64, place: Place) {
        self.by_age.pop_front();
        if self.entries.get(&slot) == Some(&place) {
            self.entries.remove(&slot);
        }
    }

    fn write(&mut self, place: Place, request: &[u8], reply: &[u8]) {
        let room = self.ring.get_mut(place.start..place.end());
        if let Some((before, behind)) =
            room.and_then(|room| room.split_at_mut_checked(request.len()))
        {
            before.copy_from_slice(request);
            behind.copy_from_slice(reply);
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
        for shard in &cache.shards {
            let shard = shard.lock().unwrap();
            assert_eq!(shard.ring.len(), 4096);
            assert_eq!(shard.by_age.len(), shard.entries.len());
            assert_eq!(shard.entries.len(), 4096 / 504);
        }
    }

    #[test]
    fn what_it_still_has_is_whole_while_the_ring_goes_round() {
        let cache = Lookaside::new(64 * 1024, 120);
        let reply = |number: u32| vec![number.to_be_bytes()[3]; 100 + number as usize % 700];
        let mut kept = 0;
        for number in 0..5_000_u32 {
            let request = number.to_be_bytes();
            cache.remember(cache.slot(&request), &request, &reply(number), at(100));
            for earlier in number.saturating_sub(200)..=number {
                let request = earlier.to_be_bytes();
                if let Some(found) = cache.find(cache.slot(&request), &request, at(100)) {
                    assert_eq!(found, reply(earlier));
                    kept += 1;
                }
            }
        }
        assert!(kept > 100_000, "{kept}");
    }

    #[test]
    fn a_reply_given_again_replaces_the_first() {
        let cache = Lookaside::new(64 * 1024, 120);
        let slot = cache.slot(b"request");
        cache.remember(slot, b"request", b"old", at(100));
        cache.remember(slot, b"request", b"new", at(200));
        assert_eq!(
            cache.find(slot, b"request", at(300)).as_deref(),
            Some(&b"new"[..])
        );
    }

    #[test]
    fn never_keeps_what_is_larger_than_a_shard() {
        let cache = Lookaside::new(16 * 1024, 120);
        let slot = cache.slot(b"request");
        cache.remember(slot, b"request", &vec![0; 4096], at(100));
        assert_eq!(cache.find(slot, b"request", at(100)), None);
    }
}
