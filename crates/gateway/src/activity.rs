//! Whether anything goes on over a connection, and since when not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// The exchanges of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<State>);

#[derive(Debug)]
struct State {
    exchanges: AtomicUsize,
    begun: AtomicUsize,
    last: Mutex<Instant>,
}

/// One exchange; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<State>);

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            exchanges: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            last: Mutex::new(Instant::now()),
        }))
    }

    /// An exchange begins.
    pub(crate) fn begin(&self) -> Busy {
        self.0.exchanges.fetch_add(1, Ordering::Relaxed);
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(&self.0))
    }

    /// How many have begun.
    pub(crate) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Since when nothing goes on; `None` while something does.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.0.exchanges.load(Ordering::Relaxed) == 0;
        is_idle.then(|| *self.0.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.exchanges.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_when_its_last_exchange_is_over() {
        let activity = Activity::new();
        assert!(activity.idle_since().is_some());
        let (one, other) = (activity.begin(), activity.begin());
        drop(one);
        assert_eq!(activity.idle_since(), None);
        drop(other);
        assert!(activity.idle_since().is_some());
    }
}
