//! What a service does for whoever supervises it, `kerb up` or systemd: says when it is ready, and does not outlive it.

use std::env;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::thread::set_name;

use crate::failure::Failure;

/// Names the process of `kerb up` to the roles that it starts.
pub(crate) const SUPERVISOR: &str = "KERBSTONE_SUPERVISOR";
/// Where to say that one is ready, as `sd_notify(3)` has it.
pub(crate) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The first thing that a role does: ends with its supervisor, if `kerb up` is that, and has a name in `ps` and `top`.
///
/// # Errors
/// The supervisor is gone already.
pub(crate) fn begin(role: &str) -> Result<(), Failure> {
    let Some(supervisor) = env::var(SUPERVISOR).ok().and_then(|text| text.parse().ok()) else {
        return Ok(());
    };
    if let Ok(name) = CString::new(format!("kerb-{role}")) {
        let _unnamed = set_name(&name);
    }
    let bound = set_parent_process_death_signal(Some(Signal::TERM));
    if bound.is_ok() && getppid() == Pid::from_raw(supervisor) {
        return Ok(());
    }
    Err(Failure::refused(
        format!("cannot serve as {role}"),
        format!("the supervisor, process {supervisor}, is gone"),
        format!("unset {SUPERVISOR}, or start the site again: kerb up"),
    ))
}

/// Whether a supervisor of ours looks after this process.
pub(crate) fn is_supervised() -> bool {
    env::var_os(SUPERVISOR).is_some()
}

/// Says that every socket is open. Without a supervisor, or with one that is gone, nobody is told.
pub(crate) fn ready() {
    tell("READY=1\n");
}

/// Tells the supervisor, if there is one, how the service is: lines as in `sd_notify(3)`.
pub(crate) fn tell(state: &str) {
    let Some(address) = env::var_os(NOTIFY_SOCKET) else {
        return;
    };
    if let Err(error) = notify(&address, state.as_bytes()) {
        tracing::warn!(%error, "the supervisor cannot be told how the service is");
    }
}

fn notify(address: &OsStr, message: &[u8]) -> io::Result<()> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message, &address)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_socket_in_a_folder_and_one_without_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("kerbstone-test/{}", std::process::id());
        let in_folder = UnixDatagram::bind(&path).unwrap();
        let without_file =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap())
                .unwrap();
        let cases = [
            (path.into_os_string(), in_folder),
            (format!("@{abstract_name}").into(), without_file),
        ];
        for (address, socket) in cases {
            notify(&address, b"READY=1\n").unwrap();
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1\n");
        }
    }
}
