//! FILE: one cache in one file.

use std::io;
use std::path::{Path, PathBuf};

use kerbstone_proto::ccache::{CacheError, Credential, CredentialCache};

use crate::error::ClientError;
use crate::locked_file::{self, Lock, LockedFile};

/// A cache file. `label` is the name that errors carry.
#[derive(Clone, Debug)]
pub(super) struct FileCache {
    pub(super) path: PathBuf,
    pub(super) label: String,
}

impl FileCache {
    pub(super) fn load(&self) -> Result<CredentialCache, ClientError> {
        let content = LockedFile::open(&self.path, Lock::Shared)
            .and_then(|mut file| file.read_all())
            .map_err(|error| self.io(error))?;
        CredentialCache::parse(&content).map_err(|error| self.format(&error))
    }

    /// Nothing when somebody writes to it now.
    pub(super) fn load_at_once(&self) -> Result<Option<CredentialCache>, ClientError> {
        let content = LockedFile::open_at_once(&self.path)
            .and_then(|file| file.map(|mut file| file.read_all()).transpose())
            .map_err(|error| self.io(error))?;
        content
            .map(|content| CredentialCache::parse(&content).map_err(|error| self.format(&error)))
            .transpose()
    }

    pub(super) fn replace(&self, cache: &CredentialCache) -> Result<(), ClientError> {
        locked_file::replace(&self.path, &cache.to_bytes()).map_err(|error| self.io(error))
    }

    /// Appends, so that programs which read at the same time see all of the credential or nothing of it.
    pub(super) fn store(&self, credential: &Credential) -> Result<(), ClientError> {
        let mut file =
            LockedFile::open(&self.path, Lock::Exclusive).map_err(|error| self.io(error))?;
        let content = file.read_all().map_err(|error| self.io(error))?;
        let version = CredentialCache::version_of(&content).map_err(|error| self.format(&error))?;
        file.append(&credential.encode(version))
            .map_err(|error| self.io(error))
    }

    /// Overwrites every credential that matches with one that nobody looks for, as MIT does, so that cursors of other
    /// programs stay valid.
    pub(super) fn remove(
        &self,
        unwanted: &dyn Fn(&Credential) -> bool,
    ) -> Result<usize, ClientError> {
        let mut file =
            LockedFile::open(&self.path, Lock::Exclusive).map_err(|error| self.io(error))?;
        let content = file.read_all().map_err(|error| self.io(error))?;
        let cache = CredentialCache::parse(&content).map_err(|error| self.format(&error))?;
        let mut offset = cache.header_bytes().len();
        let mut removed: usize = 0;
        for credential in &cache.credentials {
            let length = credential.encode(cache.version).len();
            if !credential.is_removed() && unwanted(credential) {
                let replacement = credential.removed().encode(cache.version);
                debug_assert_eq!(replacement.len(), length);
                let place = u64::try_from(offset).unwrap_or(u64::MAX);
                file.write_at(place, &replacement)
                    .map_err(|error| self.io(error))?;
                removed = removed.saturating_add(1);
            }
            offset = offset.saturating_add(length);
        }
        Ok(removed)
    }

    /// Wipes and unlinks.
    pub(super) fn destroy(&self) -> Result<(), ClientError> {
        let mut file =
            LockedFile::open(&self.path, Lock::Exclusive).map_err(|error| self.io(error))?;
        std::fs::remove_file(&self.path).map_err(|error| self.io(error))?;
        file.wipe().map_err(|error| self.io(error))
    }

    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    fn io(&self, error: io::Error) -> ClientError {
        let name = self.label.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ClientError::NoCache { name },
            _ => ClientError::CacheIo {
                name: self.path.display().to_string(),
                error,
            },
        }
    }

    fn format(&self, error: &CacheError) -> ClientError {
        match error {
            // Reserved by kinit or mkstemp, not signed in to.
            CacheError::NoPrincipal => ClientError::NoCache {
                name: self.label.clone(),
            },
            CacheError::UnknownVersion(start) if start.len() >= 2 => ClientError::CacheVersion {
                name: self.path.display().to_string(),
                why: error.to_string(),
            },
            _ => ClientError::CacheFormat {
                name: self.path.display().to_string(),
                why: error.to_string(),
            },
        }
    }
}

/// Makes an empty file `prefix` + six random characters, and returns its path.
pub(super) fn reserve(dir: &Path, prefix: &str) -> io::Result<PathBuf> {
    for _ in 0..100 {
        let path = dir.join(format!("{prefix}{}", crate::random_name::letters(6)));
        match locked_file::create_new(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
