//! The sockets that the settings name, opened.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use kerbstone_identity::server::Listener;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{User, geteuid};

use super::service::ServiceError;
use super::settings::IdentitySettings;

/// Opens them all.
///
/// # Errors
/// One cannot be had, a user is unknown, or there is none at all.
pub(super) fn open(settings: &IdentitySettings) -> Result<Vec<Listener>, ServiceError> {
    let mut listeners = Vec::new();
    for &address in &settings.listen {
        let bound = TcpListener::bind(address)
            .map_err(|source| ServiceError::Listen { address, source })?;
        listeners.push(Listener::Tcp(bound));
    }
    if let Some(path) = &settings.socket {
        let trusted = trusted(&settings.trusted_peers)?;
        let listener = at(path, settings.socket_mode).map_err(|source| ServiceError::Socket {
            path: path.clone(),
            source,
        })?;
        listeners.push(Listener::Unix { listener, trusted });
    }
    match listeners.is_empty() {
        true => Err(ServiceError::Nowhere),
        false => Ok(listeners),
    }
}

/// Our own user, and those that the settings name.
fn trusted(names: &[String]) -> Result<Vec<u32>, ServiceError> {
    let mut users = vec![geteuid().as_raw()];
    for name in names {
        users.push(number_of(name).ok_or_else(|| ServiceError::NoSuchUser(name.clone()))?);
    }
    Ok(users)
}

fn number_of(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let user = User::from_name(name).ok().flatten()?;
    Some(user.uid.as_raw())
}

/// A socket that is not there yet, or was left by a process that is gone. It has its mode from the first moment on.
fn at(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        fs::remove_file(path)?;
    }
    let before = umask(Mode::from_bits_truncate(0o177));
    let bound = UnixListener::bind(path);
    umask(before);
    let listener = bound?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        drop(at(&path, 0o660).unwrap());
        let again = at(&path, 0o660).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert_eq!(
            at(&path, 0o660).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(again);
    }

    #[test]
    fn a_trusted_user_has_a_name_or_a_number() {
        let own = geteuid().as_raw();
        assert_eq!(trusted(&[]).unwrap(), [own]);
        let two = trusted(&["root".to_owned(), "4711".to_owned()]).unwrap();
        assert_eq!(two, [own, 0, 4711]);
        assert!(trusted(&["no-such-user".to_owned()]).is_err());
    }
}
