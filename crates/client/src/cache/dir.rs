//! DIR: a directory of FILE caches, and a file `primary` that names one of them.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::file;
use crate::error::ClientError;
use crate::locked_file;

/// The path of the primary cache. Directory and `primary` are made when they are missing.
pub(super) fn primary(dir: &Path) -> Result<PathBuf, ClientError> {
    verify(dir)?;
    let index = dir.join("primary");
    match std::fs::read_to_string(&index) {
        Ok(content) => {
            let name = content
                .strip_suffix('\n')
                .filter(|name| is_member(name) && !name.contains(['/', '\\', '\n']));
            match name {
                Some(name) => Ok(dir.join(name)),
                None => Err(ClientError::CacheFormat {
                    name: index.display().to_string(),
                    why: format!("{} contains invalid filename", index.display()),
                }),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_primary(dir, "tkt")?;
            Ok(dir.join("tkt"))
        }
        Err(error) => Err(failed(&index, error)),
    }
}

/// Makes one cache of the directory the primary one.
pub(super) fn switch_to(member: &Path) -> Result<(), ClientError> {
    match (
        member.parent(),
        member.file_name().and_then(|name| name.to_str()),
    ) {
        (Some(dir), Some(name)) => write_primary(dir, name),
        _ => Err(ClientError::Misuse("a cache without directory and name")),
    }
}

/// Every cache of the directory, the primary one first if it exists.
pub(super) fn members(dir: &Path) -> Result<Vec<PathBuf>, ClientError> {
    let primary = primary(dir)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| failed(dir, error))? {
        let entry = entry.map_err(|error| failed(dir, error))?;
        if entry.file_name().to_str().is_some_and(is_member) && entry.path() != primary {
            found.push(entry.path());
        }
    }
    found.sort();
    if primary.exists() {
        found.insert(0, primary);
    }
    Ok(found)
}

/// Reserves a new cache in the directory.
pub(super) fn new_member(dir: &Path) -> Result<PathBuf, ClientError> {
    verify(dir)?;
    file::reserve(dir, "tkt").map_err(|error| failed(dir, error))
}

/// Makes sure that the directory is there.
pub(super) fn verify(dir: &Path) -> Result<(), ClientError> {
    match std::fs::metadata(dir) {
        Ok(data) if data.is_dir() => Ok(()),
        Ok(_) => Err(ClientError::CacheUnsupported {
            what: format!(
                "Credential cache directory {} exists but is not a directory",
                dir.display()
            ),
        }),
        Err(_) => std::fs::DirBuilder::new()
            .mode(0o700)
            .create(dir)
            .map_err(|_| ClientError::CacheUnsupported {
                what: format!(
                    "Credential cache directory {} does not exist",
                    dir.display()
                ),
            }),
    }
}

fn write_primary(dir: &Path, name: &str) -> Result<(), ClientError> {
    let index = dir.join("primary");
    locked_file::replace(&index, format!("{name}\n").as_bytes())
        .map_err(|error| failed(&index, error))
}

fn is_member(name: &str) -> bool {
    name.starts_with("tkt")
}

fn failed(path: &Path, error: io::Error) -> ClientError {
    ClientError::CacheIo {
        name: path.display().to_string(),
        error,
    }
}
