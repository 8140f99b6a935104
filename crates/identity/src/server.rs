//! The sockets: HTTP/1.1 over TCP and unix sockets, and which of their clients is believed about others.
//!
//! A gateway says who its client is in headers ([`spoken_for`]). They are believed from trusted peers of a unix socket
//! alone; from anybody else they are removed before the router sees the request.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::HeaderMap;
use http::{HeaderName, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::observer::{Event, Note, Observer};

/// Pause after an accept that failed for want of descriptors, which comes back at once otherwise.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Header under which every answer names itself.
const REQUEST_ID: &str = "x-openstack-request-id";

/// Where a request came from, as its socket tells. The router finds it among the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Over TCP; headers that speak for others are gone.
    Network(SocketAddr),
    /// Over the unix socket, from a process of this user, who is not trusted: headers that speak for others are gone.
    Local(u32),
    /// Over the unix socket, from a process of this user, who is trusted: a gateway. It says who its client is.
    Gateway(u32),
}

impl Arrival {
    /// Whether headers that speak for others are believed.
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::Gateway(_))
    }
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// For anybody who reaches it.
    Tcp(TcpListener),
    /// For processes of this machine. Those of the trusted users speak for others.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Their user ids.
        trusted: Vec<u32>,
    },
}

/// What clients may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once.
    pub connections: usize,
    /// From one answer to the whole head of the next request.
    pub headers: Duration,
    /// From the whole head to the answer.
    pub answer: Duration,
    /// For requests under way when the service stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            headers: Duration::from_secs(75),
            answer: Duration::from_secs(60),
            stop: Duration::from_secs(5),
        }
    }
}

/// Whether a header speaks for somebody: who the client is, and how that was proved. Underscores are hyphens to whoever
/// reads headers as variables.
pub fn spoken_for(name: &HeaderName) -> bool {
    let name = name.as_str().replace('_', "-");
    let name = name.strip_prefix("http-").unwrap_or(&name);
    matches!(
        name,
        "remote-user" | "remote-domain" | "auth-type" | "gss-name"
    ) || name.starts_with("ssl-client-")
}

/// Serves until `stop` is ready; then takes no new connection, and lets requests under way finish for a while.
///
/// # Errors
/// A listener cannot be used.
pub async fn serve(
    router: Router,
    listeners: Vec<Listener>,
    limits: Limits,
    observer: Arc<dyn Observer>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let most = limits.connections.min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(most));
    let (tell, told) = watch::channel(false);
    let entrance = Arc::new(Entrance {
        router,
        limits,
        observer,
        places: Arc::clone(&places),
        stop: told,
    });
    let mut accepting = Vec::new();
    for listener in listeners {
        let entrance = Arc::clone(&entrance);
        accepting.push(match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::spawn(entrance.accept_tcp(listener))
            }
            Listener::Unix { listener, trusted } => {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::UnixListener::from_std(listener)?;
                tokio::spawn(entrance.accept_unix(listener, trusted))
            }
        });
    }
    stop.await;
    for one in accepting {
        one.abort();
    }
    tell.send_replace(true);
    let everybody = u32::try_from(most).unwrap_or(u32::MAX);
    if timeout(limits.stop, places.acquire_many(everybody))
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the time for stopping was over");
    }
    Ok(())
}

struct Entrance {
    router: Router,
    limits: Limits,
    observer: Arc<dyn Observer>,
    places: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Entrance {
    async fn accept_tcp(self: Arc<Self>, listener: tokio::net::TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => {
                    let _delayed = stream.set_nodelay(true);
                    self.take(stream, Arrival::Network(client));
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    async fn accept_unix(self: Arc<Self>, listener: tokio::net::UnixListener, trusted: Vec<u32>) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let Ok(peer) = stream.peer_cred() else {
                        continue;
                    };
                    let arrival = match trusted.contains(&peer.uid()) {
                        true => Arrival::Gateway(peer.uid()),
                        false => Arrival::Local(peer.uid()),
                    };
                    self.take(stream, arrival);
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    fn take<S>(self: &Arc<Self>, stream: S, arrival: Arrival)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(Arc::clone(self).converse(stream, arrival, place));
            }
            Err(_) => self.observer.turned_away(),
        }
    }

    async fn converse<S>(self: Arc<Self>, stream: S, arrival: Arrival, _place: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut stop = self.stop.clone();
        let service = service_fn(|request| self.answer(request, arrival));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.headers);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => {
                log_end(ended);
                return;
            }
            _ = stop.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
        }
        log_end(connection.await);
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        arrival: Arrival,
    ) -> Result<Response, Infallible> {
        let began = Instant::now();
        if !arrival.is_trusted() {
            remove_spoken_for(request.headers_mut());
        }
        request.extensions_mut().insert(arrival);
        let method = request.method().clone();
        let uri = request.uri().clone();
        let router = TowerToHyperService::new(self.router.clone());
        let answered = timeout(self.limits.answer, router.call(request)).await;
        let response = answered.map_or_else(|_late| unavailable(), |Ok(response)| response);
        self.observer.answered(&Event {
            arrival,
            method: &method,
            path: uri.path(),
            status: response.status(),
            request_id: text(response.headers(), REQUEST_ID),
            note: response.extensions().get::<Note>(),
            took: began.elapsed(),
        });
        Ok(response)
    }
}

fn remove_spoken_for(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| spoken_for(name))
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn unavailable() -> Response {
    let body = r#"{"error":{"code":503,"message":"The request took too long.","title":"Service Unavailable"}}"#;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "accepting a connection failed");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_speak_for_somebody_are_known_in_every_spelling() {
        for (name, speaks) in [
            ("Remote-User", true),
            ("REMOTE_USER", true),
            ("http_remote_user", true),
            ("Auth-Type", true),
            ("remote_domain", true),
            ("SSL_CLIENT_S_DN", true),
            ("ssl-client-i-dn", true),
            ("Gss-Name", true),
            ("X-Auth-Token", false),
            ("Authorization", false),
            ("Remote-Users", false),
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(spoken_for(&name), speaks, "{name}");
        }
    }
}
