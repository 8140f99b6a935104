//! The body of a member's answer, on its way to the client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answer_head::{BadAnswer, BodyLength};
use super::chunked::{Chunked, Piece};
use super::exchange::Exchange;
use super::link::Link;
use crate::body::BodyError;
use crate::deadline::Deadline;
use crate::pool::Seat;

/// Why an answer ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    /// The connection failed.
    #[error("the back end's connection failed: {0}")]
    Connection(#[from] io::Error),
    /// The connection ended too early.
    #[error("the back end closed the connection before the end of its answer")]
    Short,
    /// What came is no part of an answer.
    #[error("the back end sent no proper answer: {0}")]
    Malformed(#[from] BadAnswer),
    /// Nothing came for too long.
    #[error("nothing more of the back end's answer came for {} ms", .0.as_millis())]
    Stalled(Duration),
}

/// The body of a member's answer. Whoever drops it before its end closes the connection that it comes over.
#[derive(Debug)]
pub struct AnswerBody(Content);

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Stream(Box<Stream>),
    Tunnel(Box<Tunnel>),
    Over,
}

/// What is still to come.
#[derive(Debug)]
struct Stream {
    exchange: Exchange,
    left: Left,
    is_persistent: bool,
    deadline: Deadline,
    seat: Seat,
}

#[derive(Debug)]
enum Left {
    Known(u64),
    Chunked(Chunked),
    UntilClose,
}

impl AnswerBody {
    /// What follows a head, over the connection that it came over.
    pub(crate) fn new(
        mut exchange: Exchange,
        length: BodyLength,
        is_persistent: bool,
        between: Duration,
        seat: Seat,
    ) -> Self {
        let left = match length {
            BodyLength::Known(length) => Left::Known(length),
            BodyLength::Chunked => Left::Chunked(Chunked::default()),
            BodyLength::UntilClose => Left::UntilClose,
        };
        if let BodyLength::Known(length) = length
            && let Ok(length) = usize::try_from(length)
            && length <= exchange.link.unread.len()
        {
            let body = exchange.link.unread.split_to(length).freeze();
            finish(exchange, is_persistent, seat);
            return Self(match body.is_empty() {
                true => Content::Over,
                false => Content::Whole(body),
            });
        }
        Self(Content::Stream(Box::new(Stream {
            exchange,
            left,
            is_persistent,
            deadline: Deadline::new(between),
            seat,
        })))
    }

    /// A connection that another protocol goes over from now on.
    pub(crate) fn tunnel(exchange: Exchange, idle: Duration, seat: Seat) -> Self {
        let link = exchange.into_link();
        Self(Content::Tunnel(Box::new(Tunnel {
            link,
            idle,
            _seat: seat,
        })))
    }

    /// The connection, where the answer was 101.
    pub fn take_tunnel(&mut self) -> Option<Tunnel> {
        match std::mem::replace(&mut self.0, Content::Over) {
            Content::Tunnel(tunnel) => Some(*tunnel),
            other => {
                self.0 = other;
                None
            }
        }
    }
}

/// Keeps the connection for the next request, if nothing of this one is left on it.
fn finish(exchange: Exchange, is_persistent: bool, seat: Seat) {
    match is_persistent && exchange.is_clean() {
        true => seat.served(Some(exchange.into_link())),
        false => seat.served(None),
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Content::Over | Content::Tunnel(_) => Poll::Ready(None),
            Content::Whole(body) => {
                let body = std::mem::take(body);
                self.0 = Content::Over;
                Poll::Ready(Some(Ok(Frame::data(body))))
            }
            Content::Stream(stream) => {
                let piece = ready!(stream.poll(context));
                let is_over = stream.is_over();
                if !matches!(piece, Ok(Some(_))) || is_over {
                    self.end(piece.is_ok());
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)).transpose())
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Over)
    }

    fn size_hint(&self) -> SizeHint {
        let exact = |length: usize| SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX));
        match &self.0 {
            Content::Over | Content::Tunnel(_) => exact(0),
            Content::Whole(body) => exact(body.len()),
            Content::Stream(stream) => match stream.left {
                Left::Known(left) => SizeHint::with_exact(left),
                _ => SizeHint::default(),
            },
        }
    }
}

impl AnswerBody {
    fn end(&mut self, is_whole: bool) {
        if let Content::Stream(stream) = std::mem::replace(&mut self.0, Content::Over) {
            let Stream {
                exchange,
                is_persistent,
                seat,
                ..
            } = *stream;
            match is_whole {
                true => finish(exchange, is_persistent, seat),
                false => seat.failed(),
            }
        }
    }
}

impl Stream {
    const fn is_over(&self) -> bool {
        matches!(self.left, Left::Known(0))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        self.exchange.send_beside_answer(context);
        match self.poll_piece(context) {
            Poll::Ready(piece) => {
                self.deadline.met();
                Poll::Ready(piece.map_err(BodyError::from))
            }
            Poll::Pending => {
                let limit = ready!(self.deadline.poll(context));
                Poll::Ready(Err(AnswerFault::Stalled(limit).into()))
            }
        }
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, AnswerFault>> {
        loop {
            match self.take()? {
                Piece::Data(piece) => return Poll::Ready(Ok(Some(piece))),
                Piece::End => return Poll::Ready(Ok(None)),
                Piece::None => {}
            }
            let read = ready!(self.exchange.link.poll_read(context));
            match (read, &self.left) {
                (Ok(0), Left::UntilClose) => return Poll::Ready(Ok(None)),
                (Ok(0), _) => return Poll::Ready(Err(AnswerFault::Short)),
                (Ok(_), _) => {}
                (Err(error), _) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// What has come already.
    fn take(&mut self) -> Result<Piece, BadAnswer> {
        let unread = &mut self.exchange.link.unread;
        match &mut self.left {
            Left::Known(0) => Ok(Piece::End),
            Left::Chunked(chunked) => chunked.read(unread),
            _ if unread.is_empty() => Ok(Piece::None),
            Left::UntilClose => Ok(Piece::Data(unread.split().freeze())),
            Left::Known(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX);
                let length = length.min(unread.len());
                *left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                Ok(Piece::Data(unread.split_to(length).freeze()))
            }
        }
    }
}

/// A connection to a member after an upgrade.
#[derive(Debug)]
pub struct Tunnel {
    link: Link,
    idle: Duration,
    _seat: Seat,
}

impl Tunnel {
    /// How long nothing may move in it.
    pub const fn idle(&self) -> Duration {
        self.idle
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unread = &mut self.link.unread;
        if unread.is_empty() {
            return Pin::new(&mut self.link.stream).poll_read(context, buffer);
        }
        let length = unread.len().min(buffer.remaining());
        buffer.put_slice(unread.get(..length).unwrap_or_default());
        unread.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link.stream).poll_shutdown(context)
    }
}
