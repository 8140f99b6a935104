//! Asks another Keystone what it knows, with a token that is good for it.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// More than a list of a million users.
const LONGEST_ANSWER: usize = 1 << 30;
/// Where Debian keeps the authorities that the machine believes.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Why an answer is missing.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// The URL names no server.
    #[error("{0} is no URL of a Keystone")]
    Url(String),
    /// The token cannot be sent.
    #[error("the token in OS_TOKEN has characters that no token has")]
    Token,
    /// The authorities cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Authorities { path: PathBuf, source: io::Error },
    /// TCP or TLS.
    #[error("{host} cannot be reached: {source}")]
    Unreachable { host: String, source: io::Error },
    /// The connection broke, or no JSON came.
    #[error("the answer to GET {path} cannot be read: {why}")]
    Answer { path: String, why: String },
    /// It said no.
    #[error("GET {path} was answered with {status}")]
    Refused { path: String, status: StatusCode },
}

/// A Keystone, and whoever asks it.
pub(super) struct KeystoneApi {
    base: Uri,
    token: HeaderValue,
    tls: Option<TlsConnector>,
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl KeystoneApi {
    /// The one at a URL that ends with `/v3`, or that does with it.
    ///
    /// # Errors
    /// It is no URL, or nobody can be believed about it.
    pub(super) fn at(url: &str, token: &Zeroizing<String>) -> Result<Self, AskError> {
        let url = url.trim_end_matches('/');
        let url = match url.ends_with("/v3") {
            true => url.to_owned(),
            false => format!("{url}/v3"),
        };
        let base: Uri = url.parse().map_err(|_| AskError::Url(url.clone()))?;
        let tls = match (base.scheme_str(), base.host()) {
            (Some("https"), Some(_)) => Some(TlsConnector::from(Arc::new(tls()?))),
            (Some("http"), Some(_)) => None,
            _ => return Err(AskError::Url(url)),
        };
        let mut token = HeaderValue::from_str(token.trim()).map_err(|_| AskError::Token)?;
        token.set_sensitive(true);
        Ok(Self {
            base,
            token,
            tls,
            sender: None,
        })
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, AskError> {
        let host = self.base.host().unwrap_or_default();
        let standard = if self.tls.is_some() { 443 } else { 80 };
        let port = self.base.port_u16().unwrap_or(standard);
        let unreachable = |source| AskError::Unreachable {
            host: host.to_owned(),
            source,
        };
        let broken = |error: hyper::Error| unreachable(io::Error::other(error));
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))
            .await
            .map_err(unreachable)?;
        let Some(connector) = &self.tls else {
            let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            return Ok(sender);
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| unreachable(io::Error::other(error)))?;
        let stream = connector.connect(name, stream).await.map_err(unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// A whole list: its pages, one after the other.
    ///
    /// # Errors
    /// Keystone refuses, or answers something else.
    pub(super) async fn list(&mut self, path: &str, key: &str) -> Result<Vec<Value>, AskError> {
        let mut list = Vec::new();
        let mut next = Some(format!("{}{path}", self.base.path()));
        while let Some(path) = next {
            let mut answer = self.get(&path).await?;
            if let Some(Value::Array(members)) = answer.get_mut(key).map(Value::take) {
                list.extend(members);
            }
            let link = answer.pointer("/links/next").and_then(Value::as_str);
            // Behind a front that it does not know of, its links lead elsewhere; paths stay.
            next = link
                .and_then(|link| link.parse::<Uri>().ok())
                .and_then(|link| link.path_and_query().map(ToString::to_string))
                .filter(|next| *next != path);
        }
        Ok(list)
    }

    async fn get(&mut self, path: &str) -> Result<Value, AskError> {
        let answer = |why: String| AskError::Answer {
            path: path.to_owned(),
            why,
        };
        let response = match self.send(path).await? {
            Ok(response) => response,
            // A connection that was kept may be closed by the other side at any time.
            Err(_) => self
                .send(path)
                .await?
                .map_err(|error| answer(error.to_string()))?,
        };
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| answer(error.to_string()))?.to_bytes();
        match head.status {
            StatusCode::OK => {
                serde_json::from_slice(&body).map_err(|error| answer(error.to_string()))
            }
            status => Err(AskError::Refused {
                path: path.to_owned(),
                status,
            }),
        }
    }

    /// Sends a request over the connection that was kept, or over a new one.
    async fn send(
        &mut self,
        path: &str,
    ) -> Result<Result<Response<Incoming>, hyper::Error>, AskError> {
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let host = self
            .base
            .authority()
            .map_or("", |authority| authority.as_str());
        let request = Request::get(path)
            .header(HOST, host)
            .header(ACCEPT, "application/json")
            .header(TOKEN, self.token.clone())
            .body(Empty::new())
            .map_err(|error| AskError::Answer {
                path: path.to_owned(),
                why: error.to_string(),
            })?;
        if let Err(error) = sender.ready().await {
            return Ok(Err(error));
        }
        let sent = sender.send_request(request).await;
        if sent.is_ok() {
            self.sender = Some(sender);
        }
        Ok(sent)
    }
}

/// Believes the authorities that `OS_CACERT` names, or else the machine's.
fn tls() -> Result<ClientConfig, AskError> {
    let path = env::var_os("OS_CACERT").map_or_else(|| AUTHORITIES.into(), PathBuf::from);
    let failed = |source| AskError::Authorities {
        path: path.clone(),
        source,
    };
    let pem = fs::read(&path).map_err(failed)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem).flatten() {
        // Debian's list has certificates in it that rustls does not read.
        let _unreadable = roots.add(certificate);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(io::Error::other(error)))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
