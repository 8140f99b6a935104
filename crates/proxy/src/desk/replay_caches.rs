//! The memory of what was accepted, as MIT's settings choose it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kerbstone_gss::GssError;
use kerbstone_gss::ReplayCacheError;
use kerbstone_gss::replay::SharedReplayCache;
use kerbstone_proto::time::Timestamp;

use super::DeskError;

/// Where MIT's library keeps it when nothing is said.
const DEFAULT_DIR: &str = "/var/tmp";

/// The replay caches in use.
#[derive(Debug)]
pub(super) struct ReplayCaches {
    name: Option<String>,
    dir: PathBuf,
    euid: u32,
    open: Mutex<HashMap<PathBuf, Arc<SharedReplayCache>>>,
}

impl ReplayCaches {
    /// None open yet. `name` is `KRB5RCACHENAME`, `dir` `KRB5RCACHEDIR`.
    pub(super) fn new(name: Option<String>, dir: Option<PathBuf>, euid: u32) -> Self {
        Self {
            name,
            dir: dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DIR)),
            euid,
            open: Mutex::default(),
        }
    }

    /// The one of this name, or the default one. Nothing for `none:`.
    pub(super) fn get(
        &self,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Arc<SharedReplayCache>>, DeskError> {
        let name = name.or(self.name.as_deref()).unwrap_or("dfl:");
        let Some(path) = self.path(name)? else {
            return Ok(None);
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = open.get(&path) {
            return Ok(Some(Arc::clone(cache)));
        }
        let cache = SharedReplayCache::open(&path, now, &mut rand::rng())
            .map_err(|fault| GssError::ReplayCache(ReplayCacheError(fault.into())))?;
        let cache = Arc::new(cache);
        open.insert(path, Arc::clone(&cache));
        Ok(Some(cache))
    }

    /// Where ours is. MIT's own file is of another format, and stays for the day when a site goes
    /// back.
    fn path(&self, name: &str) -> Result<Option<PathBuf>, DeskError> {
        match name.split_once(':').unwrap_or((name, "")) {
            ("none", _) => Ok(None),
            ("dfl", _) => {
                let file = format!("krb5_{}.rcache-kerbstone", self.euid);
                Ok(Some(self.dir.join(file)))
            }
            ("file2", path) if !path.is_empty() => {
                let mut path = Path::new(path).as_os_str().to_owned();
                path.push("-kerbstone");
                Ok(Some(path.into()))
            }
            _ => Err(DeskError::ReplayCacheType(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_beside_the_file_of_mits_library() {
        let caches = ReplayCaches::new(None, Some("/run/rcache".into()), 7);
        let path = |name| caches.path(name).unwrap();
        assert_eq!(path("none:"), None);
        assert_eq!(
            path("dfl:").unwrap(),
            Path::new("/run/rcache/krb5_7.rcache-kerbstone")
        );
        assert_eq!(path("file2:/var/x").unwrap(), Path::new("/var/x-kerbstone"));
        for wrong in ["file2:", "FILE:/var/x", "keyring:x"] {
            caches.path(wrong).unwrap_err();
        }
    }

    #[test]
    fn opens_each_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let caches = ReplayCaches::new(None, Some(folder.path().into()), 7);
        let now = Timestamp::default();
        let one = caches.get(None, now).unwrap().unwrap();
        let two = caches.get(Some("dfl:"), now).unwrap().unwrap();
        assert!(Arc::ptr_eq(&one, &two));
        assert!(caches.get(Some("none:"), now).unwrap().is_none());
    }
}
