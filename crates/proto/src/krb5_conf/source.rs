//! Where the text of a configuration comes from.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Where MIT's library looks when `KRB5_CONFIG` is not set.
const DEFAULT_PATH: &str = "/etc/krb5.conf:/usr/local/etc/krb5.conf";

/// Reads files for the parser. It need not be the file system.
pub trait FileSource {
    /// The contents of a file.
    ///
    /// # Errors
    /// As [`std::fs::read`]; the kinds `NotFound`, `PermissionDenied` and `IsADirectory` tell the
    /// parser what to do with a file of the search path.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The names of the files in a directory, in any order.
    ///
    /// # Errors
    /// As [`std::fs::read_dir`].
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
}

/// A source in which there is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl FileSource for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<OsString>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The files to read, in order: those of `KRB5_CONFIG` (`krb5_config`, separated by colons), or
/// MIT's default ones. A leading `~/` stands for `home`, if given.
#[must_use]
pub fn search_path(krb5_config: Option<&str>, home: Option<&Path>) -> Vec<PathBuf> {
    krb5_config
        .unwrap_or(DEFAULT_PATH)
        .split(':')
        .filter(|name| !name.is_empty())
        .map(|name| match (name.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(name),
        })
        .collect()
}

/// Whether `includedir` takes a file of this name: editors' backups and packages' leftovers are
/// passed over.
pub(super) fn is_included_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.starts_with('.') && (name.ends_with(".conf") || name.chars().all(plain))
}
