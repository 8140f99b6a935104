//! One client's connection: TLS, and what is known of the client from then on.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use kerbstone_gss::ChannelBindings;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use kerbstone_verify::{AcceptorSource, Negotiation};
use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::activity::Activity;
use crate::certificate::ClientCertificate;
use crate::conversation;
use crate::gateway::Gateway;
use crate::listener::Listener;
use crate::observer::{CertificateRefused, Lost};
use crate::outbound::ClientAddress;
use crate::server::Place;
use crate::tls::{self, TlsFacts, TlsIdentity};
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
    let patience = gateway.table().limits.handshake;
    let greeting = timeout(patience, greet(&listener, wire));
    let (stream, greeted) = match Box::pin(greeting).await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => {
            tracing::debug!(client = %client.ip(), %error, "a TLS handshake failed");
            tell_of_certificate(&gateway, client, &listener, &error);
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
    if let Err(error) = conversation::hold(gateway, connection, stream, stop).await {
        tracing::debug!(client = %client.ip(), %error, "a connection ended");
    }
}

/// Has it written down when the handshake ended because of the client's certificate.
fn tell_of_certificate(
    gateway: &Gateway,
    client: ClientAddress,
    listener: &Listener,
    error: &io::Error,
) {
    let refusal = error.get_ref().and_then(|inner| inner.downcast_ref());
    let Some(
        refusal @ (rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented),
    ) = refusal
    else {
        return;
    };
    gateway.observer.certificate_refused(&CertificateRefused {
        at: Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default()),
        client: client.ip(),
        listener: listener.name(),
        why: &refusal.to_string(),
    });
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
