//! What was made of something the last time, kept with it.

use std::sync::{Mutex, PoisonError};

/// Keeps one value beside what it was made of. A clone begins without, and counts as the same.
#[derive(Debug)]
pub(super) struct Slot<T>(Mutex<Option<T>>);

impl<T> Slot<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// What `look` finds of use in it.
    pub(super) fn get<U>(&self, look: impl FnOnce(&T) -> Option<U>) -> Option<U> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().and_then(look)
    }

    pub(super) fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T> PartialEq for Slot<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Slot<T> {}
