//! Bodies: our own pages, and streams that pass through with a deadline and without forged trailers.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::activity::Busy;
use crate::deadline::Deadline;
use crate::hop_by_hop;
use crate::identity_headers::IdentityHeaders;
use crate::status::Exchange;
use crate::transport::{AnswerBody, AnswerFault};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection that it comes over failed.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// Nothing came for too long.
    #[error("nothing more of the body came for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// It is longer or shorter than was said.
    #[error("the body is not as long as was said")]
    WrongLength,
    /// The back end does not go on with its answer.
    #[error(transparent)]
    BackEnd(#[from] AnswerFault),
}

impl BodyError {
    /// Whether what came is none, rather than too little.
    pub(crate) fn is_malformed(&self) -> bool {
        match self {
            Self::Connection(error) => {
                let cause = error
                    .source()
                    .and_then(|cause| cause.downcast_ref::<io::Error>());
                let kind = cause.map(io::Error::kind);
                matches!(
                    kind,
                    Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
                )
            }
            Self::WrongLength => true,
            Self::Stalled(_) | Self::BackEnd(_) => false,
        }
    }
}

/// The body of a request to a back end or of an answer to a client.
#[derive(Debug)]
pub struct Body {
    content: Content,
    busy: Option<Busy>,
    /// Octets that have been read of a request.
    read: Option<Arc<AtomicU64>>,
    /// The exchange whose answer this is.
    exchange: Option<Exchange>,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream(Stream),
    Answer(AnswerBody),
}

#[derive(Debug)]
struct Stream {
    incoming: Incoming,
    deadline: Deadline,
    /// What its trailers must not say.
    forbidden: Arc<IdentityHeaders>,
}

impl Body {
    /// A page of ours, or nothing.
    pub fn whole(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            content: Content::Whole((!content.is_empty()).then_some(content)),
            busy: None,
            read: None,
            exchange: None,
        }
    }

    /// What a client sends, on its way to a back end.
    pub(crate) fn of_client(
        incoming: Incoming,
        limit: Duration,
        headers: &Arc<IdentityHeaders>,
    ) -> Self {
        Self {
            content: Content::Stream(Stream {
                incoming,
                deadline: Deadline::new(limit),
                forbidden: Arc::clone(headers),
            }),
            busy: None,
            read: None,
            exchange: None,
        }
    }

    /// What a member of a pool answers, on its way to a client.
    pub const fn of_answer(answer: AnswerBody) -> Self {
        Self {
            content: Content::Answer(answer),
            busy: None,
            read: None,
            exchange: None,
        }
    }

    /// Counts the exchange as going on until the body has been sent.
    #[must_use]
    pub(crate) fn keeping(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }

    /// Counts the octets that are read.
    #[must_use]
    pub(crate) fn counting(mut self, read: Arc<AtomicU64>) -> Self {
        self.read = Some(read);
        self
    }

    /// Tells the exchange what is sent, and that it is over when the body is.
    #[must_use]
    pub(crate) fn ending(mut self, exchange: Exchange) -> Self {
        self.exchange = Some(exchange);
        self
    }

    fn count(&mut self, frame: Option<&Frame<Bytes>>) {
        let octets = frame.and_then(Frame::data_ref).map_or(0, Bytes::len);
        if let Some(read) = &self.read {
            let octets = u64::try_from(octets).unwrap_or(u64::MAX);
            read.fetch_add(octets, Ordering::Relaxed);
        }
        let is_over = frame.is_none() || http_body::Body::is_end_stream(self);
        if let Some(exchange) = &mut self.exchange {
            exchange.sent(octets);
            if is_over {
                exchange.ended();
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = match &mut self.content {
            Content::Whole(content) => {
                Poll::Ready(content.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => stream.poll(context),
            Content::Answer(answer) => Pin::new(answer).poll_frame(context),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.count(Some(frame)),
            Poll::Ready(None) => self.count(None),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(content) => content.is_none(),
            Content::Stream(stream) => stream.incoming.is_end_stream(),
            Content::Answer(answer) => answer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(content) => {
                let length = content.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Content::Stream(stream) => stream.incoming.size_hint(),
            Content::Answer(answer) => answer.size_hint(),
        }
    }
}

impl Stream {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match http_body::Body::poll_frame(Pin::new(&mut self.incoming), context) {
            Poll::Ready(frame) => {
                self.deadline.met();
                Poll::Ready(frame.map(|frame| Ok(self.without_forgeries(frame?))))
            }
            Poll::Pending => self
                .deadline
                .poll(context)
                .map(|limit| Some(Err(BodyError::Stalled(limit)))),
        }
    }

    fn without_forgeries(&self, mut frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(trailers) = frame.trailers_mut() {
            hop_by_hop::remove(trailers);
            self.forbidden.strip(trailers);
            trailers.remove(http::header::AUTHORIZATION);
        }
        frame
    }
}
