//! What wishes led to a moment ago: the same wish leads there again for the price of a hash.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kerbstone_gss::Name;
use kerbstone_proto::time::Timestamp;

use super::acquire::SOON;
use super::held::HeldTickets;
use super::shelf::Shelf;
use super::{HeldCredential, Sources, Wish};
use crate::settings::CredUsage;

/// So long a keytab is taken for what it was. It is looked at again before anything is refused for
/// want of a key in it.
pub(super) const GLANCE: Duration = Duration::from_millis(25);
/// So many wishes are remembered.
const MAX_WISHES: usize = 256;

/// The wishes that came last.
#[derive(Debug)]
pub(super) struct Recent {
    hasher: RandomState,
    shelf: Mutex<Shelf<u64, Granted>>,
}

#[derive(Debug)]
struct Granted {
    sources: Sources,
    name: Option<Name>,
    usage: CredUsage,
    /// When files were looked at.
    looked: Instant,
    credential: Arc<HeldCredential>,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shelf: Mutex::new(Shelf::new(MAX_WISHES)),
        }
    }

    /// What the wish led to a moment ago, if it certainly leads there still.
    pub(super) fn get(&self, wish: &Wish<'_>, now: Timestamp) -> Option<Arc<HeldCredential>> {
        let key = self.hash(wish);
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = shelf.get(&key)?;
        let holds = granted.is_of(wish)
            && granted.looked.elapsed() < GLANCE
            && lasts(&granted.credential, wish.sources, now);
        holds.then(|| Arc::clone(&granted.credential))
    }

    /// Remembers what a wish led to. One that is as the last time stays the last time's, with all
    /// that was made of it.
    pub(super) fn put(
        &self,
        wish: &Wish<'_>,
        looked: Instant,
        credential: HeldCredential,
    ) -> Arc<HeldCredential> {
        let key = self.hash(wish);
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shelf.remove(&key).filter(|before| before.is_of(wish));
        let granted = match before {
            Some(before) if *before.credential == credential => Granted { looked, ..before },
            _ => Granted {
                sources: wish.sources.clone(),
                name: wish.name.cloned(),
                usage: wish.usage,
                looked,
                credential: Arc::new(credential),
            },
        };
        let credential = Arc::clone(&granted.credential);
        shelf.put(key, granted, 1);
        credential
    }

    pub(super) fn clear(&self) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.clear();
    }

    fn hash(&self, wish: &Wish<'_>) -> u64 {
        let usage = wish.usage as u8;
        self.hasher.hash_one((wish.sources, wish.name, usage))
    }
}

impl Granted {
    fn is_of(&self, wish: &Wish<'_>) -> bool {
        self.usage == wish.usage && self.name.as_ref() == wish.name && self.sources == *wish.sources
    }
}

/// Whether there is nothing to be done about a credential's tickets. Those in caches with a name are
/// others' to change too.
fn lasts(credential: &HeldCredential, sources: &Sources, now: Timestamp) -> bool {
    match (&credential.usage, &credential.tickets) {
        (CredUsage::Accept, _) => true,
        (_, Some(HeldTickets::Memory(purse, added))) => {
            let soon = now.time.saturating_add(sources.min_lifetime.max(SOON));
            let is_time = !credential.refreshes.is_zero() && credential.refreshes <= now.time;
            credential.expires > soon && !is_time && purse.added() == *added
        }
        (_, Some(HeldTickets::Named(_)) | None) => false,
    }
}
