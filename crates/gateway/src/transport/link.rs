//! A connection to a member between two requests.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::Instant;

use super::stream::Stream;

/// So much is read at once, at first and of long answers.
const READ_FIRST: usize = 8 << 10;
const READ_MOST: usize = 64 << 10;
/// Less room than that is not worth a call to the system.
const READ_LEAST: usize = 1 << 10;

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: Stream,
    /// What has come and has not been read.
    pub(crate) unread: BytesMut,
    /// So much is read at once.
    appetite: usize,
    /// Space for the next head.
    pub(crate) space: Vec<u8>,
    /// Since when nothing goes on.
    pub(crate) idle_since: Instant,
}

impl Link {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            unread: BytesMut::new(),
            appetite: READ_FIRST,
            space: Vec::new(),
            idle_since: Instant::now(),
        }
    }

    /// Whether the member still holds it open, and has said nothing that nobody asked for.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut octet = [0];
        let mut buffer = ReadBuf::new(&mut octet);
        let mut context = Context::from_waker(Waker::noop());
        let read = Pin::new(&mut self.stream).poll_read(&mut context, &mut buffer);
        self.unread.is_empty() && read.is_pending()
    }

    /// Reads what there is; 0 at the end of the connection.
    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // The space of an answer that nobody holds any more is used again.
        let room = |unread: &BytesMut| unread.capacity().saturating_sub(unread.len());
        if room(&self.unread) < READ_LEAST {
            self.unread.reserve(self.appetite);
        }
        let room = room(&self.unread);
        let read = ready!(pin!(self.stream.read_buf(&mut self.unread)).poll(context))?;
        if read == room {
            self.appetite = self.appetite.saturating_mul(2).min(READ_MOST);
        }
        Poll::Ready(Ok(read))
    }

    /// Lets go of what only a request under way needs.
    pub(crate) fn rest(&mut self) {
        if self.unread.capacity() > READ_FIRST {
            self.unread = BytesMut::new();
        }
        self.appetite = READ_FIRST;
        if self.space.capacity() > READ_FIRST {
            self.space = Vec::new();
        }
        self.idle_since = Instant::now();
    }
}
