//! A replay cache of one process.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use super::error::ReplayFault;
use super::tag::Tag;
use super::{Freshness, ReplayCache, ReplayCacheError, ReplayEntry};

/// Remembers what one process accepted, until it ends. For tests, and for services that have one
/// process and whose restart takes longer than clocks may differ.
#[derive(Debug)]
pub struct MemoryReplayCache {
    seed: [u8; 16],
    limit: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    tags: HashSet<[u8; 12]>,
    by_end: BTreeMap<KerberosTime, Vec<[u8; 12]>>,
}

impl MemoryReplayCache {
    /// As many requests as are remembered at once, unless another limit is set: about 60 MiB.
    pub const DEFAULT_LIMIT: usize = 1_000_000;

    /// An empty memory.
    pub fn new(rng: &mut dyn CryptoRng) -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT, rng)
    }

    /// An empty memory for so many requests at once. When they are that many, further ones are
    /// refused until the oldest have expired.
    pub fn with_limit(limit: usize, rng: &mut dyn CryptoRng) -> Self {
        let mut seed = [0; 16];
        rng.fill_bytes(&mut seed);
        Self {
            seed,
            limit,
            seen: Mutex::default(),
        }
    }

    /// How many requests are remembered, expired ones that nobody has swept out yet included.
    pub fn len(&self) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.tags.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReplayCache for MemoryReplayCache {
    fn check_and_store(
        &self,
        entry: &ReplayEntry<'_>,
        now: Timestamp,
    ) -> Result<Freshness, ReplayCacheError> {
        let tag = Tag::new(&self.seed, entry.ciphertext).bytes;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_before(now.time);
        if seen.tags.contains(&tag) {
            return Ok(Freshness::Replayed);
        }
        if seen.tags.len() >= self.limit {
            return Err(ReplayFault::Full {
                what: "its memory".to_owned(),
                limit: self.limit as u64,
                unit: "requests",
            }
            .into());
        }
        seen.tags.insert(tag);
        let end = entry.keep_until.max(now.time);
        seen.by_end.entry(end).or_default().push(tag);
        Ok(Freshness::Fresh)
    }
}

impl Seen {
    fn forget_before(&mut self, now: KerberosTime) {
        while let Some(first) = self.by_end.first_entry() {
            if *first.key() >= now {
                break;
            }
            for tag in first.remove() {
                self.tags.remove(&tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::replay::example::{Example, at};

    fn cache(limit: usize) -> MemoryReplayCache {
        MemoryReplayCache::with_limit(limit, &mut StdRng::seed_from_u64(1))
    }

    #[test]
    fn the_second_time_is_a_replay_until_it_is_forgotten() {
        let cache = cache(10);
        let one = Example::new(b"first request", at(1000), Duration::from_secs(300));
        let other = Example::new(b"other request", at(1000), Duration::from_secs(300));
        assert_eq!(one.check(&cache, at(1000)).unwrap(), Freshness::Fresh);
        assert_eq!(one.check(&cache, at(1000)).unwrap(), Freshness::Replayed);
        assert_eq!(other.check(&cache, at(1000)).unwrap(), Freshness::Fresh);
        assert_eq!(one.check(&cache, at(1300)).unwrap(), Freshness::Replayed);
        assert_eq!(cache.len(), 2);
        assert_eq!(one.check(&cache, at(1301)).unwrap(), Freshness::Fresh);
        assert_eq!(cache.len(), 1, "the expired ones are swept out");
    }

    #[test]
    fn a_full_memory_refuses_and_recovers() {
        let cache = cache(3);
        let mut rng = StdRng::seed_from_u64(2);
        let life = Duration::from_secs(300);
        for _ in 0..3 {
            let bytes: [u8; 40] = rng.random();
            let example = Example::new(&bytes, at(1000), life);
            assert_eq!(example.check(&cache, at(1000)).unwrap(), Freshness::Fresh);
        }
        let late = Example::new(b"late", at(1200), life);
        let refusal = late.check(&cache, at(1200)).unwrap_err();
        assert!(refusal.to_string().contains("full"), "{refusal}");
        assert_eq!(late.check(&cache, at(1301)).unwrap(), Freshness::Fresh);
    }
}
