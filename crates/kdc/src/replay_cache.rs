//! Authenticators that were used, so that none is used twice: for password changes.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kerbstone_proto::time::KerberosTime;

/// Authenticators remembered at most. A password change takes milliseconds, so that many do not
/// come within the time that an authenticator is good for.
const CAPACITY: usize = 1 << 18;

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
    until: HashMap<u64, KerberosTime>,
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

    /// Takes the ciphertext of an authenticator, unless it was taken before.
    pub(crate) fn take(&self, authenticator: &[u8], now: KerberosTime) -> Result<(), NotFresh> {
        let hash = self.hashing.hash_one(authenticator);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_before(now);
        if seen.until.contains_key(&hash) {
            return Err(NotFresh::Replayed);
        }
        if seen.until.len() >= CAPACITY {
            return Err(NotFresh::Full);
        }
        let until = now.saturating_add(self.keep);
        seen.until.insert(hash, until);
        seen.by_age.push_back((until, hash));
        Ok(())
    }
}

impl Seen {
    fn forget_before(&mut self, now: KerberosTime) {
        while let Some((until, hash)) = self.by_age.front().copied() {
            if until >= now {
                break;
            }
            self.by_age.pop_front();
            self.until.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_an_authenticator_once_as_long_as_it_is_good() {
        let cache = ReplayCache::new(Duration::from_secs(300));
        let at = KerberosTime::from_unix;
        assert_eq!(cache.take(b"one", at(1000)), Ok(()));
        assert_eq!(cache.take(b"two", at(1000)), Ok(()));
        assert_eq!(cache.take(b"one", at(1600)), Err(NotFresh::Replayed));
        assert_eq!(cache.take(b"one", at(1601)), Ok(()));
    }

    #[test]
    fn refuses_rather_than_forgets_when_it_is_full() {
        let cache = ReplayCache::new(Duration::from_secs(300));
        let now = KerberosTime::from_unix(1000);
        for number in 0..CAPACITY {
            assert_eq!(cache.take(&number.to_be_bytes(), now), Ok(()));
        }
        assert_eq!(cache.take(b"one more", now), Err(NotFresh::Full));
    }
}
