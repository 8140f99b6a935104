//! The sockets that callers connect to: the default one, and one for each service that has its own.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::settings::SocketAccess;

/// One listening socket.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) id: u64,
    pub(super) listener: UnixListener,
    /// The file, as the settings name it.
    pub(super) path: PathBuf,
    /// Device and inode of the file that we made; sockets that were handed over leave their files to whoever made them.
    made: Option<(u64, u64)>,
}

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Something else has the name; only sockets that nobody listens on are replaced.
    #[error("{path} is no socket", path = .0.display())]
    NoSocket(PathBuf),
    /// The system refused; mostly, the folder is missing or not the daemon's to write to.
    #[error("cannot listen on {path}: {source}", path = path.display())]
    Listen {
        /// The socket's file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl DoorError {
    /// What the administrator can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoSocket(path) => format!("move {} away, or name another socket", path.display()),
            Self::Listen { path, source } if source.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(path);
                format!("make the folder {}", folder.display())
            }
            Self::Listen { path, .. } => {
                let folder = path.parent().unwrap_or(path);
                format!("let the daemon's user write to {}", folder.display())
            }
        }
    }
}

impl Door {
    /// Makes the socket, in place of one that an earlier daemon has left.
    pub(super) fn open(id: u64, path: &Path, access: SocketAccess) -> Result<Self, DoorError> {
        let refused = |source| DoorError::Listen {
            path: path.to_owned(),
            source,
        };
        match fs::symlink_metadata(path) {
            Ok(there) if there.file_type().is_socket() => {
                fs::remove_file(path).map_err(refused)?;
            }
            Ok(_) => return Err(DoorError::NoSocket(path.to_owned())),
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(refused)?;
        let SocketAccess { owner, group, mode } = access;
        if owner.is_some() || group.is_some() {
            chown(path, owner, group).map_err(refused)?;
        }
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(refused)?;
        let made = fs::symlink_metadata(path).map_err(refused)?;
        let mut door = Self::handed_over(id, listener, path)?;
        door.made = Some(identity(&made));
        Ok(door)
    }

    /// A socket that a supervisor has made.
    pub(super) fn handed_over(
        id: u64,
        listener: UnixListener,
        path: &Path,
    ) -> Result<Self, DoorError> {
        listener
            .set_nonblocking(true)
            .map_err(|source| DoorError::Listen {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            id,
            listener,
            path: path.to_owned(),
            made: None,
        })
    }
}

/// Takes the file away, unless another daemon has put its own there.
impl Drop for Door {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path).ok();
        if self.made.is_some() && there.as_ref().map(identity) == self.made {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn everybody_may_connect_and_a_stale_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default.sock");
        drop(UnixListener::bind(&path).unwrap());
        let door = Door::open(1, &path, SocketAccess::default()).unwrap();
        UnixStream::connect(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        drop(door);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keytab");
        fs::write(&path, "keys").unwrap();
        assert!(matches!(
            Door::open(1, &path, SocketAccess::default()),
            Err(DoorError::NoSocket(_))
        ));
        assert_eq!(fs::read(&path).unwrap(), b"keys");
    }

    #[test]
    fn the_socket_of_the_next_daemon_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default.sock");
        let old = Door::open(1, &path, SocketAccess::default()).unwrap();
        let new = Door::open(2, &path, SocketAccess::default()).unwrap();
        drop(old);
        UnixStream::connect(&path).unwrap();
        drop(new);
    }
}
