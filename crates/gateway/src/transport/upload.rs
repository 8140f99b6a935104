//! A request on its way out.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::request_body::RequestBody;
use super::stream::Stream;
use crate::body::BodyError;

/// Pieces up to this length are copied behind what goes out before them.
const SHORT: usize = 8 << 10;

/// How a body's end is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its length, of which so much is left.
    Length(u64),
    /// By chunks.
    Chunked,
}

/// A request on its way out.
#[derive(Debug)]
pub(crate) struct Upload {
    /// What goes out next, and how much of it has.
    staged: Vec<u8>,
    gone: usize,
    /// What goes out after that.
    piece: Bytes,
    /// A chunk's end is to go out after the piece.
    owes_line_end: bool,
    framing: Framing,
    body: RequestBody,
    is_framed: bool,
    is_done: bool,
    /// Octets that have gone out.
    sent: u64,
}

/// Why a request did not get out.
#[derive(Debug)]
pub(crate) enum UploadFault {
    /// The client does not send the rest.
    Body(BodyError),
    /// The member does not take it.
    Member(io::Error),
}

impl Upload {
    /// A head, written down, and the body behind it.
    pub(crate) const fn new(head: Vec<u8>, framing: Framing, body: RequestBody) -> Self {
        Self {
            staged: head,
            gone: 0,
            piece: Bytes::new(),
            owes_line_end: false,
            framing,
            body,
            is_framed: false,
            is_done: false,
            sent: 0,
        }
    }

    /// Whether everything has gone out.
    pub(crate) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the client is to send more, and the member has all that came.
    pub(crate) fn waits_for_client(&self) -> bool {
        !self.is_done && !self.is_framed && !self.is_staged()
    }

    /// Octets that have gone out.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// The body, to be sent again, and the buffer.
    pub(crate) fn into_parts(self) -> (RequestBody, Vec<u8>) {
        (self.body, self.staged)
    }

    /// Goes on; ready when everything has gone out.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut Stream,
    ) -> Poll<Result<(), UploadFault>> {
        while !self.is_done {
            let stage = self.fill(context);
            if let Poll::Ready(Err(fault)) = stage {
                return Poll::Ready(Err(fault));
            }
            if self.is_staged() {
                let written = ready!(self.poll_write(context, stream));
                let written = written.map_err(UploadFault::Member)?;
                self.advance(written);
                continue;
            }
            // What TLS holds back is not to wait for the client's next piece.
            let flushed = ready!(Pin::new(&mut *stream).poll_flush(context));
            flushed.map_err(UploadFault::Member)?;
            ready!(stage)?;
            self.is_done = true;
        }
        Poll::Ready(Ok(()))
    }

    fn is_staged(&self) -> bool {
        self.gone < self.staged.len() || !self.piece.is_empty()
    }

    /// Stages what there is, up to a good length; ready when the body is over.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), UploadFault>> {
        while self.piece.is_empty() && self.staged.len() < SHORT {
            if self.is_framed {
                return Poll::Ready(Ok(()));
            }
            if self.body.is_over() {
                self.end()?;
                continue;
            }
            match ready!(self.body.poll_piece(context)) {
                Some(Ok(piece)) => self.stage(piece)?,
                Some(Err(error)) => return Poll::Ready(Err(UploadFault::Body(error))),
                None => {}
            }
        }
        Poll::Pending
    }

    fn stage(&mut self, piece: Bytes) -> Result<(), UploadFault> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        match &mut self.framing {
            Framing::Length(left) => *left = left.checked_sub(length).ok_or_else(wrong_length)?,
            Framing::Chunked => {
                self.pay_line_end();
                // Writing to a vector cannot fail.
                let _written = write!(self.staged, "{length:x}\r\n");
                self.owes_line_end = true;
            }
        }
        match piece.len() <= SHORT {
            true => self.staged.extend_from_slice(&piece),
            false => self.piece = piece,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), UploadFault> {
        match self.framing {
            Framing::Length(0) => {}
            Framing::Length(_) => return Err(wrong_length()),
            Framing::Chunked => {
                self.pay_line_end();
                self.staged.extend_from_slice(b"0\r\n\r\n");
            }
        }
        self.is_framed = true;
        Ok(())
    }

    fn pay_line_end(&mut self) {
        if std::mem::take(&mut self.owes_line_end) {
            self.staged.extend_from_slice(b"\r\n");
        }
    }

    fn poll_write(
        &self,
        context: &mut Context<'_>,
        stream: &mut Stream,
    ) -> Poll<io::Result<usize>> {
        let staged = self.staged.get(self.gone..).unwrap_or_default();
        let written = match (staged, self.piece.as_ref()) {
            (staged, []) => ready!(Pin::new(stream).poll_write(context, staged)),
            ([], piece) => ready!(Pin::new(stream).poll_write(context, piece)),
            (staged, piece) => {
                let both = [IoSlice::new(staged), IoSlice::new(piece)];
                ready!(Pin::new(stream).poll_write_vectored(context, &both))
            }
        };
        Poll::Ready(match written {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            other => other,
        })
    }

    fn advance(&mut self, written: usize) {
        self.sent = self
            .sent
            .saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        let of_staged = written.min(self.staged.len().saturating_sub(self.gone));
        self.gone = self.gone.saturating_add(of_staged);
        let of_piece = written.saturating_sub(of_staged).min(self.piece.len());
        self.piece.advance(of_piece);
        if self.gone == self.staged.len() {
            self.staged.clear();
            self.gone = 0;
        }
    }
}

/// hyper sees to it that a client's body is as long as it says; a body of another length must not go on as if it were.
fn wrong_length() -> UploadFault {
    UploadFault::Body(BodyError::WrongLength)
}
