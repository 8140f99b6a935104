//! Caches with a name, as far as they are in files: what is in them.

use std::sync::Arc;

use kerbstone_client::cache::CacheName;
use kerbstone_client::{Cache, ClientError};

use super::kept_files::KeptFiles;
use super::purse::Purse;
use super::{DeskError, Patience};

/// So many bytes of tickets are kept, of all caches together.
const MAX_BYTES: usize = 4 << 20;

/// What is in the caches that were read.
#[derive(Debug)]
pub(super) struct Caches {
    files: KeptFiles<Purse>,
}

impl Caches {
    pub(super) fn new() -> Self {
        Self {
            files: KeptFiles::new(MAX_BYTES),
        }
    }

    /// What is in a cache now.
    ///
    /// # Errors
    /// It cannot be read; [`DeskError::WouldWait`] when it is being written for the first time.
    pub(super) fn load(&self, cache: &Cache, patience: Patience) -> Result<Arc<Purse>, DeskError> {
        let read = || Ok::<_, ClientError>(cache.load_at_once()?.map(Purse::new));
        let kept = match cache.name() {
            CacheName::File(path) | CacheName::DirMember(path) => {
                self.files.get(path, read, Purse::size)?
            }
            CacheName::Dir(_) | CacheName::Memory(_) | CacheName::Keyring(_) => {
                read()?.map(Arc::new)
            }
        };
        match (kept, patience) {
            (Some(purse), _) => Ok(purse),
            (None, Patience::Never) => Err(DeskError::WouldWait),
            (None, Patience::Until(_)) => Ok(Arc::new(Purse::new(cache.load()?))),
        }
    }
}
