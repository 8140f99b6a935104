//! A bounded cache that a racing write can never leave stale.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

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
    slots: HashMap<Arc<K>, Slot<V>>,
    /// The cached names, the longest cached first, among them some that are cached no more.
    order: VecDeque<Arc<K>>,
}

struct Slot<V> {
    value: V,
    used: AtomicBool,
}

/// Says what a value that is about to be read may replace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    shard: usize,
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
                slots: HashMap::new(),
                order: VecDeque::new(),
            })
        });
        Self {
            hasher: RandomState::new(),
            shards: shards.collect(),
            per_shard: capacity.div_ceil(SHARDS).max(1),
        }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        Arc<K>: Borrow<Q>,
    {
        let shard = self.shards.get(self.shard_of(key))?;
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        let slot = shard.slots.get(key)?;
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(slot.value.clone())
    }

    /// Call before the value is read from the store: [`Self::insert`] then drops it when the
    /// record, or a neighbour, was forgotten in between.
    pub(crate) fn begin(&self, key: &K) -> Reading {
        let shard = self.shard_of(key);
        let epoch = self.shards.get(shard).map_or(0, |shard| {
            shard.read().unwrap_or_else(PoisonError::into_inner).epoch
        });
        Reading { shard, epoch }
    }

    pub(crate) fn insert(&self, reading: Reading, key: K, value: V) {
        let Some(shard) = self.shards.get(reading.shard) else {
            return;
        };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.epoch == reading.epoch {
            shard.insert(key, value, self.per_shard);
        }
    }

    pub(crate) fn forget(&self, key: &K) {
        if let Some(shard) = self.shards.get(self.shard_of(key)) {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.epoch = shard.epoch.wrapping_add(1);
            shard.slots.remove(key);
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

    fn shard_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The table inside a shard hashes with another state, so any bits will do here.
        (self.hasher.hash_one(key) as usize) % SHARDS
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    fn insert(&mut self, key: K, value: V, capacity: usize) {
        let slot = Slot {
            value,
            used: AtomicBool::new(false),
        };
        if let Some(present) = self.slots.get_mut(&key) {
            *present = slot;
            return;
        }
        while self.slots.len() >= capacity && self.evict_one() {}
        if self.order.len() > capacity.saturating_mul(2) {
            self.drop_forgotten();
        }
        let key = Arc::new(key);
        self.order.push_back(Arc::clone(&key));
        self.slots.insert(key, slot);
    }

    /// Evicts the oldest that was not asked for since it was looked at last.
    fn evict_one(&mut self) -> bool {
        let Some(key) = self.order.pop_front() else {
            return false;
        };
        if !self.is_current(&key) {
            return true;
        }
        let used = self
            .slots
            .get(&key)
            .is_some_and(|slot| slot.used.swap(false, Ordering::Relaxed));
        if used {
            self.order.push_back(key);
        } else {
            self.slots.remove(&key);
        }
        true
    }

    fn drop_forgotten(&mut self) {
        let slots = &self.slots;
        self.order.retain(|key| holds(slots, key));
    }

    fn is_current(&self, key: &Arc<K>) -> bool {
        holds(&self.slots, key)
    }
}

fn holds<K: Hash + Eq, V>(slots: &HashMap<Arc<K>, Slot<V>>, key: &Arc<K>) -> bool {
    slots
        .get_key_value(key)
        .is_some_and(|(present, _)| Arc::ptr_eq(present, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(cache: &RecordCache<u32, u32>, key: u32) {
        let reading = cache.begin(&key);
        cache.insert(reading, key, key);
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
            assert_eq!(cache.get(&7), Some(7));
        }
    }

    #[test]
    fn a_value_read_before_a_write_is_not_kept_after_it() {
        let cache = RecordCache::new(64);
        let reading = cache.begin(&1);
        cache.forget(&1);
        cache.insert(reading, 1, 1);
        assert_eq!(cache.get(&1), None);
        let reading = cache.begin(&1);
        cache.clear();
        cache.insert(reading, 1, 1);
        assert_eq!(cache.get(&1), None);
    }
}
