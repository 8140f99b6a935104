//! The client that waits for its replies: for programs that load the plugin, and for our own that
//! have a thread to spare.
//!
//! Programs that do many things at once have one of their own, `asynchronous`.
//!
//! [`Proxy`] is the way to a daemon that a whole process shares; [`Connection`] is one socket of it.

#[cfg(feature = "asynchronous")]
pub mod asynchronous;
mod connection;
mod pool;

use std::io;
use std::path::PathBuf;

use kerbstone_xdr::XdrError;
use kerbstone_xdr::rpc::{RecordFault, ReplyFault};
use thiserror::Error;

pub use connection::Connection;
pub use pool::{Limits, Proxy};

/// Why there is no reply.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers at the socket: start the daemon, or name its socket.
    #[error("the proxy is not reached at {}: {source}", path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The reply did not come in time, in none of the attempts.
    #[error("the proxy did not answer in time")]
    TimedOut,
    /// The daemon hung up instead of answering: no service of its configuration is meant for this
    /// user and program, or it ended.
    #[error("the proxy hung up; has it a service for this user, program and socket?")]
    Closed {
        /// A part of the reply had come.
        mid_reply: bool,
    },
    /// The call is longer than a message may be.
    #[error("the call is too long for the proxy: {0}")]
    TooLong(XdrError),
    /// What came is no record.
    #[error("the proxy sent {0}")]
    BadRecord(#[from] RecordFault),
    /// More came than was asked for.
    #[error("the proxy sent more than one reply")]
    Chatter,
    /// The reply refuses the call, or belongs to none.
    #[error("the proxy sent {0}")]
    Refused(#[from] ReplyFault),
}

impl ClientError {
    /// The number that C's programs know this by (`errno.h`).
    pub fn errno(&self) -> i32 {
        use rustix::io::Errno;
        match self {
            Self::Unreachable { source, .. } => {
                source.raw_os_error().unwrap_or(Errno::IO.raw_os_error())
            }
            Self::TimedOut => Errno::TIMEDOUT.raw_os_error(),
            Self::Closed { .. } => Errno::IO.raw_os_error(),
            Self::TooLong(_) | Self::BadRecord(_) | Self::Chatter => Errno::MSGSIZE.raw_os_error(),
            Self::Refused(_) => Errno::INVAL.raw_os_error(),
        }
    }
}
