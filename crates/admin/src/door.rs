//! The unix socket through which local administrators come. Who they are, the kernel says.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use kerbstone_proto::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::administration::Administration;
use crate::authority::{Caller, LocalUser};
use crate::error::Kadm5Code;
use crate::frame::{self, Answer, FrameError, Request};
use crate::reply::{Refusal, Reply};
use crate::secret::Secret;

/// Pause after an accept that failed for want of descriptors, which comes back at once otherwise.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Octets of a dump in one frame; base64 makes a third more of them.
const CHUNK: usize = 256 << 10;
/// Chunks of a dump that wait for a slow client.
const CHUNKS_AHEAD: usize = 2;

/// Who may connect at all; what they may do then is the authority's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The socket's owner, and root.
    Owner,
    /// The members of this group too.
    Group(u32),
    /// Every local user.
    Everybody,
}

impl Access {
    const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group(_) => 0o660,
            Self::Everybody => 0o666,
        }
    }
}

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; further ones are told so and closed.
    pub max_connections: usize,
    /// Time that a client has for a request, and for taking an answer.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 64,
            deadline: Duration::from_secs(30),
        }
    }
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// A process answers there. Stop it, or set another `admin_socket`.
    #[error("another process answers at {path}", path = .0.display())]
    InUse(PathBuf),
    /// What is there is not ours to remove.
    #[error("{path} is there and is not a socket", path = .0.display())]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("cannot make the socket {path}: {source}", path = path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DoorError {
    /// What the administrator can do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::InUse(_) => {
                "stop the other process, or set another `admin_socket` in kerbstone.toml"
            }
            Self::NotASocket(_) => {
                "remove the file, or set another `admin_socket` in kerbstone.toml"
            }
            Self::Io { .. } => {
                "`admin_socket` in kerbstone.toml names a path of at most 103 characters in a folder \
                 where the service's user may write"
            }
        }
    }
}

/// Makes the socket. It appears under its name only when it listens with the right mode; one that a
/// dead process left behind is replaced.
///
/// # Errors
/// [`DoorError`]
pub fn bind(path: &Path, access: Access) -> Result<StdListener, DoorError> {
    let failed = |source| DoorError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(DoorError::NotASocket(path.to_owned()));
        }
        Ok(_) if StdStream::connect(path).is_ok() => {
            return Err(DoorError::InUse(path.to_owned()));
        }
        _ => {}
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let unfinished = PathBuf::from(name);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = StdListener::bind(&unfinished).map_err(failed)?;
    let made = open_to(&unfinished, access).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = made {
        let _ = fs::remove_file(&unfinished);
        return Err(failed(error));
    }
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

fn open_to(path: &Path, access: Access) -> io::Result<()> {
    if let Access::Group(group) = access {
        chown(path, None, Some(group))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(access.mode()))
}

/// Serves connections until the task is dropped.
pub async fn serve(listener: UnixListener, administration: Arc<Administration>, limits: Limits) {
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                    turn_away(&stream);
                    continue;
                };
                let administration = Arc::clone(&administration);
                tokio::spawn(async move {
                    let conversation = Conversation {
                        stream,
                        administration,
                        deadline: limits.deadline,
                    };
                    if let Err(error) = conversation.hold().await {
                        tracing::debug!(%error, "an administrator's connection ended");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting an administrator's connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn turn_away(stream: &UnixStream) {
    let refusal = refusal(
        "too many administrators are connected".to_owned(),
        "try again in a moment",
    );
    // The buffer of a new socket is empty, so that it goes out without waiting, or nobody is there.
    if let Ok(frame) = frame::encode_answer(&Answer::Refused(refusal)) {
        let _ = stream.try_write(&frame);
    }
}

fn refusal(message: String, help: &str) -> Refusal {
    Refusal {
        code: Kadm5Code::FAILURE.0,
        message,
        help: help.to_owned(),
    }
}

struct Conversation {
    stream: UnixStream,
    administration: Arc<Administration>,
    deadline: Duration,
}

impl Conversation {
    /// Any number of requests, one after the other.
    async fn hold(mut self) -> io::Result<()> {
        let caller = self.caller().await?;
        loop {
            let request = match self.next_request().await {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                Err(Unusable::Io(error)) => return Err(error),
                Err(Unusable::Frame(error)) => {
                    let help =
                        "kerb and the running KDC are of different versions: restart the KDC";
                    let refusal = refusal(error.to_string(), help);
                    return self.send(&Answer::Refused(refusal)).await;
                }
            };
            match request {
                Request::Execute(operation) => {
                    let administration = Arc::clone(&self.administration);
                    let caller = caller.clone();
                    let done = spawn_blocking(move || {
                        administration.execute(&caller, *operation, now(), &mut rand::rng())
                    });
                    match done.await {
                        Ok(Ok(reply)) => self.send_reply(reply).await?,
                        Ok(Err(error)) => self.send(&Answer::Refused(error.to_refusal())).await?,
                        Err(error) => self.send(&broken(&error)).await?,
                    }
                }
                Request::Dump => self.send_dump(caller.clone()).await?,
            }
        }
    }

    async fn caller(&self) -> io::Result<Caller> {
        let credentials = self.stream.peer_cred()?;
        let (uid, pid) = (credentials.uid(), credentials.pid());
        // Looking a name up may ask a name service.
        let user = spawn_blocking(move || LocalUser::new(uid, pid)).await;
        user.map(Caller::Local).map_err(io::Error::other)
    }

    /// `None` when the client has closed before another request.
    async fn next_request(&mut self) -> Result<Option<Request>, Unusable> {
        let read = timeout(self.deadline, read_frame(&mut self.stream)).await;
        let Some(json) = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? else {
            return Ok(None);
        };
        Ok(Some(frame::decode_request(&json)?))
    }

    async fn send_reply(&mut self, reply: Reply) -> io::Result<()> {
        for answer in frame::answers(reply) {
            self.send(&answer).await?;
        }
        Ok(())
    }

    async fn send(&mut self, answer: &Answer) -> io::Result<()> {
        let frame = match frame::encode_answer(answer) {
            Ok(frame) => frame,
            Err(error) => {
                let refusal = refusal(error.to_string(), "");
                frame::encode_answer(&Answer::Refused(refusal)).map_err(io::Error::other)?
            }
        };
        let written = timeout(self.deadline, self.stream.write_all(&frame)).await;
        written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Sends a dump while it is being made. One that nobody takes ends by the deadline.
    async fn send_dump(&mut self, caller: Caller) -> io::Result<()> {
        let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
        let administration = Arc::clone(&self.administration);
        let done = spawn_blocking(move || {
            let mut out = Chunks::new(sender);
            let summary = administration.dump(&caller, now(), &mut out)?;
            // The last chunk is lost only when nobody takes it.
            let _ = out.flush();
            Ok(summary)
        });
        while let Some(chunk) = chunks.recv().await {
            self.send(&Answer::Chunk(chunk)).await?;
        }
        let answer = match done.await {
            Ok(Ok(summary)) => Answer::Reply(Reply::Dumped(summary.records)),
            Ok(Err::<_, crate::AdminError>(error)) => Answer::Refused(error.to_refusal()),
            Err(error) => broken(&error),
        };
        self.send(&answer).await
    }
}

fn broken(error: &tokio::task::JoinError) -> Answer {
    tracing::error!(%error, "an administrator's request broke off");
    Answer::Refused(refusal(
        "the request broke off".to_owned(),
        "look at the KDC's own log",
    ))
}

/// Why there is no request.
enum Unusable {
    Io(io::Error),
    Frame(FrameError),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FrameError> for Unusable {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

async fn read_frame(stream: &mut UnixStream) -> Result<Option<Zeroizing<Vec<u8>>>, Unusable> {
    let mut header = [0; 4];
    match stream.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // All of it at once, so that no growing leaves copies of a password behind.
    let mut json = Zeroizing::new(vec![0; frame::length(header)?]);
    stream.read_exact(&mut json).await?;
    Ok(Some(json))
}

fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// Gathers what is written and hands it over in chunks.
struct Chunks {
    sender: mpsc::Sender<Secret>,
    pending: Vec<u8>,
}

impl Chunks {
    fn new(sender: mpsc::Sender<Secret>) -> Self {
        Self {
            sender,
            pending: Vec::with_capacity(CHUNK),
        }
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK.saturating_sub(self.pending.len());
        let (now, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.pending.extend_from_slice(now);
        if self.pending.len() >= CHUNK {
            self.flush()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.pending, Vec::with_capacity(CHUNK));
        self.sender
            .blocking_send(Secret::from(chunk))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
