//! One client's connection: TLS, then HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kerbstone_gss::ChannelBindings;
use kerbstone_verify::{AcceptorSource, Negotiation};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::activity::Activity;
use crate::body::Body;
use crate::gateway::Gateway;
use crate::observer::Lost;
use crate::patient_writer::PatientWriter;
use crate::tls::TlsFacts;
use crate::visit;

/// How SPNEGO's answers begin (RFC 4178 4.2.2); everything else is a first token.
const ANSWER_TAG: u8 = 0xa1;

/// What requests over one connection share. Nobody's identity is among it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: IpAddr,
    pub(crate) tls: TlsFacts,
    pub(crate) activity: Activity,
    bindings: Option<ChannelBindings>,
    /// A negotiation that waits for the client's next token.
    pending: Mutex<Option<Negotiation>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// The negotiation that a token belongs to.
    pub(crate) fn negotiation(&self, acceptors: &AcceptorSource, token: &[u8]) -> Negotiation {
        let pending = self
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        pending
            .filter(|_| token.first() == Some(&ANSWER_TAG))
            .unwrap_or_else(|| acceptors.begin(self.bindings.clone()))
    }

    /// Keeps a negotiation for the next request over this connection.
    pub(crate) fn keep(&self, negotiation: Negotiation) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = Some(negotiation);
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    client: SocketAddr,
    place: OwnedSemaphorePermit,
    stop: watch::Receiver<bool>,
) {
    let _slower_without = stream.set_nodelay(true);
    let identity = gateway.tls();
    let accepting = TlsAcceptor::from(identity.config).accept(stream);
    let stream = match timeout(gateway.limits.handshake, accepting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%client, %error, "a TLS handshake failed");
            return gateway.observer.lost(Lost::Handshake);
        }
        Err(_) => return gateway.observer.lost(Lost::HandshakeTooSlow),
    };
    let connection = Arc::new(Connection {
        client: client.ip(),
        tls: TlsFacts::of(stream.get_ref().1),
        activity: Activity::new(),
        bindings: identity.bindings,
        pending: Mutex::new(None),
        _place: place,
    });
    if let Err(error) = speak(gateway, connection, stream, stop).await {
        tracing::debug!(%client, %error, "a connection ended");
    }
}

async fn speak(
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    stream: TlsStream<TcpStream>,
    stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let limits = gateway.limits;
    let stream = TokioIo::new(PatientWriter::new(stream, limits.body));
    let (activity, is_h2) = (connection.activity.clone(), connection.tls.is_h2());
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, connection) = (Arc::clone(&gateway), Arc::clone(&connection));
        async move {
            Ok::<Response<Body>, Infallible>(visit::answer(&gateway, &connection, request).await)
        }
    });
    let watcher = Watcher {
        activity,
        idle: limits.idle,
        stop,
    };
    if is_h2 {
        let speaking = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.header_octets)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .serve_connection(stream, service);
        watcher
            .watch(pin!(speaking), http2::Connection::graceful_shutdown)
            .await
    } else {
        let speaking = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .max_buf_size(usize::try_from(limits.header_octets).unwrap_or(usize::MAX))
            .serve_connection(stream, service)
            .with_upgrades();
        watcher
            .watch(
                pin!(speaking),
                http1::UpgradeableConnection::graceful_shutdown,
            )
            .await
    }
}

/// Octets that a client may send ahead over HTTP/2, and that wait to be sent to it.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const SEND_BUFFER: usize = 256 << 10;

/// Ends a connection that has nothing to do, or whose server stops.
struct Watcher {
    activity: Activity,
    idle: std::time::Duration,
    stop: watch::Receiver<bool>,
}

impl Watcher {
    async fn watch<C>(
        mut self,
        mut speaking: Pin<&mut C>,
        end: impl Fn(Pin<&mut C>),
    ) -> hyper::Result<()>
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut is_ending = *self.stop.borrow();
        let mut watched_since = Instant::now();
        if is_ending {
            end(speaking.as_mut());
        }
        loop {
            let idle_since = self.activity.idle_since().unwrap_or_else(Instant::now);
            let deadline = idle_since.max(watched_since) + self.idle;
            tokio::select! {
                ended = speaking.as_mut() => return ended,
                _ = self.stop.changed(), if !is_ending => {}
                () = sleep_until(deadline) => {
                    let is_idle = |since: Instant| since.elapsed() >= self.idle;
                    if !self.activity.idle_since().is_some_and(is_idle) {
                        continue;
                    }
                    // HTTP/2 ends when the client has answered; one that does not is not waited for twice.
                    if is_ending {
                        return Ok(());
                    }
                }
            }
            is_ending = true;
            watched_since = Instant::now();
            end(speaking.as_mut());
        }
    }
}
