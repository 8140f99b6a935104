//! Who goes where, for as long as it is remembered. The table is bounded: a crowd of strangers pushes out those who have
//! not come for longest, and nobody else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// By what somebody is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum StickKey {
    Address(IpAddr),
    User(String),
}

/// The table, in two generations: whoever comes is in the young one, and when that has had its share of the space, it
/// becomes the old one, and the old one is forgotten.
#[derive(Debug)]
pub(super) struct StickTable<V> {
    expire: Duration,
    most: usize,
    young: HashMap<StickKey, Entry<V>>,
    old: HashMap<StickKey, Entry<V>>,
    turned: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    value: V,
    used: Instant,
}

impl<V: Copy + PartialEq> StickTable<V> {
    pub(super) fn new(expire: Duration, most: usize, now: Instant) -> Self {
        Self {
            expire,
            most,
            young: HashMap::new(),
            old: HashMap::new(),
            turned: now,
        }
    }

    /// New limits for those who are known.
    pub(super) const fn limit(&mut self, expire: Duration, most: usize) {
        self.expire = expire;
        self.most = most;
    }

    pub(super) fn get(&self, key: &StickKey, now: Instant) -> Option<V> {
        let entry = self.young.get(key).or_else(|| self.old.get(key))?;
        (now.saturating_duration_since(entry.used) < self.expire).then_some(entry.value)
    }

    /// Somebody went there.
    pub(super) fn put(&mut self, key: &StickKey, value: V, now: Instant) {
        let entry = Entry { value, used: now };
        if let Some(known) = self.young.get_mut(key) {
            *known = entry;
            return;
        }
        if self.young.len() >= (self.most / 2).max(1) {
            self.turn(now);
        }
        self.old.remove(key);
        self.young.insert(key.clone(), entry);
    }

    /// Forgets those who have not come for too long, sooner or later.
    pub(super) fn tidy(&mut self, now: Instant) {
        if now.saturating_duration_since(self.turned) >= self.expire {
            self.turn(now);
        }
    }

    /// Forgets who went there.
    pub(super) fn forget(&mut self, value: V) {
        self.young.retain(|_, entry| entry.value != value);
        self.old.retain(|_, entry| entry.value != value);
    }

    pub(super) fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    fn turn(&mut self, now: Instant) {
        self.old = std::mem::take(&mut self.young);
        self.turned = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn user(name: impl ToString) -> StickKey {
        StickKey::User(name.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_is_remembered_from_the_last_time_on() {
        let mut table = StickTable::new(MINUTE, 100, Instant::now());
        table.put(&user("alice"), 1, Instant::now());
        for _ in 0..5 {
            tokio::time::advance(MINUTE * 3 / 4).await;
            table.tidy(Instant::now());
            assert_eq!(table.get(&user("alice"), Instant::now()), Some(1));
            table.put(&user("alice"), 1, Instant::now());
        }
        tokio::time::advance(MINUTE).await;
        assert_eq!(table.get(&user("alice"), Instant::now()), None);
        assert_eq!(table.get(&user("bob"), Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_takes_no_more_space_than_there_is() {
        let mut table = StickTable::new(MINUTE, 100, Instant::now());
        for stranger in 0..10_000 {
            table.put(&user("alice"), 1, Instant::now());
            table.put(&user(stranger), 2, Instant::now());
            assert!(table.len() <= 100);
        }
        assert_eq!(table.get(&user("alice"), Instant::now()), Some(1));
        assert_eq!(table.get(&user(0), Instant::now()), None);
        assert_eq!(table.get(&user(9_999), Instant::now()), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_asks_for_is_let_go() {
        let mut table = StickTable::new(MINUTE, 100, Instant::now());
        table.put(&user("alice"), 1, Instant::now());
        for _ in 0..2 {
            tokio::time::advance(MINUTE).await;
            table.tidy(Instant::now());
        }
        assert_eq!(table.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_leaves_is_forgotten() {
        let mut table = StickTable::new(MINUTE, 4, Instant::now());
        for name in ["a", "b", "c", "d"] {
            table.put(&user(name), 1, Instant::now());
        }
        table.put(&user("e"), 2, Instant::now());
        table.forget(1);
        assert_eq!(table.len(), 1);
    }
}
