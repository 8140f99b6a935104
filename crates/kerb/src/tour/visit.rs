//! Our own web client: HTTP/1.1 over TLS, and `Negotiate` (RFC 4559) with the server's proof checked.

use std::io;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use kerbstone_client::cache::Cache;
use kerbstone_client::{CacheTickets, ClientError, Context, Environment};
use kerbstone_gateway::channel_bindings::tls_server_end_point;
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::spnego::Initiator;
use kerbstone_gss::{ChannelBindings, GssFlags, Name, Refused, Step};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;

use super::shell::Shell;
use super::verdict::{NotPassed, failed};
use crate::up::{GATEWAY, HTTPS, Site, client_config};

const HOST_NAME: &str = "localhost";
const SCHEME: &str = "Negotiate";
/// A negotiation that takes longer goes in circles.
const MOST_ROUNDS: usize = 5;
/// More than any page of ours.
const LONGEST_PAGE: usize = 1 << 20;

/// What went wrong on a visit.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitError {
    /// The site has no front door.
    #[error("the gateway's address is not known")]
    NoAddress,
    /// TCP or TLS.
    #[error("the gateway at {at} cannot be reached: {source}")]
    Unreachable {
        /// Where.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the gateway's answer cannot be read: {0}")]
    Answer(String),
    /// The answer is another than the one that was expected.
    #[error("the gateway answers {0}")]
    Status(String),
    /// It asks for a ticket and does not say how to show one.
    #[error("the gateway does not ask for Negotiate")]
    NotAsked,
    /// The server has shown no proof that it is the one.
    #[error("the gateway has not proved itself")]
    NotProved,
    /// It goes on and on.
    #[error("the negotiation comes to no end")]
    NoEnd,
    /// No ticket, or the server's proof is wrong.
    #[error(transparent)]
    Gss(#[from] Refused),
    /// The client cannot begin.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<VisitError> for NotPassed {
    fn from(error: VisitError) -> Self {
        failed(error.to_string())
    }
}

/// A page, for programs.
#[derive(Clone, Debug)]
pub(super) struct Page {
    status: StatusCode,
    /// What follows `Negotiate`, if it was there.
    proof: Option<Vec<u8>>,
    /// The object.
    pub(super) object: Value,
}

/// A connection to a site's gateway, whose certificate has been checked.
pub(super) struct Visit {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
    bindings: Option<ChannelBindings>,
}

impl Visit {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers, or it is not the site's gateway.
    pub(super) async fn begin(site: &Site) -> Result<Self, VisitError> {
        let address = site.address(GATEWAY, HTTPS).ok_or(VisitError::NoAddress)?;
        let unreachable = |source| VisitError::Unreachable {
            at: address.to_string(),
            source,
        };
        let config = client_config(site).map_err(unreachable)?;
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from(HOST_NAME)
            .map_err(|error| unreachable(io::Error::other(error)))?;
        let stream = connector.connect(name, stream).await.map_err(unreachable)?;
        let (_, tls) = stream.get_ref();
        let certificate = tls.peer_certificates().and_then(<[_]>::first);
        let bindings = certificate
            .and_then(|certificate| tls_server_end_point(certificate))
            .map(ChannelBindings::application_data);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(answer)?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: format!("{HOST_NAME}:{}", address.port()),
            bindings,
        })
    }

    /// Looks at the front page without a ticket.
    ///
    /// # Errors
    /// The page is another than the one that asks for a ticket.
    pub(super) async fn as_stranger(&mut self) -> Result<Page, VisitError> {
        let page = self.get(None).await?;
        match (page.status, &page.proof) {
            (StatusCode::UNAUTHORIZED, Some(_)) => Ok(page),
            (StatusCode::UNAUTHORIZED, None) => Err(VisitError::NotAsked),
            _ => Err(page.unexpected()),
        }
    }

    /// Opens the front page with the tickets of a shell.
    ///
    /// # Errors
    /// The ticket is not to be had or not accepted, or the gateway does not prove itself.
    pub(super) async fn with_ticket(&mut self, shell: &Shell) -> Result<Page, VisitError> {
        self.as_stranger().await?;
        let mut negotiation = Negotiation::new(shell, self.bindings.clone());
        let mut input = None;
        for _ in 0..MOST_ROUNDS {
            let step;
            (negotiation, step) = negotiation.step(input).await?;
            let Step::Continue { token } = step else {
                return Err(VisitError::NoEnd);
            };
            let page = self.get(Some(&token)).await?;
            match page.status {
                StatusCode::OK => return negotiation.prove(page).await,
                StatusCode::UNAUTHORIZED if page.has_token() => input = page.proof,
                _ => return Err(page.unexpected()),
            }
        }
        Err(VisitError::NoEnd)
    }

    async fn get(&mut self, token: Option<&[u8]>) -> Result<Page, VisitError> {
        let request = Request::get("/")
            .header(HOST, &self.host)
            .header(ACCEPT, "application/json");
        let request = match token {
            Some(token) => request.header(
                AUTHORIZATION,
                format!("{SCHEME} {}", Base64::encode_string(token)),
            ),
            None => request,
        };
        let request = request.body(Empty::new()).map_err(answer)?;
        self.sender.ready().await.map_err(answer)?;
        let response = self.sender.send_request(request).await.map_err(answer)?;
        Page::read(response).await
    }
}

fn answer(error: impl ToString) -> VisitError {
    VisitError::Answer(error.to_string())
}

impl Page {
    async fn read(response: Response<Incoming>) -> Result<Self, VisitError> {
        let (head, body) = response.into_parts();
        let schemes = head.headers.get_all(WWW_AUTHENTICATE).iter();
        let proof = schemes
            .filter_map(|value| value.to_str().ok())
            .find_map(proof);
        let body = Limited::new(body, LONGEST_PAGE).collect().await;
        let body = body.map_err(answer)?.to_bytes();
        Ok(Self {
            status: head.status,
            proof,
            object: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    fn has_token(&self) -> bool {
        self.proof.as_ref().is_some_and(|proof| !proof.is_empty())
    }

    fn unexpected(&self) -> VisitError {
        let words = in_words(&self.object);
        VisitError::Status(format!("{}: {words}", self.status))
    }
}

/// The octets behind the scheme; none when it stands alone.
fn proof(value: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let is_ours = scheme.eq_ignore_ascii_case(SCHEME);
    is_ours.then(|| Base64::decode_vec(rest.trim()).unwrap_or_default())
}

/// What a notice of the gateway says.
pub(super) fn in_words(notice: &Value) -> String {
    let part = |name| notice.get(name).and_then(Value::as_str);
    match (part("title"), part("detail")) {
        (Some(title), Some(detail)) => format!("{title}. {detail}"),
        _ => "a page without words".to_owned(),
    }
}

/// Our end of a negotiation. Tickets come from KDCs and from files, for which a thread of its own waits.
struct Negotiation {
    initiator: Initiator,
    environment: Environment,
}

impl Negotiation {
    fn new(shell: &Shell, bindings: Option<ChannelBindings>) -> Self {
        let target = Name::host_based(&format!("HTTP@{HOST_NAME}"));
        let options = InitiatorOptions {
            bindings,
            ..InitiatorOptions::new(target)
        };
        Self {
            initiator: Initiator::new(options),
            environment: shell.environment(),
        }
    }

    async fn step(self, input: Option<Vec<u8>>) -> Result<(Self, Step), VisitError> {
        let stepped = spawn_blocking(move || self.step_now(input.as_deref())).await;
        stepped.unwrap_or_else(|_panicked| Err(VisitError::NoEnd))
    }

    fn step_now(mut self, input: Option<&[u8]>) -> Result<(Self, Step), VisitError> {
        let context = Context::new(self.environment.clone())?;
        let cache = Cache::parse(self.environment.ccname.as_deref().unwrap_or_default())?;
        let mut tickets = CacheTickets::new(&context, cache);
        let step = self
            .initiator
            .step(input, &mut tickets, context.now(), &mut rand::rng())?;
        Ok((self, step))
    }

    /// Takes the proof that came with the page.
    async fn prove(self, page: Page) -> Result<Page, VisitError> {
        let (_, step) = self.step(page.proof.clone()).await?;
        match step {
            Step::Established { context, .. } if context.flags().contains(GssFlags::MUTUAL) => {
                Ok(page)
            }
            _ => Err(VisitError::NotProved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_found_with_and_without_a_token() {
        assert_eq!(proof("Negotiate"), Some(Vec::new()));
        assert_eq!(proof("negotiate AQI="), Some(vec![1, 2]));
        assert_eq!(proof("Basic realm=x"), None);
    }
}
