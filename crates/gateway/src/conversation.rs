//! HTTP over a connection: requests and answers, until one side has had enough.
//!
//! A connection at which nothing happens costs next to nothing. Over HTTP/1.1, hyper with its buffers comes when the
//! client says something, and goes when nothing has happened for a while.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::STRICT_TRANSPORT_SECURITY;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::activity::Activity;
use crate::body::Body;
use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::patient_writer::PatientWriter;
use crate::visit;
use crate::wire::ClientStream;

/// Octets that a client may send ahead over HTTP/2, and that wait to be sent to it.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const SEND_BUFFER: usize = 256 << 10;
/// After so long without a request, a connection rests.
const REST: Duration = Duration::from_secs(1);

/// How often a connection is looked at that has been idle for long enough, and may not rest yet.
const TICK: Duration = Duration::from_millis(100);

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Takes requests and answers them until the connection ends.
pub(crate) async fn hold(
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    stream: ClientStream,
    stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let limits = gateway.table().limits;
    let stream = PatientWriter::new(stream, limits.body);
    let is_h2 = connection.tls.is_h2();
    let watcher = Watcher {
        activity: connection.activity.clone(),
        idle: limits.idle,
        stop,
    };
    // What a request needs is there while there is one.
    let service = service_fn(move |request: Request<Incoming>| -> Answer {
        Box::pin(answer(
            Arc::clone(&gateway),
            Arc::clone(&connection),
            request,
        ))
    });
    match is_h2 {
        true => Box::pin(speak_http2(stream, service, &limits, watcher)).await,
        false => Box::pin(speak_http1(stream, service, &limits, watcher)).await,
    }
}

async fn answer(
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut response = visit::answer(&gateway, &connection, request).await;
    if let Some(hsts) = connection.listener.hsts() {
        let headers = response.headers_mut();
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    Ok(response)
}

/// What answers requests.
trait Service:
    HttpService<Incoming, ResBody = Body, Error = Infallible, Future = Answer> + Clone + Send + 'static
{
}

impl<S> Service for S where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future = Answer>
        + Clone
        + Send
        + 'static
{
}

async fn speak_http2(
    stream: PatientWriter<ClientStream>,
    service: impl Service,
    limits: &Limits,
    mut watcher: Watcher,
) -> hyper::Result<()> {
    let speaking = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.head_octets())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut speaking = Box::pin(speaking);
    let end = http2::Connection::graceful_shutdown;
    watcher.watch_to_the_end(speaking.as_mut(), end).await
}

async fn speak_http1(
    mut stream: PatientWriter<ClientStream>,
    service: impl Service,
    limits: &Limits,
    mut watcher: Watcher,
) -> hyper::Result<()> {
    let hold = stream.hold();
    let most = usize::try_from(limits.head_octets()).unwrap_or(usize::MAX);
    let end = http1::UpgradeableConnection::graceful_shutdown;
    let mut may_rest = true;
    while watcher.wait(&mut stream).await {
        let speaking = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .max_buf_size(most)
            .serve_connection(TokioIo::new(stream), service.clone())
            .with_upgrades();
        let mut speaking = Box::pin(speaking);
        let is_quiet = || may_rest && !hold.is_stalled();
        if let Some(ended) = watcher.watch(speaking.as_mut(), end, is_quiet).await {
            return ended;
        }
        // hyper gives an idle connection back at once when it is told to end it, with what it has read of the next
        // request. One that it does not give back at once was not idle, and ends.
        hold.set(true);
        end(speaking.as_mut());
        let given_back = poll_fn(|context| Poll::Ready(speaking.as_mut().poll(context))).await;
        hold.set(false);
        match given_back {
            Poll::Ready(ended) => ended?,
            Poll::Pending => return watcher.watch_to_the_end(speaking.as_mut(), end).await,
        }
        let Some(parts) = Pin::into_inner(speaking).into_parts() else {
            return Ok(());
        };
        stream = parts.io.into_inner();
        // Whoever sends requests in drops does not get new deadlines by resting between the drops.
        may_rest = parts.read_buf.is_empty();
        stream.unread(parts.read_buf);
    }
    Ok(())
}

/// Ends a connection that has nothing to do, or whose server stops.
struct Watcher {
    activity: Activity,
    idle: Duration,
    stop: watch::Receiver<bool>,
}

impl Watcher {
    /// Waits for a request's first octet; false when the connection has ended instead.
    async fn wait(&mut self, stream: &mut PatientWriter<ClientStream>) -> bool {
        let has_more = tokio::select! {
            has_more = stream.has_more() => has_more.unwrap_or(false),
            _ = self.stop.wait_for(|is_over| *is_over) => false,
            () = sleep(self.idle) => false,
        };
        if !has_more {
            let _perhaps_gone = stream.shutdown().await;
        }
        has_more
    }

    async fn watch_to_the_end<C>(
        &mut self,
        speaking: Pin<&mut C>,
        end: impl Fn(Pin<&mut C>),
    ) -> hyper::Result<()>
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let ended = self.watch(speaking, end, || false).await;
        ended.unwrap_or(Ok(()))
    }

    /// Lets it speak until it has ended; `None` as soon as it may rest instead: it has answered, and nothing more comes.
    async fn watch<C>(
        &mut self,
        mut speaking: Pin<&mut C>,
        end: impl Fn(Pin<&mut C>),
        may_rest: impl Fn() -> bool,
    ) -> Option<hyper::Result<()>>
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let begun = self.activity.begun();
        let mut is_ending = *self.stop.borrow();
        let mut watched_since = Instant::now();
        if is_ending {
            end(speaking.as_mut());
        }
        loop {
            let may_rest = !is_ending && may_rest();
            let patience = if may_rest {
                REST.min(self.idle)
            } else {
                self.idle
            };
            let idle_since = self.activity.idle_since().unwrap_or_else(Instant::now);
            let deadline = idle_since.max(watched_since) + patience;
            tokio::select! {
                ended = speaking.as_mut() => return Some(ended),
                _ = self.stop.changed(), if !is_ending => {}
                () = sleep_until(deadline.max(Instant::now() + TICK)) => {
                    let idle_since = self.activity.idle_since();
                    let idle = idle_since.map_or(Duration::ZERO, |since| since.elapsed());
                    if may_rest && idle >= REST && self.activity.begun() != begun {
                        return None;
                    }
                    if idle < self.idle {
                        continue;
                    }
                    // HTTP/2 ends when the client has answered; one that does not is not waited for twice.
                    if is_ending {
                        return Some(Ok(()));
                    }
                }
            }
            is_ending = true;
            watched_since = Instant::now();
            end(speaking.as_mut());
        }
    }
}
