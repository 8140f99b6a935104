//! Passwords that were right a moment ago, for those who send theirs with every request.
//!
//! What is kept is a keyed hash of name and password; the key is of this process and dies with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::Rng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::passwords::Verified;

/// More are not kept.
const MOST: usize = 4096;

type Mark = [u8; 32];

/// The memory.
pub(crate) struct Recent {
    life: Duration,
    key: Zeroizing<[u8; 64]>,
    seen: Mutex<HashMap<Mark, (KerberosTime, Verified)>>,
}

impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recent")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

impl Recent {
    pub(crate) fn new(life: Duration) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        rand::rng().fill_bytes(key.as_mut_slice());
        Self {
            life,
            key,
            seen: Mutex::default(),
        }
    }

    /// Whoever came with this name and this password and was let in.
    pub(crate) fn find(&self, name: &str, password: &str, now: Timestamp) -> Option<Verified> {
        if self.life.is_zero() {
            return None;
        }
        let mark = self.mark(name, password);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, verified) = seen.get(&mark)?;
        (now.time < *until).then(|| verified.clone())
    }

    pub(crate) fn keep(&self, name: &str, password: &str, verified: &Verified, now: Timestamp) {
        if self.life.is_zero() {
            return;
        }
        let until = now.time.saturating_add(self.life).min(verified.ends_at);
        let mark = self.mark(name, password);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, (until, _)| now.time < *until);
        }
        if seen.len() < MOST {
            seen.insert(mark, (until, verified.clone()));
        }
    }

    fn mark(&self, name: &str, password: &str) -> Mark {
        let mut mac = Hmac::<Sha256>::new((&*self.key).into());
        mac.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }
}
