//! What was made of files, until they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::file_identity::FileIdentity;
use super::shelf::Shelf;

/// What was read from files. A look costs one `stat` as long as a file stays as it is.
#[derive(Debug)]
pub(super) struct KeptFiles<V> {
    shelf: Mutex<Shelf<PathBuf, Kept<V>>>,
}

#[derive(Debug)]
struct Kept<V> {
    /// Nothing when the file was so young that a change might not show.
    identity: Option<FileIdentity>,
    value: Arc<V>,
}

impl<V: PartialEq> KeptFiles<V> {
    /// Nothing yet; `limit` as [`get`](Self::get)'s weights are counted.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            shelf: Mutex::new(Shelf::new(limit)),
        }
    }

    /// What the file at `path` was when it changed last.
    ///
    /// `read` gives nothing when somebody writes to the file now: what it was before is good enough
    /// then, if that is known.
    pub(super) fn get<E>(
        &self,
        path: &Path,
        read: impl FnOnce() -> Result<Option<V>, E>,
        weight: impl FnOnce(&V) -> usize,
    ) -> Result<Option<Arc<V>>, E> {
        // Whatever is wrong, reading says it better.
        let identity = FileIdentity::of(path).ok();
        if identity.is_some() {
            let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = shelf.get(path).filter(|kept| kept.identity == identity) {
                return Ok(Some(Arc::clone(&kept.value)));
            }
        }
        let identity = identity.filter(FileIdentity::is_settled);
        let read = read()?;
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(value) = read else {
            return Ok(shelf.get(path).map(|kept| Arc::clone(&kept.value)));
        };
        let weight = weight(&value).saturating_add(1);
        // What was made of the same content stays good.
        let same = shelf.remove(path).filter(|kept| *kept.value == value);
        let value = same.map_or_else(|| Arc::new(value), |kept| kept.value);
        let kept = Kept {
            identity,
            value: Arc::clone(&value),
        };
        shelf.put(path.to_owned(), kept, weight);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn age(path: &Path) {
        // The time of a file's change cannot be set, so it has to pass.
        let then = SystemTime::now() - Duration::from_secs(60);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(then)
            .unwrap();
        while !FileIdentity::of(path).unwrap().is_settled() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn reads_a_file_once_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one").unwrap();
        age(&path);
        let kept = KeptFiles::new(100);
        let read = || fs::read_to_string(&path).map(Some);
        let get = || kept.get(&path, read, String::len).unwrap().unwrap();
        let first = get();
        let nothing = || Err(io::Error::other("it is read again"));
        let again = kept.get(&path, nothing, String::len).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        fs::write(&path, "one").unwrap();
        assert!(Arc::ptr_eq(&first, &get()), "the content is the same");
        fs::write(&path, "two").unwrap();
        let busy = || Ok::<_, io::Error>(None);
        let before = kept.get(&path, busy, String::len).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &before), "somebody writes to it");
        assert_eq!(*get(), "two");
        fs::remove_file(&path).unwrap();
        kept.get(&path, read, String::len).unwrap_err();
        let other = folder.path().join("other");
        assert_eq!(kept.get(&other, busy, String::len).unwrap(), None);
    }
}
