//! A place for what may be looked up again, with an end to it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Keeps values up to a weight; what was not asked for the longest goes first.
#[derive(Debug)]
pub(super) struct Shelf<K, V> {
    places: HashMap<K, Place<V>>,
    tick: u64,
    weight: usize,
    limit: usize,
}

#[derive(Debug)]
struct Place<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Eq + Hash + Clone, V> Shelf<K, V> {
    /// An empty shelf that bears `limit`.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            places: HashMap::new(),
            tick: 0,
            weight: 0,
            limit,
        }
    }

    pub(super) fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let place = self.places.get_mut(key)?;
        self.tick = self.tick.saturating_add(1);
        place.used = self.tick;
        Some(&place.value)
    }

    /// Puts a value there, in place of an older one. One that is heavier than the whole shelf bears
    /// is not kept.
    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.limit {
            return;
        }
        self.tick = self.tick.saturating_add(1);
        self.weight = self.weight.saturating_add(weight);
        let place = Place {
            value,
            weight,
            used: self.tick,
        };
        self.places.insert(key, place);
        if self.weight > self.limit {
            self.make_room();
        }
    }

    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let place = self.places.remove(key)?;
        self.weight = self.weight.saturating_sub(place.weight);
        Some(place.value)
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.weight = 0;
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.places.values().map(|place| &place.value)
    }

    /// Takes away a quarter and what is still too much, so that a full shelf is not sorted for every
    /// value that comes.
    fn make_room(&mut self) {
        let mut by_use: Vec<(u64, K)> = self
            .places
            .iter()
            .map(|(key, place)| (place.used, key.clone()))
            .collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        // What came last stays.
        by_use.pop();
        let quarter = self.limit / 4;
        for (_, key) in by_use {
            if self.weight.saturating_add(quarter) <= self.limit {
                break;
            }
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_go_of_what_was_not_used_the_longest() {
        let mut shelf = Shelf::new(100);
        for key in 0..10 {
            shelf.put(key, key, 10);
        }
        assert_eq!(shelf.get(&0), Some(&0));
        shelf.put(10, 10, 10);
        assert_eq!(shelf.get(&0), Some(&0));
        assert_eq!(shelf.get(&1), None);
        assert_eq!(shelf.get(&10), Some(&10));
        assert!(shelf.weight <= 100);
        assert_eq!(shelf.values().count() * 10, shelf.weight);
    }

    #[test]
    fn keeps_what_came_last_however_heavy() {
        let mut shelf = Shelf::new(100);
        shelf.put("light", (), 1);
        shelf.put("heavy", (), 100);
        assert_eq!(shelf.get("heavy"), Some(&()));
        assert_eq!(shelf.get("light"), None);
        shelf.put("too heavy", (), 101);
        assert_eq!(shelf.get("too heavy"), None);
        shelf.clear();
        assert_eq!(shelf.weight, 0);
    }

    #[test]
    fn weighs_a_value_once_that_was_put_there_twice() {
        let mut shelf = Shelf::new(100);
        shelf.put("key", 1, 60);
        shelf.put("key", 2, 60);
        assert_eq!(shelf.get("key"), Some(&2));
        assert_eq!(shelf.weight, 60);
    }
}
