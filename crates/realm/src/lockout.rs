//! Counting wrong passwords without writing on the login path.
//!
//! Successes and failures are counted in memory and written down by [`LockoutCounters::flush`],
//! which a background thread calls. Only the failure that locks a principal out is written at
//! once, so that every KDC of the realm hears of it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use crate::activity::Activity;
use crate::entry::{Lockout, PrincipalRecord};
use crate::error::RealmError;
use crate::open_entry::OpenEntry;
use crate::policy::LockoutPolicy;
use crate::record_key::RecordKey;
use crate::store::{Action, Batch, Expect, Store};
use crate::vault::ATTEMPTS;

const SHARDS: usize = 16;
/// Counters written in one commit.
const PER_COMMIT: usize = 512;
/// Principals counted between two flushes unless told otherwise: some 5 MB at most.
pub const DEFAULT_COUNTERS: usize = 32 * 1024;

impl LockoutPolicy {
    /// Counts a failure and decides whether it locks out. `unlocked_at` is when earlier failures
    /// were forgiven last.
    pub fn count_failure(
        &self,
        activity: &mut Activity,
        unlocked_at: Option<KerberosTime>,
        now: KerberosTime,
    ) -> Option<Lockout> {
        let forgiven = match (activity.last_failed, unlocked_at) {
            (Some(failed), Some(unlocked)) => failed <= unlocked,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let far_apart = match (activity.last_failed, self.failure_interval) {
            (Some(failed), Some(interval)) => now > failed.saturating_add(interval),
            _ => false,
        };
        if forgiven || far_apart {
            activity.fail_count = 0;
        }
        activity.fail_count = activity.fail_count.saturating_add(1);
        activity.last_failed = Some(now);
        if self.max_failures == 0 || activity.fail_count < self.max_failures {
            return None;
        }
        Some(Lockout {
            since: now,
            until: self.duration.map(|duration| now.saturating_add(duration)),
        })
    }
}

/// What became of a failure that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This many by now.
    Counted(u32),
    /// It was one too many: the principal is locked out.
    LockedOut(Lockout),
}

/// Counters by the names that the opened entries have, so that a name is not in memory twice.
type Counters = HashMap<Arc<Principal>, Counter>;

/// Counts logins in memory, bounded in number.
pub struct LockoutCounters {
    store: Arc<dyn Store>,
    hasher: RandomState,
    shards: Vec<Mutex<Counters>>,
    per_shard: usize,
    /// Lockouts that the store did not take yet; 0 nearly always, so that asking costs nothing.
    unsaved: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    activity: Activity,
    /// Changes with every event, so that a flush knows what happened meanwhile.
    events: u64,
    /// A lockout that could not be written.
    unsaved: Option<Lockout>,
}

impl fmt::Debug for LockoutCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockoutCounters")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl LockoutCounters {
    /// Counters over a store, for at most `capacity` principals between two flushes.
    pub fn new(store: Arc<dyn Store>, capacity: usize) -> Self {
        Self {
            store,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            per_shard: capacity.div_ceil(SHARDS).max(1),
            unsaved: AtomicUsize::new(0),
        }
    }

    /// Whether wrong passwords keep the principal out now, also when the store could not be told.
    pub fn is_locked_out(&self, entry: &OpenEntry, now: KerberosTime) -> bool {
        if entry.lockout.is_some_and(|lockout| lockout.holds(now)) {
            return true;
        }
        if self.unsaved.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let shard = self.shard(&entry.principal);
        let unsaved = shard
            .get(&entry.principal)
            .and_then(|counter| counter.unsaved);
        unsaved.is_some_and(|lockout| {
            let forgiven = entry.unlocked_at.is_some_and(|at| lockout.since <= at);
            !forgiven && lockout.holds(now)
        })
    }

    /// Notes a login. Touches memory only.
    pub fn succeeded(&self, entry: &OpenEntry, now: KerberosTime) {
        let mut shard = self.shard(&entry.principal);
        let counter = self.counter(&mut shard, &entry.principal, Activity::default);
        counter.activity.last_success = Some(now);
        counter.activity.fail_count = 0;
        counter.events = counter.events.wrapping_add(1);
    }

    /// Notes a wrong password. When it is one too many, the lockout is in the store on return.
    pub fn failed(
        &self,
        entry: &OpenEntry,
        policy: &LockoutPolicy,
        now: KerberosTime,
    ) -> Result<Failure, RealmError> {
        let name = &entry.principal;
        let (count, lockout) = {
            let mut shard = self.shard(name);
            // Read under the lock: a flush that takes the counter away meanwhile would take the failures along.
            let stored = if shard.contains_key(name) {
                Activity::default()
            } else {
                self.stored(name)?
            };
            let counter = self.counter(&mut shard, name, || stored);
            let lockout = policy.count_failure(&mut counter.activity, entry.unlocked_at, now);
            counter.events = counter.events.wrapping_add(1);
            (counter.activity.fail_count, lockout)
        };
        let Some(lockout) = lockout else {
            return Ok(Failure::Counted(count));
        };
        if let Err(error) = self.write_lockout(name, lockout) {
            self.keep_unsaved(name, lockout);
            return Err(error);
        }
        Ok(Failure::LockedOut(lockout))
    }

    /// Writes down what was counted since the last flush, and says for how many principals.
    ///
    /// Some hundred go into each commit: one for all would need memory for every page that it touches.
    pub fn flush(&self) -> Result<usize, RealmError> {
        self.write_unsaved_lockouts()?;
        let counted: Vec<_> = self.shards.iter().flat_map(counted).collect();
        let mut count = 0;
        for some in counted.chunks(PER_COMMIT) {
            count += self.write(some)?;
        }
        Ok(count)
    }

    fn write(&self, counted: &[(Arc<Principal>, Counter)]) -> Result<usize, RealmError> {
        let mut batch = Batch::default();
        for (name, counter) in counted {
            if self.store.get(&RecordKey::principal(name))?.is_some() {
                let stored = self.stored(name)?;
                let merged = Activity {
                    last_success: counter.activity.last_success.max(stored.last_success),
                    last_failed: counter.activity.last_failed.max(stored.last_failed),
                    fail_count: counter.activity.fail_count,
                };
                let action = Action::Put(merged.to_record());
                batch.add(RecordKey::activity(name), Expect::Any, action);
            }
        }
        let count = batch.changes.len();
        if count > 0 {
            self.store.commit(batch)?;
        }
        for (name, counter) in counted {
            self.drop_written(name, counter.events);
        }
        Ok(count)
    }

    /// Forgets a counter that is in the store, unless something was counted since.
    fn drop_written(&self, name: &Principal, events: u64) {
        let mut shard = self.shard(name);
        let unchanged = shard
            .get(name)
            .is_some_and(|counter| counter.events == events && counter.unsaved.is_none());
        if unchanged {
            shard.remove(name);
        }
    }

    fn stored(&self, name: &Principal) -> Result<Activity, RealmError> {
        match self.store.get(&RecordKey::activity(name))? {
            Some(found) => Activity::decode(&found.value),
            None => Ok(Activity::default()),
        }
    }

    fn write_lockout(&self, name: &Principal, lockout: Lockout) -> Result<(), RealmError> {
        let key = RecordKey::principal(name);
        for _ in 0..ATTEMPTS {
            let Some(found) = self.store.get(&key)? else {
                return Ok(());
            };
            let record = PrincipalRecord::decode(name.clone(), &found.value)?;
            let PrincipalRecord::Entry(mut entry) = record else {
                return Ok(());
            };
            entry.lockout = Some(lockout);
            let expect = Expect::Version(found.version);
            let batch = Batch::default().put(key.clone(), expect, entry.to_record());
            match self.store.commit(batch) {
                Err(RealmError::Conflict(_)) => {}
                done => return done.map(|_| ()),
            }
        }
        Err(RealmError::Conflict(name.to_string()))
    }

    fn keep_unsaved(&self, name: &Arc<Principal>, lockout: Lockout) {
        let mut shard = self.shard(name);
        let counter = self.counter(&mut shard, name, Activity::default);
        if counter.unsaved.replace(lockout).is_none() {
            self.unsaved.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn write_unsaved_lockouts(&self) -> Result<(), RealmError> {
        if self.unsaved.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        for (name, counter) in self.shards.iter().flat_map(counted) {
            let Some(lockout) = counter.unsaved else {
                continue;
            };
            self.write_lockout(&name, lockout)?;
            let mut shard = self.shard(&name);
            if let Some(counter) = shard.get_mut(&name)
                && counter.unsaved.take().is_some()
            {
                self.unsaved.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn shard(&self, name: &Principal) -> MutexGuard<'_, Counters> {
        let index = self.hasher.hash_one(name) as usize % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The principal's counter. When there is no room, another's goes: rather that of a
    /// principal without failures, of which only the time of its last login is lost.
    fn counter<'a>(
        &self,
        shard: &'a mut Counters,
        name: &Arc<Principal>,
        first: impl FnOnce() -> Activity,
    ) -> &'a mut Counter {
        if shard.len() >= self.per_shard && !shard.contains_key(name) {
            self.make_room(shard);
        }
        shard.entry(Arc::clone(name)).or_insert_with(|| Counter {
            activity: first(),
            ..Counter::default()
        })
    }

    fn make_room(&self, shard: &mut Counters) {
        let victim = shard
            .iter()
            .find(|(_, counter)| counter.activity.fail_count == 0 && counter.unsaved.is_none())
            .or_else(|| shard.iter().next())
            .map(|(name, _)| Arc::clone(name));
        let removed = victim.and_then(|name| shard.remove(&name));
        if removed.is_some_and(|counter| counter.unsaved.is_some()) {
            self.unsaved.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn counted(shard: &Mutex<Counters>) -> Vec<(Arc<Principal>, Counter)> {
    let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
    let pairs = shard.iter();
    pairs
        .map(|(name, counter)| (Arc::clone(name), *counter))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(seconds: i64) -> KerberosTime {
        KerberosTime::from_unix(seconds)
    }

    #[test]
    fn failures_add_up_until_they_lock_out() {
        let policy = LockoutPolicy {
            max_failures: 3,
            failure_interval: Some(Duration::from_secs(60)),
            duration: Some(Duration::from_secs(300)),
        };
        let mut activity = Activity::default();
        assert_eq!(policy.count_failure(&mut activity, None, at(1_000)), None);
        assert_eq!(policy.count_failure(&mut activity, None, at(1_060)), None);
        assert_eq!(activity.fail_count, 2);
        assert_eq!(policy.count_failure(&mut activity, None, at(1_121)), None);
        assert_eq!(activity.fail_count, 1, "the last one was too long ago");
        assert_eq!(policy.count_failure(&mut activity, None, at(1_122)), None);
        let lockout = policy
            .count_failure(&mut activity, None, at(1_123))
            .unwrap();
        assert_eq!(lockout.until, Some(at(1_423)));
        assert!(lockout.holds(at(1_422)) && !lockout.holds(at(1_423)));
    }

    #[test]
    fn unlocking_forgives_what_came_before() {
        let policy = LockoutPolicy {
            max_failures: 2,
            ..LockoutPolicy::default()
        };
        let mut activity = Activity::default();
        assert_eq!(policy.count_failure(&mut activity, None, at(10)), None);
        assert_eq!(
            policy.count_failure(&mut activity, Some(at(10)), at(11)),
            None
        );
        let lockout = policy
            .count_failure(&mut activity, Some(at(10)), at(12))
            .unwrap();
        assert_eq!(lockout.until, None);
        assert!(lockout.holds(KerberosTime::MAX));
    }

    #[test]
    fn a_policy_without_a_limit_never_locks_out() {
        let mut activity = Activity::default();
        for second in 0..1_000 {
            let policy = LockoutPolicy::default();
            assert_eq!(policy.count_failure(&mut activity, None, at(second)), None);
        }
    }
}
