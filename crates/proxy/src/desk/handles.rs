//! Handles that were sealed or opened a while ago, so that the next call with them costs a hash.

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::HeldCredential;
use super::held::HeldTickets;
use super::shelf::Shelf;

/// So many bytes of credentials are kept, about.
const MAX_BYTES: usize = 4 << 20;
/// What a credential takes beside its tickets.
const FRAME: usize = 1024;
/// What tickets in memory count at least: more of them may come.
const ROOM_TO_GROW: usize = 3 * FRAME;

type Fingerprint = [u8; 32];

/// What is in the handles that are in use.
#[derive(Debug)]
pub(super) struct Handles {
    shelf: Mutex<Shelf<Fingerprint, Opened>>,
}

#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// Whose handle it is.
    pub(super) service: String,
    pub(super) credential: Arc<HeldCredential>,
}

impl Handles {
    pub(super) fn new() -> Self {
        Self {
            shelf: Mutex::new(Shelf::new(MAX_BYTES)),
        }
    }

    pub(super) fn get(&self, handle: &[u8]) -> Option<Opened> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(&fingerprint(handle)).cloned()
    }

    pub(super) fn put(&self, handle: &[u8], opened: Opened) {
        let weight = match &opened.credential.tickets {
            Some(HeldTickets::Memory(purse, _)) => purse.size().max(ROOM_TO_GROW),
            Some(HeldTickets::Named(_)) | None => 0,
        };
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.put(fingerprint(handle), opened, weight.saturating_add(FRAME));
    }
}

fn fingerprint(handle: &[u8]) -> Fingerprint {
    Sha256::digest(handle).into()
}
