//! Tokens that were read a moment ago, under their digests.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// So many of the newest are kept at least, and twice as many at most.
const MOST: usize = 2048;

/// What was found out about tokens. An entry counts only for the state of the world that it was made from; whoever asks
/// says which that is.
#[derive(Debug)]
pub(super) struct Cache<T> {
    halves: Mutex<Halves<T>>,
}

#[derive(Debug)]
struct Halves<T> {
    newer: HashMap<[u8; 32], Arc<T>>,
    older: HashMap<[u8; 32], Arc<T>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            halves: Mutex::new(Halves {
                newer: HashMap::new(),
                older: HashMap::new(),
            }),
        }
    }
}

impl<T> Cache<T> {
    pub(super) fn digest(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }

    pub(super) fn get(&self, digest: &[u8; 32]) -> Option<Arc<T>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = halves.newer.get(digest) {
            return Some(Arc::clone(found));
        }
        let found = halves.older.remove(digest)?;
        halves.put(*digest, Arc::clone(&found));
        Some(found)
    }

    pub(super) fn put(&self, digest: [u8; 32], entry: Arc<T>) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.put(digest, entry);
    }
}

impl<T> Halves<T> {
    fn put(&mut self, digest: [u8; 32], entry: Arc<T>) {
        if self.newer.len() >= MOST {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(digest, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_and_forgets_the_rest() {
        let cache = Cache::default();
        let digest = |number: usize| Cache::<usize>::digest(&number.to_string());
        for number in 0..10 * MOST {
            cache.put(digest(number), Arc::new(number));
            assert_eq!(cache.get(&digest(0)).as_deref(), Some(&0));
        }
        assert!(cache.get(&digest(1)).is_none());
        assert!(cache.get(&digest(10 * MOST - 1)).is_some());
        let halves = cache.halves.lock().unwrap();
        assert!(halves.newer.len() + halves.older.len() <= 2 * MOST);
    }
}
