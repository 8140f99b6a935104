//! A request and its answer over one connection: both may go on at once.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;

use super::answer_head::{AnswerHead, BadAnswer, HeadReader};
use super::link::Link;
use super::request_body::RequestBody;
use super::upload::{Upload, UploadFault};
use crate::body::BodyError;

/// Answers like 100 and 103 before the final one.
const MOST_INTERIM: u8 = 8;

/// A request under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) link: Link,
    upload: Upload,
    /// The member takes no more of the request, which does not mean that it does not answer.
    is_cut: Option<io::Error>,
    reader: HeadReader,
    interim: u8,
    has_answered: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ExchangeFault {
    /// The client does not send the rest.
    Body(BodyError),
    /// The answer does not begin.
    Slow(Duration),
    /// The connection is gone.
    Closed(io::Error),
    /// What came is no answer.
    Malformed(BadAnswer),
}

/// What is left of a request that failed.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) body: RequestBody,
    /// Something of the request has gone out.
    pub(crate) was_sent: bool,
    /// Something of an answer had come.
    pub(crate) was_answered: bool,
}

impl Exchange {
    pub(crate) const fn new(link: Link, upload: Upload, reader: HeadReader) -> Self {
        Self {
            link,
            upload,
            is_cut: None,
            reader,
            interim: 0,
            has_answered: false,
        }
    }

    /// Whether the connection has nothing left on it of this request.
    pub(crate) fn is_clean(&self) -> bool {
        self.upload.is_done() && self.link.unread.is_empty()
    }

    /// Gives the request back, and closes the connection.
    pub(crate) fn give_up(self) -> Remains {
        let was_sent = self.upload.sent() > 0;
        let (body, _) = self.upload.into_parts();
        Remains {
            body,
            was_sent,
            was_answered: self.has_answered,
        }
    }

    /// The connection, when the answer is over.
    pub(crate) fn into_link(self) -> Link {
        let (_, space) = self.upload.into_parts();
        let mut link = self.link;
        link.space = space;
        link
    }

    /// Sends, and waits for the answer's head.
    pub(crate) async fn head(&mut self, limit: Duration) -> Result<AnswerHead, ExchangeFault> {
        loop {
            let sent = self.upload.sent();
            match timeout(limit, poll_fn(|context| self.poll_head(context))).await {
                Ok(head) => return head,
                // A long upload is no slow answer, and for the client's body there is another limit.
                Err(_) if self.upload.sent() != sent || self.upload.waits_for_client() => {}
                Err(_) => return Err(ExchangeFault::Slow(limit)),
            }
        }
    }

    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<AnswerHead, ExchangeFault>> {
        self.go_on_sending(context).map_err(ExchangeFault::Body)?;
        loop {
            if !self.link.unread.is_empty() {
                let read = self.reader.read(&mut self.link.unread);
                match read.map_err(ExchangeFault::Malformed)? {
                    Some(head) if is_interim(head.status) => {
                        self.interim = self.interim.saturating_add(1);
                        if self.interim > MOST_INTERIM {
                            return Poll::Ready(Err(ExchangeFault::Malformed(BadAnswer::Interim)));
                        }
                        continue;
                    }
                    Some(head) => return Poll::Ready(Ok(head)),
                    None => {}
                }
            }
            let read = ready!(self.link.poll_read(context));
            match read.and_then(|length| match length {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            }) {
                Ok(()) => self.has_answered = true,
                Err(error) => {
                    let why = self.is_cut.take().unwrap_or(error);
                    return Poll::Ready(Err(ExchangeFault::Closed(why)));
                }
            }
        }
    }

    /// Sends what can be sent while the answer comes; a client that sends no more may still read it.
    pub(crate) fn send_beside_answer(&mut self, context: &mut Context<'_>) {
        if let Err(error) = self.go_on_sending(context) {
            self.is_cut = Some(io::Error::other(error));
        }
    }

    /// Sends what can be sent.
    fn go_on_sending(&mut self, context: &mut Context<'_>) -> Result<(), BodyError> {
        if self.upload.is_done() || self.is_cut.is_some() {
            return Ok(());
        }
        match self.upload.poll(context, &mut self.link.stream) {
            Poll::Ready(Err(UploadFault::Body(error))) => Err(error),
            Poll::Ready(Err(UploadFault::Member(error))) => {
                self.is_cut = Some(error);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}
