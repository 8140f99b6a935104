//! A bounded cache that a racing write can never leave stale.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

const SHARDS: usize = 16;

/// Sharded by hash, bounded by count, evicting what was not asked for lately (second chance).
pub(crate) struct RecordCache<K, V> {
    hasher: RandomState,
    shards: Vec<RwLock<Shard<K, V>>>,
    per_shard: usize,
}

struct Shard<K, V> {
    /// Counts what was forgotten; see [`RecordCache::begin`].
    epoch: u64,
    slots: HashTable<Slot<K, V>>,
    /// The cached names, the longest cached first, among them some that are cached no more.
    order: VecDeque<Name<K>>,
}

/// A key and its hash, which is taken once.
struct Name<K> {
    hash: u64,
    key: Arc<K>,
}

struct Slot<K, V> {
    name: Name<K>,
    value: V,
    used: AtomicBool,
}

/// Says what a value that is about to be read may replace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    hash: u64,
    epoch: u64,
}

impl<K, V> fmt::Debug for RecordCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordCache")
            .field("capacity", &self.per_shard.saturating_mul(SHARDS))
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, V: Clone> RecordCache<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let shards = (0..SHARDS).map(|_| {
            RwLock::new(Shard {
                epoch: 0,
                slots: HashTable::new(),
                order: VecDeque::new(),
            })
        });
        Self {
            hasher: RandomState::new(),
            shards: shards.collect(),
            per_shard: capacity.div_ceil(SHARDS).max(1),
        }
    }

    /// What is cached; else leave to [`Self::insert`] what is then read from the store. It is dropped when the
    /// record, or a neighbour, was forgotten in between.
    pub(crate) fn get(&self, key: &K) -> Result<V, Reading> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash);
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        match shard.slots.find(hash, |slot| *slot.name.key == *key) {
            Some(slot) => {
                if !slot.used.load(Ordering::Relaxed) {
                    slot.used.store(true, Ordering::Relaxed);
                }
                Ok(slot.value.clone())
            }
            None => Err(Reading {
                hash,
                epoch: shard.epoch,
            }),
        }
    }

    pub(crate) fn insert(&self, reading: Reading, key: Arc<K>, value: V) {
        let mut shard = self
            .shard(reading.hash)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if shard.epoch == reading.epoch {
            let hash = reading.hash;
            shard.insert(Name { hash, key }, value, self.per_shard);
        }
    }

    pub(crate) fn forget(&self, key: &K) {
        let hash = self.hasher.hash_one(key);
        let mut shard = self
            .shard(hash)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        shard.epoch = shard.epoch.wrapping_add(1);
        if let Ok(slot) = shard.slots.find_entry(hash, |slot| *slot.name.key == *key) {
            slot.remove();
        }
    }

    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.epoch = shard.epoch.wrapping_add(1);
            shard.slots.clear();
            shard.order.clear();
        }
    }

    pub(crate) fn len(&self) -> usize {
        let count = |shard: &RwLock<Shard<K, V>>| {
            shard
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .slots
                .len()
        };
        self.shards.iter().map(count).sum()
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard<K, V>> {
        // The tables take the lowest bits and the seven highest.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

impl<K: Eq, V> Shard<K, V> {
    fn insert(&mut self, name: Name<K>, value: V, capacity: usize) {
        while self.slots.len() >= capacity && self.evict_one() {}
        if self.order.len() > capacity.saturating_mul(2) {
            self.drop_forgotten();
        }
        let used = AtomicBool::new(false);
        let same = |slot: &Slot<K, V>| slot.name.key == name.key;
        match self.slots.entry(name.hash, same, |slot| slot.name.hash) {
            Entry::Occupied(mut slot) => {
                slot.get_mut().value = value;
                slot.get_mut().used = used;
            }
            Entry::Vacant(room) => {
                self.order.push_back(name.clone());
                room.insert(Slot { name, value, used });
            }
        }
    }

    /// Evicts the oldest that was not asked for since it was looked at last.
    fn evict_one(&mut self) -> bool {
        let Some(name) = self.order.pop_front() else {
            return false;
        };
        let same = |slot: &Slot<K, V>| Arc::ptr_eq(&slot.name.key, &name.key);
        if let Ok(slot) = self.slots.find_entry(name.hash, same) {
            if slot.get().used.swap(false, Ordering::Relaxed) {
                self.order.push_back(name);
            } else {
                slot.remove();
            }
        }
        true
    }

    fn drop_forgotten(&mut self) {
        let slots = &self.slots;
        self.order.retain(|name| {
            let same = |slot: &Slot<K, V>| Arc::ptr_eq(&slot.name.key, &name.key);
            slots.find(name.hash, same).is_some()
        });
    }
}

impl<K> Clone for Name<K> {
    fn clone(&self) -> Self {
        Self {
            hash: self.hash,
            key: Arc::clone(&self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(cache: &RecordCache<u32, u32>, key: u32) {
        let reading = cache.get(&key).unwrap_err();
        cache.insert(reading, Arc::new(key), key);
    }

    #[test]
    fn never_holds_more_than_its_capacity() {
        let cache = RecordCache::new(64);
        for key in 0..10_000 {
            put(&cache, key);
            if key % 3 == 0 {
                cache.forget(&(key / 2));
            }
        }
        assert!(cache.len() <= 64);
        let longest = cache
            .shards
            .iter()
            .map(|shard| shard.read().unwrap().order.len())
            .max();
        assert!(longest.unwrap() <= 64 / SHARDS * 2 + 2);
    }

    #[test]
    fn keeps_what_is_asked_for() {
        let cache = RecordCache::new(64);
        put(&cache, 7);
        for key in 100..10_000 {
            put(&cache, key);
            assert_eq!(cache.get(&7).ok(), Some(7));
        }
    }

    #[test]
    fn a_value_read_before_a_write_is_not_kept_after_it() {
        let cache = RecordCache::new(64);
        let reading = cache.get(&1).unwrap_err();
        cache.forget(&1);
        cache.insert(reading, Arc::new(1), 1);
        let reading = cache.get(&1).unwrap_err();
        cache.clear();
        cache.insert(reading, Arc::new(1), 1);
        assert!(cache.get(&1).is_err());
    }
}
