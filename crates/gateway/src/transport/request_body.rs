//! A request's body that can be sent again while it is short.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body as _;

use crate::body::{Body, BodyError};

/// So much is kept of what went out, in case that it has to go out again.
pub(crate) const KEPT: usize = 64 << 10;

/// A request's body.
#[derive(Debug)]
pub(crate) struct RequestBody {
    body: Body,
    is_over: bool,
    kept: Vec<Bytes>,
    kept_octets: usize,
    /// The next of the kept pieces to go out.
    next: usize,
    /// Everything that came so far is kept.
    is_whole: bool,
}

impl RequestBody {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            is_over: body.is_end_stream(),
            body,
            kept: Vec::new(),
            kept_octets: 0,
            next: 0,
            is_whole: true,
        }
    }

    /// Its length, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        if self.is_over && self.is_whole {
            return u64::try_from(self.kept_octets).ok();
        }
        match self.is_whole && self.kept_octets == 0 {
            true => self.body.size_hint().exact(),
            // The hint is about what is left.
            false => {
                let left = self.body.size_hint().exact()?;
                left.checked_add(u64::try_from(self.kept_octets).ok()?)
                    .filter(|_| self.is_whole)
            }
        }
    }

    /// Whether all of it has gone out.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over && self.next == self.kept.len()
    }

    /// Whether it can go out from its beginning.
    pub(crate) const fn can_begin_again(&self) -> bool {
        self.is_whole
    }

    /// Sends it from its beginning from now on.
    pub(crate) const fn begin_again(&mut self) {
        self.next = 0;
    }

    /// Waits until all of it is here, or more than what is kept; tells which.
    pub(crate) async fn gather(&mut self) -> Result<bool, BodyError> {
        while let Some(piece) = std::future::poll_fn(|context| self.poll_piece(context)).await {
            piece?;
            if !self.is_whole {
                return Ok(false);
            }
        }
        self.begin_again();
        Ok(true)
    }

    /// The next piece to go out.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(piece) = self.kept.get(self.next) {
            self.next = self.next.saturating_add(1);
            return Poll::Ready(Some(Ok(piece.clone())));
        }
        loop {
            if self.is_over {
                return Poll::Ready(None);
            }
            let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
            match frame {
                Some(Ok(frame)) => {
                    // Trailers say nothing that back ends wait for.
                    let Ok(piece) = frame.into_data() else {
                        continue;
                    };
                    self.is_over = self.body.is_end_stream();
                    if !piece.is_empty() {
                        self.keep(&piece);
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Some(Err(error)) => {
                    self.is_whole = false;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.is_over = true,
            }
        }
    }

    fn keep(&mut self, piece: &Bytes) {
        self.kept_octets = self.kept_octets.saturating_add(piece.len());
        self.is_whole = self.is_whole && self.kept_octets <= KEPT;
        match self.is_whole {
            true => {
                self.kept.push(piece.clone());
                self.next = self.kept.len();
            }
            false => {
                self.kept = Vec::new();
                self.next = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_short_body_goes_out_twice() {
        let mut body = RequestBody::new(Body::whole("hello"));
        for _ in 0..2 {
            assert_eq!(body.length(), Some(5));
            let piece = std::future::poll_fn(|context| body.poll_piece(context)).await;
            assert_eq!(piece.unwrap().unwrap(), "hello");
            let end = std::future::poll_fn(|context| body.poll_piece(context)).await;
            assert!(end.is_none() && body.is_over());
            assert!(body.can_begin_again());
            body.begin_again();
        }
    }

    #[tokio::test]
    async fn a_long_body_goes_out_once() {
        let mut body = RequestBody::new(Body::whole(vec![0; KEPT + 1]));
        assert!(body.can_begin_again());
        assert!(!body.gather().await.unwrap());
        assert!(!body.can_begin_again());
    }

    #[test]
    fn no_body_is_over_before_it_begins() {
        let body = RequestBody::new(Body::whole(""));
        assert!(body.is_over());
        assert_eq!(body.length(), Some(0));
    }
}
