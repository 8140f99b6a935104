//! The body of a member's answer, on its way to the client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BadAnswer;
use crate::body::BodyError;

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
pub struct AnswerBody(Option<Bytes>);

/// A connection to a member after an upgrade.
#[derive(Debug)]
pub struct Tunnel(());

impl AnswerBody {
    /// The connection, where the answer was 101.
    pub fn take_tunnel(&mut self) -> Option<Tunnel> {
        None
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
