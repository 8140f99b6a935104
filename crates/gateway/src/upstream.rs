//! Connections to back ends: kept and shared by everybody, bound to nobody.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::{Body, BodyError};
use crate::limits::Limits;
use crate::notice::Notice;

/// Idle connections kept to each back end, and for how long.
const KEPT: usize = 32;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Speaks HTTP/1.1 to back ends.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, Body>,
    answer: Duration,
}

/// Counts the pieces of a request's body that have gone out.
pub(crate) type Progress = Arc<AtomicU64>;

impl Upstream {
    pub(crate) fn new(limits: &Limits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.connect));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .build(connector);
        Self {
            client,
            answer: limits.answer,
        }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Notice> {
        let mut answer: ResponseFuture = self.client.request(request);
        let mut seen = progress.load(Ordering::Relaxed);
        loop {
            match tokio::time::timeout(self.answer, &mut answer).await {
                Ok(answer) => return answer.map_err(|error| failure(&error)),
                Err(_) => {
                    // A long upload is no slow answer.
                    let sent = progress.load(Ordering::Relaxed);
                    if sent == seen {
                        return Err(Notice::BackEndSlow);
                    }
                    seen = sent;
                }
            }
        }
    }
}

fn failure(error: &legacy::Error) -> Notice {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<BodyError>() {
            return Notice::BodyLost;
        }
        cause = one.source();
    }
    tracing::warn!(error = %legible(error), "a back end failed");
    Notice::BackEndDown
}

/// The error with its causes, of which the last says most.
fn legible(error: &legacy::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}
