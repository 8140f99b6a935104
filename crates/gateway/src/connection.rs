//! One client's connection: TLS, then HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::STRICT_TRANSPORT_SECURITY;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kerbstone_gss::ChannelBindings;
use kerbstone_proto::time::KerberosTime;
use kerbstone_verify::{AcceptorSource, Negotiation};
use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::activity::Activity;
use crate::body::Body;
use crate::certificate::ClientCertificate;
use crate::gateway::Gateway;
use crate::listener::Listener;
use crate::observer::Lost;
use crate::outbound::ClientAddress;
use crate::patient_writer::PatientWriter;
use crate::server::Place;
use crate::tls::{self, TlsFacts, TlsIdentity};
use crate::visit;
use crate::wire::{ClientStream, Wire};

/// How SPNEGO's answers begin (RFC 4178 4.2.2); everything else is a first token.
const ANSWER_TAG: u8 = 0xa1;

/// What requests over one connection share. Nobody's identity is among it, but for the certificate that the client
/// showed, which is judged again when authorities or lists have changed.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: ClientAddress,
    pub(crate) listener: Arc<Listener>,
    /// The port that the client came to; none for a unix socket.
    pub(crate) port: Option<u16>,
    pub(crate) tls: TlsFacts,
    pub(crate) activity: Activity,
    shown: Option<Shown>,
    bindings: Vec<ChannelBindings>,
    /// A negotiation that waits for the client's next token.
    pending: Mutex<Option<Negotiation>>,
    _place: Place,
}

/// A certificate that a client has shown.
#[derive(Debug)]
struct Shown {
    certificate: Arc<ClientCertificate>,
    chain: Vec<CertificateDer<'static>>,
    /// Whom it was last judged by, and how.
    judged: Mutex<(Arc<TlsIdentity>, Result<(), Distrusted>)>,
}

/// Why a certificate that was taken in the handshake is taken no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Distrusted {
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
    /// Authorities or lists of revoked certificates have changed since.
    #[error("the certificate is no longer accepted: {0}")]
    Judged(String),
}

impl Connection {
    /// Whether it goes over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.listener.is_tls()
    }

    /// The certificate that the client has shown, if it has and is still to be believed.
    ///
    /// # Errors
    /// [`Distrusted`] when it is not.
    pub(crate) fn certificate(
        &self,
        now: KerberosTime,
    ) -> Result<Option<&Arc<ClientCertificate>>, Distrusted> {
        let Some(shown) = &self.shown else {
            return Ok(None);
        };
        if now > shown.certificate.not_after {
            return Err(Distrusted::Expired);
        }
        shown.judge(&self.listener)?;
        Ok(Some(&shown.certificate))
    }

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

impl Shown {
    /// What the client has shown; `None` when it can be no certificate after all.
    fn of(chain: &[CertificateDer<'_>], judge: Arc<TlsIdentity>) -> Option<Self> {
        let certificate = ClientCertificate::from_der(chain.first()?)?;
        Some(Self {
            certificate: Arc::new(certificate),
            chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
            judged: Mutex::new((judge, Ok(()))),
        })
    }

    fn judge(&self, listener: &Listener) -> Result<(), Distrusted> {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if !listener.is_present(&judged.0)
            && let Some(judge) = listener.tls()
        {
            let judgement = judge.judge(&self.chain);
            let judgement = judgement.map_err(|error| Distrusted::Judged(error.to_string()));
            *judged = (judge, judgement);
        }
        judged.1.clone()
    }
}

/// Somebody who knocked.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) wire: Wire,
    pub(crate) client: ClientAddress,
    pub(crate) listener: Arc<Listener>,
    pub(crate) port: Option<u16>,
    pub(crate) place: Place,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(gateway: Arc<Gateway>, caller: Caller, stop: watch::Receiver<bool>) {
    let Caller {
        wire,
        client,
        listener,
        port,
        place,
    } = caller;
    let greeting = timeout(gateway.limits.handshake, greet(&listener, wire));
    let (stream, greeted) = match Box::pin(greeting).await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => {
            tracing::debug!(client = %client.ip(), %error, "a TLS handshake failed");
            return gateway.lost(Lost::Handshake);
        }
        Err(_) => return gateway.lost(Lost::HandshakeTooSlow),
    };
    let Greeted {
        tls,
        shown,
        bindings,
    } = greeted;
    let connection = Arc::new(Connection {
        client,
        listener,
        port,
        tls,
        activity: Activity::new(),
        shown,
        bindings,
        pending: Mutex::new(None),
        _place: place,
    });
    if let Err(error) = speak(gateway, connection, stream, stop).await {
        tracing::debug!(client = %client.ip(), %error, "a connection ended");
    }
}

/// What a handshake brings.
struct Greeted {
    tls: TlsFacts,
    shown: Option<Shown>,
    bindings: Vec<ChannelBindings>,
}

async fn greet(listener: &Listener, wire: Wire) -> io::Result<(ClientStream, Greeted)> {
    let Some(identity) = listener.tls() else {
        let greeted = Greeted {
            tls: TlsFacts::none(),
            shown: None,
            bindings: Vec::new(),
        };
        return Ok((ClientStream::Plain(wire), greeted));
    };
    let (stream, end_point) = match identity.only() {
        Some(only) => {
            let acceptor = TlsAcceptor::from(Arc::clone(&only.config));
            (acceptor.accept(wire).await?, only.end_point.as_ref())
        }
        None => {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), wire).await?;
            let chosen = identity.for_client(&hello.client_hello());
            let chosen = chosen.ok_or(io::ErrorKind::NotFound)?;
            let stream = hello.into_stream(Arc::clone(&chosen.config)).await?;
            (stream, chosen.end_point.as_ref())
        }
    };
    let session = stream.get_ref().1;
    let shown = match session.peer_certificates() {
        Some(chain) => {
            let shown = Shown::of(chain, Arc::clone(&identity));
            Some(shown.ok_or_else(|| io::Error::other("the client's certificate is unreadable"))?)
        }
        None => None,
    };
    let greeted = Greeted {
        tls: TlsFacts::of(session),
        shown,
        bindings: tls::bindings(session, end_point),
    };
    Ok((ClientStream::Tls(Box::new(stream)), greeted))
}

async fn speak(
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    stream: ClientStream,
    stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let limits = gateway.limits;
    let stream = TokioIo::new(PatientWriter::new(stream, limits.body));
    let (activity, is_h2) = (connection.activity.clone(), connection.tls.is_h2());
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, connection) = (Arc::clone(&gateway), Arc::clone(&connection));
        async move {
            let mut response = visit::answer(&gateway, &connection, request).await;
            if let Some(hsts) = connection.listener.hsts() {
                let headers = response.headers_mut();
                headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
            }
            Ok::<Response<Body>, Infallible>(response)
        }
    });
    let watcher = Watcher {
        activity,
        idle: limits.idle,
        stop,
    };
    let most = limits.head_octets();
    if is_h2 {
        let speaking = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(most)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .serve_connection(stream, service);
        watcher
            .watch(
                Box::pin(speaking).as_mut(),
                http2::Connection::graceful_shutdown,
            )
            .await
    } else {
        let speaking = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .max_buf_size(usize::try_from(most).unwrap_or(usize::MAX))
            .serve_connection(stream, service)
            .with_upgrades();
        watcher
            .watch(
                Box::pin(speaking).as_mut(),
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
