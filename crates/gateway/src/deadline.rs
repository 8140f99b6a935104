//! How long one step may take; time in which nobody waits for it does not count.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// A limit for each of many steps.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { limit, sleep: None }
    }

    /// A step is done.
    pub(crate) fn met(&mut self) {
        self.sleep = None;
    }

    /// Ready, with the limit, when a step has been waited for too long.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Duration> {
        let limit = self.limit;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        sleep.as_mut().poll(context).map(|()| limit)
    }
}
