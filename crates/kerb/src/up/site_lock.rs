//! One process at a time looks after a site.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::folder::unusable;
use crate::failure::Failure;

/// What only the running site needs: the lock and the socket for `kerb status`.
pub(super) const RUN: &str = "run";
/// The file that is locked; it names the process that has locked it.
pub(super) const LOCK: &str = "lock";
/// A socket's address has room for 107 octets, and the longest path below the folder is `run/status.sock`.
const LONGEST_PATH: usize = 91;

/// The right to look after the site in a folder, until dropped. The kernel takes it back from the dead.
#[derive(Debug)]
pub(crate) struct SiteLock {
    folder: PathBuf,
    _file: File,
}

impl SiteLock {
    /// Takes the lock; the folder is made if need be.
    ///
    /// # Errors
    /// The folder cannot be written to, or another process has the lock; the failure names it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| unusable(folder, &error);
        fs::create_dir_all(folder).map_err(refused)?;
        let absolute = folder.canonicalize().map_err(refused)?;
        if absolute.as_os_str().len() > LONGEST_PATH {
            return Err(too_long(&absolute));
        }
        let run = absolute.join(RUN);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&run);
        made.map_err(refused)?;
        let mut file = open(&run).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&absolute, &holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        // On a full disk nobody will learn who has the lock; they will still not get it.
        let _unsaid = file
            .set_len(0)
            .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        Ok(Self {
            folder: absolute,
            _file: file,
        })
    }

    /// The site's folder by its absolute path.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn open(run: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(run.join(LOCK))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _unknown = file.read_to_string(&mut text);
    text.trim().to_owned()
}

fn too_long(folder: &Path) -> Failure {
    Failure::refused(
        "cannot set up the site",
        format!(
            "the path {} is too long for sockets in that folder",
            folder.display()
        ),
        format!("name a folder with a path of at most {LONGEST_PATH} octets: kerb up DIR"),
    )
}

fn held(folder: &Path, holder: &str) -> Failure {
    let shown = folder.display();
    let (who, stop) = match holder {
        "" => ("another process".to_owned(), String::new()),
        pid => (format!("process {pid}"), format!("; kill {pid} stops it")),
    };
    Failure::refused(
        "cannot start the site",
        format!("{who} runs the site in {shown} already"),
        format!("kerb status {shown} shows it{stop}; kerb up DIR starts another site elsewhere"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_the_lock_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = SiteLock::take(folder.path()).unwrap();
        let refused = SiteLock::take(folder.path()).unwrap_err();
        let pid = std::process::id().to_string();
        assert!(refused.why.contains(&pid), "{refused}");
        assert!(refused.help.contains(&format!("kill {pid}")), "{refused}");
        drop(first);
        SiteLock::take(folder.path()).unwrap();
    }
}
