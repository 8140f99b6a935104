//! One socket to a daemon, its record marks and its deadlines.

use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kerbstone_xdr::Opaque;
use kerbstone_xdr::rpc::{RECORD_MARK, record_length};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};
use rustix::process::{getegid, geteuid};

use super::ClientError;

/// Room for most replies: contexts with a PAC, the list of mechanisms.
const USUAL: usize = 16 * 1024;

/// A connection, and who we were when it was made: that is whom the daemon takes us for.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    path: PathBuf,
    identity: Identity,
    used: bool,
}

/// What the daemon learns of us from the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    uid: u32,
    gid: u32,
}

impl Identity {
    fn now() -> Self {
        Self {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
        }
    }
}

impl Connection {
    /// Connects to the socket at `path`; waits at most `patience`, for this and for every later step.
    pub fn connect(path: &Path, patience: Duration) -> Result<Self, ClientError> {
        let unreachable = |source: io::Error| ClientError::Unreachable {
            path: path.to_owned(),
            source,
        };
        let address = SocketAddrUnix::new(path).map_err(|errno| unreachable(errno.into()))?;
        let socket = socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|errno| unreachable(errno.into()))?;
        // The time-out of sending is also that of connecting to a daemon with a full backlog.
        for kind in [Timeout::Send, Timeout::Recv] {
            sockopt::set_socket_timeout(&socket, kind, Some(patience))
                .map_err(|errno| unreachable(errno.into()))?;
        }
        loop {
            match connect(&socket, &address) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(ClientError::TimedOut),
                Err(errno) => return Err(unreachable(errno.into())),
            }
        }
        Ok(Self {
            socket,
            path: path.to_owned(),
            identity: Identity::now(),
            used: false,
        })
    }

    /// Whether a connection to `path` made now would say of us what this one says.
    pub fn serves(&self, path: &Path) -> bool {
        self.path == path && self.identity == Identity::now()
    }

    /// Whether a reply has come over it before.
    pub fn is_used(&self) -> bool {
        self.used
    }

    /// Whether the other goes to the same daemon, which takes us for the same over both.
    pub fn is_like(&self, other: &Self) -> bool {
        self.path == other.path && self.identity == other.identity
    }

    /// Sends a record and reads the message of the record that answers it.
    ///
    /// After an error the connection is of no more use.
    pub fn exchange(&mut self, record: &[u8], patience: Duration) -> Result<Opaque, ClientError> {
        let deadline = Deadline::after(patience);
        self.send(record, deadline)?;
        let reply = self.receive(deadline)?;
        self.used = true;
        Ok(reply)
    }

    fn send(&self, mut record: &[u8], deadline: Deadline) -> Result<(), ClientError> {
        while !record.is_empty() {
            match send(&self.socket, record, SendFlags::NOSIGNAL) {
                Ok(sent) => record = record.get(sent..).unwrap_or_default(),
                Err(errno) => self.wait_or_fail(errno)?,
            }
            deadline.check()?;
        }
        Ok(())
    }

    fn receive(&self, deadline: Deadline) -> Result<Opaque, ClientError> {
        let mut received = Vec::with_capacity(USUAL);
        loop {
            match recv(
                &self.socket,
                spare_capacity(&mut received),
                RecvFlags::empty(),
            ) {
                Ok((0, _)) => {
                    return Err(ClientError::Closed {
                        mid_reply: !received.is_empty(),
                    });
                }
                Ok(_) => {}
                Err(errno) => self.wait_or_fail(errno)?,
            }
            match missing(&received)? {
                Some(0) => {
                    received.drain(..RECORD_MARK);
                    return Ok(Opaque::from(received));
                }
                Some(count) => make_room(&mut received, count),
                None => {}
            }
            deadline.check()?;
        }
    }

    fn wait_or_fail(&self, errno: Errno) -> Result<(), ClientError> {
        match errno {
            Errno::INTR => Ok(()),
            Errno::AGAIN => Err(ClientError::TimedOut),
            Errno::PIPE | Errno::CONNRESET => Err(ClientError::Closed { mid_reply: false }),
            errno => Err(ClientError::Unreachable {
                path: self.path.clone(),
                source: errno.into(),
            }),
        }
    }
}

/// How many bytes the record that these begin with lacks; none while its mark is not all there.
fn missing(received: &[u8]) -> Result<Option<usize>, ClientError> {
    let Some((mark, message)) = received.split_first_chunk::<RECORD_MARK>() else {
        return Ok(None);
    };
    let missing = record_length(*mark)?.checked_sub(message.len());
    missing.map(Some).ok_or(ClientError::Chatter)
}

/// Makes room for as many bytes more, without leaving a copy of the others in memory.
fn make_room(received: &mut Vec<u8>, count: usize) {
    if received.capacity().saturating_sub(received.len()) < count {
        let mut larger = Vec::with_capacity(received.len().saturating_add(count));
        larger.extend_from_slice(received);
        drop(Opaque::from(mem::replace(received, larger)));
    }
}

/// When to stop waiting; none when that is further away than the clock counts.
#[derive(Clone, Copy)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn after(patience: Duration) -> Self {
        Self(Instant::now().checked_add(patience))
    }

    fn check(self) -> Result<(), ClientError> {
        match self.0 {
            Some(end) if Instant::now() >= end => Err(ClientError::TimedOut),
            _ => Ok(()),
        }
    }
}
