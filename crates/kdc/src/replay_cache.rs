//! Authenticators that were used, so that none is used twice: for password changes.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

/// Authenticators remembered at most.
const CAPACITY: usize = 1 << 18;

/// Authenticators of one client remembered at most, so that nobody fills the cache for all.
const CAPACITY_FOR_ONE: u32 = 1 << 10;

/// Why an authenticator is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotFresh {
    /// It was used before.
    Replayed,
    /// There is no room to remember it, so it cannot be taken.
    Full,
}

/// Remembers authenticators until they are too old to be taken anyhow.
#[derive(Debug)]
pub(crate) struct ReplayCache {
    hashing: RandomState,
    seen: Mutex<Seen>,
    keep: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    /// Each with its client, both as keyed hashes.
    authenticators: HashMap<u64, u64>,
    by_client: HashMap<u64, u32>,
    by_age: VecDeque<(KerberosTime, u64)>,
}

impl ReplayCache {
    /// Authenticators are taken within `skew` of now, so one that we see can come again for twice
    /// that time.
    pub(crate) fn new(skew: Duration) -> Self {
        Self {
            hashing: RandomState::new(),
            seen: Mutex::default(),
            keep: skew.saturating_mul(2),
        }
    }

    /// Takes the ciphertext of a client's authenticator, unless it was taken before.
    pub(crate) fn take(
        &self,
        client: &Principal,
        authenticator: &[u8],
        now: KerberosTime,
    ) -> Result<(), NotFresh> {
        let hash = self.hashing.hash_one(authenticator);
        let client = self.hashing.hash_one(client);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_before(now);
        seen.insert(hash, client)?;
        seen.by_age.push_back((now.saturating_add(self.keep), hash));
        Ok(())
    }
}

impl Seen {
    fn insert(&mut self, hash: u64, client: u64) -> Result<(), NotFresh> {
        let full = self.authenticators.len() >= CAPACITY;
        let Entry::Vacant(place) = self.authenticators.entry(hash) else {
            return Err(NotFresh::Replayed);
        };
        let own = self.by_client.get(&client).copied().unwrap_or(0);
        if full || own >= CAPACITY_FOR_ONE {
            return Err(NotFresh::Full);
        }
        place.insert(client);
        self.by_client.insert(client, own.saturating_add(1));
        Ok(())
    }

    fn forget_before(&mut self, now: KerberosTime) {
        while let Some((until, hash)) = self.by_age.front().copied() {
            if until >= now {
                break;
            }
            self.by_age.pop_front();
            if let Some(client) = self.authenticators.remove(&hash) {
                self.forget_one_of(client);
            }
        }
    }

    fn forget_one_of(&mut self, client: u64) {
        if let Entry::Occupied(mut count) = self.by_client.entry(client) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> Principal {
        Principal::parse(name, Some(&"R".into())).unwrap()
    }

    #[test]
    fn takes_an_authenticator_once_as_long_as_it_is_good() {
        let cache = ReplayCache::new(Duration::from_secs(300));
        let at = KerberosTime::from_unix;
        let alice = client("alice");
        assert_eq!(cache.take(&alice, b"one", at(1000)), Ok(()));
        assert_eq!(cache.take(&alice, b"two", at(1000)), Ok(()));
        let replayed = Err(NotFresh::Replayed);
        assert_eq!(cache.take(&alice, b"one", at(1600)), replayed);
        assert_eq!(cache.take(&alice, b"one", at(1601)), Ok(()));
    }

    #[test]
    fn one_client_cannot_fill_it_for_another() {
        let cache = ReplayCache::new(Duration::from_secs(300));
        let now = KerberosTime::from_unix(1000);
        let mallory = client("mallory");
        for number in 0..CAPACITY_FOR_ONE {
            let authenticator = number.to_be_bytes();
            assert_eq!(cache.take(&mallory, &authenticator, now), Ok(()));
        }
        assert_eq!(cache.take(&mallory, b"more", now), Err(NotFresh::Full));
        assert_eq!(cache.take(&client("alice"), b"one", now), Ok(()));
        // Room comes back with time.
        let later = KerberosTime::from_unix(1601);
        assert_eq!(cache.take(&mallory, b"more", later), Ok(()));
        let seen = cache.seen.lock().unwrap();
        assert_eq!((seen.authenticators.len(), seen.by_client.len()), (1, 1));
    }
}
