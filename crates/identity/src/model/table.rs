use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// A map in 512 pieces of which copies share what neither has changed, so that a change to one of 100,000 entries
/// copies a few hundred of them.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    pieces: Arc<Vec<Arc<HashMap<K, V>>>>,
    hasher: RandomState,
    len: usize,
}

const PIECES: usize = 512;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        let empty = Arc::new(HashMap::new());
        Self {
            pieces: Arc::new(vec![empty; PIECES]),
            hasher: RandomState::new(),
            len: 0,
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Table<K, V> {
    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What stands under a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.pieces.get(self.place(key))?.get(key)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Puts a value under a key; gives what stood there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        let before = self.piece_mut(place)?.insert(key, value);
        if before.is_none() {
            self.len = self.len.saturating_add(1);
        }
        before
    }

    /// Takes out what stands under a key.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.get(key)?;
        let place = self.place(key);
        let before = self.piece_mut(place)?.remove(key);
        if before.is_some() {
            self.len = self.len.saturating_sub(1);
        }
        before
    }

    /// Changes what stands under a key, beginning with nothing; what is empty afterwards is taken out.
    pub(super) fn update<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> Option<R>
    where
        V: Default,
    {
        let place = self.place(&key);
        let mut is_new = false;
        let entry = self.piece_mut(place)?.entry(key).or_insert_with(|| {
            is_new = true;
            V::default()
        });
        let result = change(entry);
        if is_new {
            self.len = self.len.saturating_add(1);
        }
        Some(result)
    }

    fn piece_mut(&mut self, place: usize) -> Option<&mut HashMap<K, V>> {
        Arc::make_mut(&mut self.pieces)
            .get_mut(place)
            .map(Arc::make_mut)
    }

    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // A remainder of 512 fits.
        (self.hasher.hash_one(key) as usize) % PIECES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_copies_one_piece_and_shares_the_rest() {
        let mut table = Table::default();
        for key in 0..10_000 {
            table.insert(key, key);
        }
        let before = table.clone();
        table.insert(7, 0);
        let pairs = before.pieces.iter().zip(table.pieces.iter());
        let copied = pairs.filter(|(before, after)| !Arc::ptr_eq(before, after));
        assert_eq!(copied.count(), 1);
    }

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut table = Table::default();
        table.insert("a".to_owned(), 1);
        let copy = table.clone();
        table.insert("a".to_owned(), 2);
        table.insert("b".to_owned(), 3);
        assert_eq!((copy.get("a"), copy.get("b")), (Some(&1), None));
        assert_eq!((table.get("a"), table.get("b")), (Some(&2), Some(&3)));
        assert_eq!((copy.len(), table.len()), (1, 2));
        assert_eq!(table.remove("a"), Some(2));
        assert_eq!((table.len(), table.iter().count()), (1, 1));
    }
}
