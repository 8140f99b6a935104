//! One caller's connection: what has come of its message, and what is still to be written of the reply.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kerbstone_xdr::Opaque;
use zeroize::Zeroizing;

use super::framing::Framing;
use super::peer::Peer;

/// A connection, owned by one event loop.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: UnixStream,
    pub(super) peer: Peer,
    pub(super) stage: Stage,
    pub(super) framing: Framing,
    /// Octets that came behind a message; looked at when its reply is written.
    pub(super) behind: Zeroizing<Vec<u8>>,
    /// What [`Census`](super::census::Census) has counted for the message.
    pub(super) reserved: usize,
    /// When octets moved last.
    pub(super) moved: Instant,
    /// Calls answered.
    pub(super) calls: u64,
    /// Set when the connection is gone, for calls that still queue.
    pub(super) gone: Arc<AtomicBool>,
}

/// What a connection does; one call at a time.
#[derive(Debug)]
pub(super) enum Stage {
    /// It waits for a message, or for the rest of one.
    Reading,
    /// Its call is on the slow lane.
    Waiting,
    /// Its reply is being written.
    Writing(Reply),
}

/// A reply with its record mark, and how much of it is written.
#[derive(Debug)]
pub(super) struct Reply {
    octets: Opaque,
    written: usize,
}

/// What came of reading or writing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many octets.
    Octets(usize),
    /// Nothing for now.
    Blocked,
    /// The peer is gone.
    Ended,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, peer: Peer, now: Instant) -> Self {
        Self {
            stream,
            peer,
            stage: Stage::Reading,
            framing: Framing::default(),
            behind: Zeroizing::default(),
            reserved: 0,
            moved: now,
            calls: 0,
            gone: Arc::default(),
        }
    }

    /// Whether nothing is asked, so that closing it costs the caller a new connection and no more.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Reading) && !self.framing.has_begun() && self.behind.is_empty()
    }

    /// Whether it is the caller's turn to move octets.
    pub(super) fn awaits_caller(&self) -> bool {
        !self.is_idle() && !matches!(self.stage, Stage::Waiting)
    }

    /// Reads what is there, once.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Moved {
        moved(self.stream.read(into))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Reply {
    pub(super) fn new(octets: Opaque) -> Self {
        Self { octets, written: 0 }
    }

    /// Writes what goes; [`is_whole`](Self::is_whole) then tells whether all is written.
    pub(super) fn write(&mut self, stream: &mut UnixStream) -> Moved {
        let left = self.octets.get(self.written..).unwrap_or_default();
        let moved = moved(stream.write(left));
        if let Moved::Octets(written) = moved {
            self.written = self.written.saturating_add(written);
        }
        moved
    }

    pub(super) fn is_whole(&self) -> bool {
        self.written >= self.octets.len()
    }
}

fn moved(outcome: io::Result<usize>) -> Moved {
    match outcome {
        Ok(0) => Moved::Ended,
        Ok(octets) => Moved::Octets(octets),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Moved::Blocked
        }
        Err(_) => Moved::Ended,
    }
}
