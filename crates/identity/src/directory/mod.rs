//! The store of what the service knows, and the one copy of it in memory that answers questions.
//!
//! Whoever asks takes the present [`Model`] and keeps it as long as they like. A change is made on a copy that shares
//! all it does not touch, is written to the disk, and only then becomes the present model: what was answered is never
//! lost, and what failed was never seen.

mod change;
mod error;
mod removal;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

pub use change::Change;
pub use error::DirectoryError;

use crate::model::Model;
use store::Store;

/// What the service knows, on the disk and in memory.
#[derive(Debug)]
pub struct Directory {
    present: ArcSwap<Model>,
    /// Held while a change is made: one at a time.
    store: Mutex<Store>,
}

impl Directory {
    /// Opens the file, or makes an empty one that only its owner may read.
    ///
    /// # Errors
    /// It is in use, something else, of a newer version or damaged.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        Self::over(Store::open(path)?)
    }

    /// An empty one that ends with the process.
    ///
    /// # Errors
    /// The store refuses.
    pub fn in_memory() -> Result<Self, DirectoryError> {
        Self::over(Store::in_memory()?)
    }

    fn over(store: Store) -> Result<Self, DirectoryError> {
        let model = store.load()?;
        Ok(Self {
            present: ArcSwap::from_pointee(model),
            store: Mutex::new(store),
        })
    }

    /// What is known now.
    #[must_use]
    pub fn read(&self) -> Arc<Model> {
        self.present.load_full()
    }

    /// Makes a change: all of it or, when `make` fails, nothing. It is on the disk when this returns, and waits for it:
    /// a task calls this where blocking is allowed.
    ///
    /// # Errors
    /// What `make` returns; the store cannot write.
    pub fn change<T, E: From<DirectoryError>>(
        &self,
        make: impl FnOnce(&mut Change) -> Result<T, E>,
    ) -> Result<T, E> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut change = Change::of(&self.present.load());
        let made = make(&mut change)?;
        let (mut model, writes) = change.into_parts();
        if !writes.is_empty() {
            model.generation = model.generation.wrapping_add(1);
            store.write(&writes, model.generation)?;
            self.present.store(Arc::new(model));
        }
        Ok(made)
    }
}
