//! Who holds how many connections and how much memory, over all event loops.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Limits;

/// Its connections are never closed to make room, and are as many as it likes: among them is the kernel's.
pub(super) const ROOT: u32 = 0;

/// Counts what callers hold; asked when connections come and go and for messages that come in pieces, not for each call.
#[derive(Debug)]
pub(super) struct Census {
    limits: Limits,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    connections: usize,
    octets: usize,
    by_uid: HashMap<u32, Share>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    connections: usize,
    octets: usize,
}

/// Whether one more connection has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It is counted.
    Taken,
    /// Not unless a connection of this uid ends; it is not counted.
    After(u32),
}

impl Census {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: Mutex::default(),
        }
    }

    /// Counts a connection, or says whose is to end for it: the caller's own when it has its fill, otherwise that of
    /// the caller who has most.
    pub(super) fn enter(&self, uid: u32) -> Room {
        let mut held = self.lock();
        let own = held.by_uid.get(&uid).map_or(0, |share| share.connections);
        if uid != ROOT && own >= self.limits.connections_per_uid {
            return Room::After(uid);
        }
        if held.connections >= self.limits.connections {
            return Room::After(held.greediest().unwrap_or(uid));
        }
        held.connections = held.connections.saturating_add(1);
        let share = held.by_uid.entry(uid).or_default();
        share.connections = share.connections.saturating_add(1);
        Room::Taken
    }

    /// A connection that was counted has ended.
    pub(super) fn leave(&self, uid: u32) {
        let mut held = self.lock();
        held.connections = held.connections.saturating_sub(1);
        held.change(uid, |share| {
            share.connections = share.connections.saturating_sub(1);
        });
    }

    /// Counts memory for a message that comes in pieces; `false` when the caller, or all together, have their fill.
    pub(super) fn reserve(&self, uid: u32, octets: usize) -> bool {
        let mut held = self.lock();
        let own = held.by_uid.get(&uid).map_or(0, |share| share.octets);
        let fits = own.saturating_add(octets) <= self.limits.unfinished_per_uid
            && held.octets.saturating_add(octets) <= self.limits.unfinished;
        if fits {
            held.octets = held.octets.saturating_add(octets);
            let share = held.by_uid.entry(uid).or_default();
            share.octets = share.octets.saturating_add(octets);
        }
        fits
    }

    /// Gives back what [`reserve`](Self::reserve) counted.
    pub(super) fn release(&self, uid: u32, octets: usize) {
        let mut held = self.lock();
        held.octets = held.octets.saturating_sub(octets);
        held.change(uid, |share| {
            share.octets = share.octets.saturating_sub(octets)
        });
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn greediest(&self) -> Option<u32> {
        let most = self.by_uid.iter().filter(|(uid, _)| **uid != ROOT);
        most.max_by_key(|(_, share)| share.connections)
            .map(|(uid, _)| *uid)
    }

    fn change(&mut self, uid: u32, change: impl FnOnce(&mut Share)) {
        if let Some(share) = self.by_uid.get_mut(&uid) {
            change(share);
            if share.connections == 0 && share.octets == 0 {
                self.by_uid.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census() -> Census {
        Census::new(Limits {
            connections: 4,
            connections_per_uid: 3,
            unfinished: 100,
            unfinished_per_uid: 60,
            ..Limits::default()
        })
    }

    #[test]
    fn a_caller_with_its_fill_makes_room_itself() {
        let census = census();
        for _ in 0..3 {
            assert_eq!(census.enter(1), Room::Taken);
        }
        assert_eq!(census.enter(1), Room::After(1));
        assert_eq!(census.enter(2), Room::Taken);
        assert_eq!(census.enter(3), Room::After(1));
        census.leave(1);
        assert_eq!(census.enter(3), Room::Taken);
    }

    #[test]
    fn memory_is_bounded_for_each_and_for_all() {
        let census = census();
        assert!(census.reserve(1, 60));
        assert!(!census.reserve(1, 1));
        assert!(!census.reserve(2, 41));
        assert!(census.reserve(2, 40));
        census.release(1, 60);
        assert!(census.reserve(2, 20));
    }

    #[test]
    fn nothing_is_remembered_of_those_who_left() {
        let census = census();
        for uid in 0..1000 {
            census.enter(uid);
            census.reserve(uid, 1);
            census.release(uid, 1);
            census.leave(uid);
        }
        assert!(census.lock().by_uid.is_empty());
    }
}
