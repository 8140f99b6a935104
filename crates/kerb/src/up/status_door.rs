//! Where the supervisor answers `kerb status`: a unix socket that gives a snapshot to whoever connects.

use std::fs;
use std::io::{self, Read};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::board::{Board, Snapshot};

const NAME: &str = "status.sock";
/// Answers are small and both ends are on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// The supervisor's end.
#[derive(Debug)]
pub(super) struct StatusDoor {
    listener: UnixListener,
    path: PathBuf,
}

impl StatusDoor {
    /// Opens the door in the folder for what exists only while the site runs; to be called within a runtime.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(run: &Path) -> io::Result<Self> {
        let path = run.join(NAME);
        let _none_left = fs::remove_file(&path);
        let listener = StdListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            path,
        })
    }

    /// Answers for ever.
    pub(super) async fn serve(&self, board: &Arc<Board>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(timeout(PATIENCE, answer(stream, Arc::clone(board))));
                }
                // Too many open files, most likely: later there may be fewer.
                Err(_) => tokio::time::sleep(PATIENCE).await,
            }
        }
    }
}

impl Drop for StatusDoor {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, board: Arc<Board>) -> io::Result<()> {
    let snapshot = serde_json::to_vec(&board.snapshot())?;
    stream.write_all(&snapshot).await?;
    stream.shutdown().await
}

/// Asks the supervisor of the site with this folder; `None` when none is there.
///
/// # Errors
/// The system's, or an answer that is none.
pub(super) fn ask(run: &Path) -> io::Result<Option<Snapshot>> {
    let mut stream = match StdStream::connect(run.join(NAME)) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}
