//! Who is at the other end, as the kernel says.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::sys::socket::{getsockopt, sockopt};

use super::doorkeeper::Doorkeeper;
use crate::settings::Caller;

/// A caller, and how much of it has been asked for.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) caller: Caller,
    program_asked: bool,
    selinux_asked: bool,
}

impl Peer {
    /// Asks whose connection it is; `socket` is the service's own socket, or none for the default one.
    pub(super) fn of(stream: &UnixStream, socket: Option<PathBuf>) -> io::Result<Self> {
        let credentials = getsockopt(stream, sockopt::PeerCredentials)?;
        Ok(Self {
            caller: Caller {
                uid: credentials.uid(),
                gid: credentials.gid(),
                pid: credentials.pid(),
                program: None,
                socket,
                selinux_context: None,
            },
            program_asked: false,
            selinux_asked: false,
        })
    }

    /// The program that the process runs, asked for once: a process that runs another program later stays who it was.
    pub(super) fn ask_program(&mut self, doorkeeper: &Doorkeeper) {
        if !self.program_asked {
            self.program_asked = true;
            self.caller.program = doorkeeper.program(self.caller.pid);
        }
    }

    /// The SELinux context of the process, where there is SELinux.
    pub(super) fn ask_selinux_context(&mut self, doorkeeper: &Doorkeeper) {
        if !self.selinux_asked {
            self.selinux_asked = true;
            self.caller.selinux_context = doorkeeper.selinux_context(self.caller.pid);
        }
    }
}

impl Peer {
    /// How upstream's daemon greets a caller in its log.
    pub(super) fn greeting(&self, stream: &UnixStream) -> String {
        let Caller {
            uid,
            gid,
            pid,
            program,
            selinux_context,
            ..
        } = &self.caller;
        let program = program
            .as_deref()
            .map(|path| format!(" ({})", path.display()))
            .unwrap_or_default();
        let context = selinux_context
            .as_deref()
            .map(|context| format!(" (context = {context})"))
            .unwrap_or_default();
        let number = stream.as_raw_fd();
        format!(
            "Client{program} connected (fd = {number}) (pid = {pid}) (uid = {uid}) (gid = {gid}){context}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_the_kernel_and_its_program_only_when_asked() {
        let (stream, _other) = UnixStream::pair().unwrap();
        let mut peer = Peer::of(&stream, None).unwrap();
        assert_eq!(peer.caller.uid, rustix::process::getuid().as_raw());
        assert_eq!(u32::try_from(peer.caller.pid).unwrap(), std::process::id());
        assert_eq!(peer.caller.program, None);
        peer.ask_program(&Doorkeeper::station().unwrap());
        assert_eq!(peer.caller.program, std::env::current_exe().ok());
    }
}
