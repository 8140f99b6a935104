//! Keytabs on disk, shared with other programs.

use std::io;
use std::path::{Path, PathBuf};

use kerbstone_proto::keytab::{Keytab, KeytabEntry, KeytabError};

use crate::error::ClientError;
use crate::locked_file::{Lock, LockedFile};

/// A keytab file, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeytabFile {
    path: PathBuf,
    name: String,
}

impl KeytabFile {
    /// Reads a name: `FILE:path`, `WRFILE:path` or a path alone.
    pub fn parse(name: &str) -> Result<Self, ClientError> {
        let path = match name.split_once(':') {
            Some(("FILE" | "WRFILE", path)) => path,
            Some((kind, _)) if !kind.contains('/') => {
                return Err(ClientError::UnknownKeytabType {
                    name: name.to_owned(),
                });
            }
            _ => name,
        };
        Ok(Self {
            path: PathBuf::from(path),
            name: format!("FILE:{path}"),
        })
    }

    /// The full name, as `klist -k` prints it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of its content.
    pub fn load(&self) -> Result<Keytab, ClientError> {
        let content = LockedFile::open(&self.path, Lock::Shared)
            .and_then(|mut file| file.read_all())
            .map_err(|error| self.io(error))?;
        self.parsed(&content)
    }

    /// All of its content, for whoever must not wait; nothing when somebody writes to it now.
    pub fn load_at_once(&self) -> Result<Option<Keytab>, ClientError> {
        let content = LockedFile::open_at_once(&self.path)
            .and_then(|file| file.map(|mut file| file.read_all()).transpose())
            .map_err(|error| self.io(error))?;
        content.map(|content| self.parsed(&content)).transpose()
    }

    /// Adds an entry. The file is made when it is missing.
    pub fn add(&self, entry: KeytabEntry) -> Result<(), ClientError> {
        self.change(true, |keytab| {
            keytab.add(entry).map_err(|error| self.wrong(&error))
        })
    }

    /// Removes the entries that are not wanted, and tells how many there were.
    pub fn remove(&self, unwanted: impl Fn(&KeytabEntry) -> bool) -> Result<usize, ClientError> {
        self.change(false, |keytab| Ok(keytab.remove_all(unwanted)))
    }

    fn change<T>(
        &self,
        create: bool,
        edit: impl FnOnce(&mut Keytab) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let opened = if create {
            LockedFile::open_or_create(&self.path)
        } else {
            LockedFile::open(&self.path, Lock::Exclusive)
        };
        let mut file = opened.map_err(|error| self.io(error))?;
        let content = file.read_all().map_err(|error| self.io(error))?;
        let mut keytab = if content.is_empty() {
            Keytab::new()
        } else {
            self.parsed(&content)?
        };
        let outcome = edit(&mut keytab)?;
        file.rewrite(&keytab.to_bytes())
            .map_err(|error| self.io(error))?;
        Ok(outcome)
    }

    fn parsed(&self, content: &[u8]) -> Result<Keytab, ClientError> {
        Keytab::parse(content).map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, error: &KeytabError) -> ClientError {
        let (name, why) = (self.name.clone(), error.to_string());
        match error {
            KeytabError::NotAKeytab(_) => ClientError::KeytabVersion { name, why },
            KeytabError::ImpossibleHole { .. } => ClientError::Keytab {
                name,
                why: "Bad format in keytab".to_owned(),
            },
            _ => ClientError::Keytab { name, why },
        }
    }

    fn io(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::NotFound => ClientError::NoKeytab {
                path: self.path.clone(),
            },
            _ => ClientError::KeytabIo {
                name: self.name.clone(),
                error,
            },
        }
    }
}
