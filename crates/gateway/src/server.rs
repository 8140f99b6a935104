//! The listeners: accept, cap, stop in order.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::connection;
use crate::gateway::Gateway;
use crate::observer::Lost;

/// Connections that the kernel keeps for us while we accept others.
const BACKLOG: i32 = 1024;
/// Pause after an accept that failed for want of descriptors, which comes back at once otherwise.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds a listening socket, for [`serve`].
///
/// # Errors
/// The system's, when the address is taken or may not be had.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves until `stop` is ready; then takes no new connection, and lets requests under way finish while
/// [`Limits::stop`](crate::Limits) lasts.
///
/// # Errors
/// A listener cannot be used.
pub async fn serve(
    gateway: Arc<Gateway>,
    listeners: Vec<TcpListener>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let most = gateway.limits.connections.min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(most));
    let (tell, told) = watch::channel(false);
    let mut accepting = Vec::new();
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let entrance = Entrance {
            gateway: Arc::clone(&gateway),
            places: Arc::clone(&places),
            stop: told.clone(),
        };
        accepting.push(tokio::spawn(entrance.accept(listener)));
    }
    stop.await;
    for one in accepting {
        one.abort();
    }
    tell.send_replace(true);
    let everybody = u32::try_from(most).unwrap_or(u32::MAX);
    if timeout(gateway.limits.stop, places.acquire_many(everybody))
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the time for stopping was over");
    }
    Ok(())
}

struct Entrance {
    gateway: Arc<Gateway>,
    places: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Entrance {
    async fn accept(self, listener: tokio::net::TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => {
                    let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                        tracing::warn!(%client, "connection refused: the cap on connections is reached");
                        self.gateway.observer.lost(Lost::TooMany);
                        continue;
                    };
                    let gateway = Arc::clone(&self.gateway);
                    tokio::spawn(connection::serve(
                        gateway,
                        stream,
                        client,
                        place,
                        self.stop.clone(),
                    ));
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
