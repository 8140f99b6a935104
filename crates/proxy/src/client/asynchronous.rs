//! The client of programs that do many things at once: its calls are futures of tokio.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kerbstone_xdr::Opaque;
use kerbstone_xdr::rpc::{RECORD_MARK, record_length};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::ClientError;
use crate::wire::{Call, Reply, read_reply, write_call};

/// How many connections wait for their next call; more are closed after theirs.
const KEPT: usize = 8;

/// A way to the daemon behind one socket, over as many connections as there are calls at a time.
///
/// A call is tried once: a token that is accepted a second time is a replay. Only where a connection
/// was kept and the daemon has gone away since is there a second attempt.
#[derive(Debug)]
pub struct Pool {
    path: PathBuf,
    patience: Duration,
    places: Semaphore,
    idle: Mutex<Vec<UnixStream>>,
    xid: AtomicU32,
}

impl Pool {
    /// A way on which nobody has gone yet: `calls` may be under way at a time, and each may take
    /// `patience`, waiting for its turn included.
    pub const fn new(path: PathBuf, calls: usize, patience: Duration) -> Self {
        Self {
            path,
            patience,
            places: Semaphore::const_new(calls),
            idle: Mutex::new(Vec::new()),
            xid: AtomicU32::new(1),
        }
    }

    /// The socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks the daemon. When the future is dropped the connection goes with it.
    ///
    /// # Errors
    /// There is no reply, or one that refuses the call.
    pub async fn call(&self, call: &Call) -> Result<Reply, ClientError> {
        let xid = self.xid.fetch_add(1, Ordering::Relaxed);
        let record = write_call(xid, call).map_err(ClientError::TooLong)?;
        let reply = timeout(self.patience, self.exchange(&record))
            .await
            .map_err(|_| ClientError::TimedOut)??;
        Ok(read_reply(&reply, xid, call.procedure())?)
    }

    async fn exchange(&self, record: &[u8]) -> Result<Opaque, ClientError> {
        let _place = self.places.acquire().await;
        if let Some(mut kept) = self.take() {
            match exchange(&mut kept, record).await {
                Err(ClientError::Closed { mid_reply: false }) => {}
                outcome => return self.keep(kept, outcome),
            }
        }
        let mut stream = UnixStream::connect(&self.path)
            .await
            .map_err(|source| self.unreachable(source))?;
        let outcome = exchange(&mut stream, record).await;
        self.keep(stream, outcome)
    }

    fn take(&self) -> Option<UnixStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    /// Keeps a connection that has nothing under way.
    fn keep(
        &self,
        stream: UnixStream,
        outcome: Result<Opaque, ClientError>,
    ) -> Result<Opaque, ClientError> {
        if outcome.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(stream);
            }
        }
        outcome
    }

    fn unreachable(&self, source: std::io::Error) -> ClientError {
        ClientError::Unreachable {
            path: self.path.clone(),
            source,
        }
    }
}

async fn exchange(stream: &mut UnixStream, record: &[u8]) -> Result<Opaque, ClientError> {
    const GONE: ClientError = ClientError::Closed { mid_reply: false };
    stream.write_all(record).await.map_err(|_| GONE)?;
    let mut mark = [0; RECORD_MARK];
    stream.read_exact(&mut mark).await.map_err(|_| GONE)?;
    let mut message = Zeroizing::new(vec![0; record_length(mark)?]);
    stream
        .read_exact(&mut message)
        .await
        .map_err(|_| ClientError::Closed { mid_reply: true })?;
    Ok(Opaque::from(std::mem::take(&mut *message)))
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::wire::{GetCallContextArgs, GetCallContextResult, read_call, write_reply};

    /// Answers so many calls over each connection, then hangs up.
    async fn serve(listener: UnixListener, calls: usize) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..calls {
                let mut mark = [0; RECORD_MARK];
                if stream.read_exact(&mut mark).await.is_err() {
                    break;
                }
                let mut message = vec![0; record_length(mark).unwrap()];
                stream.read_exact(&mut message).await.unwrap();
                let (xid, _) = read_call(&message).unwrap();
                let reply = Reply::from(GetCallContextResult::default());
                let record = write_reply(xid, &reply).unwrap();
                stream.write_all(&record).await.unwrap();
            }
        }
    }

    fn ask() -> Call {
        GetCallContextArgs::default().into()
    }

    #[tokio::test]
    async fn connections_are_used_again_and_made_anew_when_the_daemon_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(serve(listener, 2));
        let pool = Pool::new(path, 4, Duration::from_secs(10));
        for _ in 0..5 {
            pool.call(&ask()).await.unwrap();
        }
        assert_eq!(pool.idle.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_is_not_there_or_silent_is_told_from_one_that_hangs_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.sock");
        let pool = Pool::new(path.clone(), 4, Duration::from_secs(10));
        let error = pool.call(&ask()).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
        let listener = UnixListener::bind(&path).unwrap();
        let error = pool.call(&ask()).await.unwrap_err();
        assert!(matches!(error, ClientError::TimedOut), "{error}");
        drop(listener.accept().await.unwrap());
        tokio::spawn(serve(listener, 0));
        let error = pool.call(&ask()).await.unwrap_err();
        let is_closed = matches!(error, ClientError::Closed { mid_reply: false });
        assert!(is_closed, "{error}");
    }
}
