//! A stream whose reader must keep reading: a write that makes no headway for too long fails.
//!
//! hyper has deadlines for what it reads but none for what it writes, and a client that takes an answer
//! without reading it would hold a connection, and a back end's, for ever.
//!
//! It can also be taken back from hyper and given to it again, with what has been read meanwhile.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The stream, and how long its reader may take nothing.
#[derive(Debug)]
pub(crate) struct PatientWriter<S> {
    stream: S,
    /// What has been read and is to be read again.
    read: Bytes,
    hold: Hold,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What whoever has given the stream away still knows of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_held: AtomicBool,
    is_stalled: AtomicBool,
}

impl Hold {
    /// While it is held, the stream stays open when it is told to close.
    pub(crate) fn set(&self, is_held: bool) {
        self.0.is_held.store(is_held, Ordering::Relaxed);
    }

    /// Whether something waits to be written.
    pub(crate) fn is_stalled(&self) -> bool {
        self.0.is_stalled.load(Ordering::Relaxed)
    }
}

impl<S> PatientWriter<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            read: Bytes::new(),
            hold: Hold::default(),
            limit,
            stalled: None,
        }
    }

    /// For whoever gives the stream away.
    pub(crate) fn hold(&self) -> Hold {
        self.hold.clone()
    }

    /// Has this read again before what comes.
    pub(crate) fn unread(&mut self, read: Bytes) {
        self.read = read;
    }

    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.hold
            .0
            .is_stalled
            .store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let sleep = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        let stalled = sleep.as_mut().poll(context);
        stalled.map(|()| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not read",
            ))
        })
    }
}

impl<S: AsyncRead + Unpin> PatientWriter<S> {
    /// Waits until there is something to read; false if there never will be.
    pub(crate) async fn has_more(&mut self) -> io::Result<bool> {
        if self.read.is_empty() {
            let mut octet = [0];
            let length = self.stream.read(&mut octet).await?;
            self.read = Bytes::copy_from_slice(octet.get(..length).unwrap_or_default());
        }
        Ok(!self.read.is_empty())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientWriter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = buffer.remaining().min(self.read.len());
        buffer.put_slice(&self.read.split_to(length));
        // The rest is there already, more often than not.
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientWriter<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hold.0.is_held.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_read_ends_the_writing() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut writer = PatientWriter::new(ours, Duration::from_secs(30));
        let error = writer.write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_was_read_already_is_read_again() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut writer = PatientWriter::new(ours, Duration::from_secs(30));
        theirs.write_all(b"GET /").await.unwrap();
        assert!(writer.has_more().await.unwrap());
        let mut text = [0; 5];
        writer.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"GET /");
        writer.hold().set(true);
        writer.shutdown().await.unwrap();
        writer.write_all(b"still here").await.unwrap();
        drop(theirs);
        assert!(!writer.has_more().await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut writer = PatientWriter::new(ours, Duration::from_secs(30));
        let reading = tokio::spawn(async move {
            let mut octet = [0];
            for _ in 0..64 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                theirs.read_exact(&mut octet).await.unwrap();
            }
        });
        writer.write_all(&[0; 64]).await.unwrap();
        reading.await.unwrap();
    }
}
