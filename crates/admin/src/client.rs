//! The other end of the admin socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::frame::{self, Answer, FrameError, Request};
use crate::operation::Operation;
use crate::reply::{Refusal, Reply};

/// Deleting a large realm takes a while.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or not to this user.
    #[error("cannot reach the KDC at {path}: {source}", path = path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the KDC broke: {0}")]
    Broken(#[from] io::Error),
    /// The other end speaks another version, or does not speak this protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The KDC answered something else than what was asked.
    #[error("the KDC gave an answer that does not fit the question")]
    Unexpected,
    /// The operation was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The dump cannot be written here.
    #[error("cannot write the dump: {0}")]
    Output(io::Error),
}

impl ClientError {
    /// What the administrator can do about it.
    pub fn help(&self) -> String {
        let text = match self {
            Self::Unreachable { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                "run it as root or as the KDC's own user"
            }
            Self::Unreachable { .. } => {
                "start the KDC on this host (kerb kdc), or name its socket with --socket or its \
                 settings with --config"
            }
            Self::Broken(_) => "look at the KDC's own log, and at the record, before repeating it",
            Self::Frame(_) | Self::Unexpected => {
                "kerb and the running KDC are of different versions: restart the KDC"
            }
            Self::Refused(refusal) => return refusal.help.clone(),
            Self::Output(_) => "make room, or name another place",
        };
        text.to_owned()
    }
}

/// A connection to a running KDC.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
}

impl Connection {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`]
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let connect = || {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Self { stream })
        };
        connect().map_err(|source| ClientError::Unreachable {
            path: path.to_owned(),
            source,
        })
    }

    /// Has an operation performed.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn execute(&mut self, operation: Operation) -> Result<Reply, ClientError> {
        self.send(&Request::Execute(Box::new(operation)))?;
        let mut names = Vec::new();
        loop {
            match self.receive()? {
                Answer::Part(Reply::Principals(part)) => names.extend(part),
                Answer::Reply(Reply::Principals(part)) => {
                    names.extend(part);
                    return Ok(Reply::Principals(names));
                }
                Answer::Reply(reply) => return Ok(reply),
                Answer::Refused(refusal) => return Err(refusal.into()),
                Answer::Part(_) | Answer::Chunk(_) => return Err(ClientError::Unexpected),
            }
        }
    }

    /// Writes a dump of the whole store to `out` and counts its records.
    ///
    /// # Errors
    /// [`ClientError`]; what has been written is no dump then.
    pub fn dump(&mut self, out: &mut dyn Write) -> Result<u64, ClientError> {
        self.send(&Request::Dump)?;
        loop {
            match self.receive()? {
                Answer::Chunk(chunk) => out
                    .write_all(chunk.as_bytes())
                    .map_err(ClientError::Output)?,
                Answer::Reply(Reply::Dumped(records)) => return Ok(records),
                Answer::Refused(refusal) => return Err(refusal.into()),
                Answer::Part(_) | Answer::Reply(_) => return Err(ClientError::Unexpected),
            }
        }
    }

    fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        let frame = frame::encode_request(request)?;
        match self.stream.write_all(&frame) {
            // It closed before it read all of it: what it had to say about that waits to be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    fn receive(&mut self) -> Result<Answer, ClientError> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header)?;
        let mut json = Zeroizing::new(vec![0; frame::length(header)?]);
        self.stream.read_exact(&mut json)?;
        Ok(frame::decode_answer(&json)?)
    }
}
