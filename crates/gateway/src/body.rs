//! Bodies: our own pages, and streams that pass through with a deadline and without forged trailers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use crate::activity::Busy;
use crate::deadline::Deadline;
use crate::hop_by_hop;
use crate::identity_headers::IdentityHeaders;
use crate::transport::{AnswerBody, AnswerFault};

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

/// The body of a request to a back end or of an answer to a client.
#[derive(Debug)]
pub struct Body {
    content: Content,
    busy: Option<Busy>,
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
    to_back_end: Option<ToBackEnd>,
}

/// What is special about a client's body.
#[derive(Debug)]
struct ToBackEnd {
    /// What its trailers must not say.
    forbidden: Arc<IdentityHeaders>,
    /// Counts its pieces.
    progress: Arc<AtomicU64>,
}

impl Body {
    /// A page of ours, or nothing.
    pub fn whole(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            content: Content::Whole((!content.is_empty()).then_some(content)),
            busy: None,
        }
    }

    /// What a client sends, on its way to a back end.
    pub(crate) fn of_client(
        incoming: Incoming,
        limit: Duration,
        headers: &Arc<IdentityHeaders>,
        progress: Arc<AtomicU64>,
    ) -> Self {
        let to_back_end = ToBackEnd {
            forbidden: Arc::clone(headers),
            progress,
        };
        Self::stream(incoming, limit, Some(to_back_end))
    }

    /// What a back end answers, on its way to a client.
    pub fn of_back_end(incoming: Incoming, limit: Duration) -> Self {
        Self::stream(incoming, limit, None)
    }

    /// What a member of a pool answers, on its way to a client.
    pub const fn of_answer(answer: AnswerBody) -> Self {
        Self {
            content: Content::Answer(answer),
            busy: None,
        }
    }

    /// Counts the exchange as going on until the body has been sent.
    #[must_use]
    pub(crate) fn keeping(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }

    const fn stream(incoming: Incoming, limit: Duration, to_back_end: Option<ToBackEnd>) -> Self {
        let deadline = Deadline::new(limit);
        Self {
            content: Content::Stream(Stream {
                incoming,
                deadline,
                to_back_end,
            }),
            busy: None,
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
        match &mut self.content {
            Content::Whole(content) => {
                Poll::Ready(content.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => stream.poll(context),
            Content::Answer(answer) => Pin::new(answer).poll_frame(context),
        }
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
                if let Some(ToBackEnd { progress, .. }) = &self.to_back_end {
                    progress.fetch_add(1, Ordering::Relaxed);
                }
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
            if let Some(ToBackEnd { forbidden, .. }) = &self.to_back_end {
                forbidden.strip(trailers);
                trailers.remove(http::header::AUTHORIZATION);
            }
        }
        frame
    }
}
