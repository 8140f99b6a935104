//! What can be wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no `[service/NAME]` in any of the files.
    #[error("{path}: no service sections configured", path = path.display())]
    NoServices {
        /// The file that was read first.
        path: PathBuf,
    },
}

impl SettingsError {
    /// What the administrator can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unreadable { .. } => "name another file with -c, or a folder with -C".to_owned(),
            Self::NoServices { .. } => {
                "add a section such as [service/web] with mechs, euid and cred_store".to_owned()
            }
        }
    }
}

/// What is not as its writer meant it, though the configuration can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub location: Location,
    /// What.
    pub message: String,
    /// What to do about it; empty when there is nothing to say.
    pub help: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}
