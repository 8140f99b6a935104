//! Where roles say that they are ready, in the words of `sd_notify(3)`.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, UnixAddr, UnixCredentials, recvmsg, setsockopt, sockopt,
};
use rand::RngExt;
use tokio::io::Interest;
use tokio::net::UnixDatagram;

/// The longest message that is of interest.
const LONGEST: usize = 4096;
/// The system's errors come and go; until then nobody shall be busy with them.
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

/// A socket without a file, because a path in the site's folder may be too long for one. The kernel says who wrote.
#[derive(Debug)]
pub(super) struct Readiness {
    socket: UnixDatagram,
    address: String,
}

impl Readiness {
    /// Opens the socket; to be called within a runtime.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open() -> io::Result<Self> {
        let name = format!("kerbstone/{:016x}", rand::rng().random::<u64>());
        let socket = StdDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        setsockopt(&socket, sockopt::PassCred, &true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UnixDatagram::from_std(socket)?,
            address: format!("@{name}"),
        })
    }

    /// What a role gets as `NOTIFY_SOCKET`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Waits for the next process that is ready, and returns its number.
    pub(super) async fn next(&self) -> u32 {
        loop {
            let socket = &self.socket;
            match socket
                .async_io(Interest::READABLE, || receive(socket))
                .await
            {
                Ok(Some(process)) => return process,
                Ok(None) => {}
                Err(_) => tokio::time::sleep(AFTER_AN_ERROR).await,
            }
        }
    }
}

/// The process that a datagram says is ready, if it says that.
fn receive(socket: &UnixDatagram) -> io::Result<Option<u32>> {
    let mut buffer = [0; LONGEST];
    let mut control = cmsg_space!(UnixCredentials);
    let mut slices = [IoSliceMut::new(&mut buffer)];
    let message = recvmsg::<UnixAddr>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let sender = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmCredentials(from) => u32::try_from(from.pid()).ok(),
        _ => None,
    });
    let length = message.bytes;
    let text = buffer.get(..length).unwrap_or_default();
    let is_ready = text
        .split(|byte| *byte == b'\n')
        .any(|line| line == b"READY=1");
    Ok(sender.filter(|_| is_ready))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn knows_which_process_is_ready_and_passes_over_other_messages() {
        runtime().block_on(async {
            let readiness = Readiness::open().unwrap();
            let name = readiness.address().strip_prefix('@').unwrap();
            let address = SocketAddr::from_abstract_name(name).unwrap();
            let role = StdDatagram::unbound().unwrap();
            for message in ["STATUS=opening\n", "READY=10\n", "STATUS=open\nREADY=1\n"] {
                role.send_to_addr(message.as_bytes(), &address).unwrap();
            }
            assert_eq!(readiness.next().await, std::process::id());
        });
    }
}
