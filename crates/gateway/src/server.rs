//! Workers: each accepts at sockets of its own, and serves what it accepted on a thread of its own.
//!
//! Nothing of a request's way wakes another thread. The kernel shares connections out among the workers' sockets.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::connection::{self, Caller};
use crate::gateway::Gateway;
use crate::listener::{Doors, Listener, Socket};
use crate::observer::Lost;
use crate::outbound::ClientAddress;
use crate::places::{Places, Taken};
use crate::status::Connected;
use crate::wire::Wire;

/// Pause after an accept that failed for want of descriptors, which comes back at once otherwise.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often a worker looks at the clock at least.
///
/// tokio writes to a worker's own event descriptor, and wakes it once more, whenever a timer is set that ends before
/// the one that it last slept for. Each request sets some. With one that ends sooner than all of them this is spared.
const TICK: Duration = Duration::from_millis(500);

/// Threads that serve.
#[derive(Debug)]
pub struct Workers {
    threads: Vec<JoinHandle<io::Result<()>>>,
    stop: watch::Sender<bool>,
}

impl Workers {
    /// Starts a thread for each worker's doors.
    ///
    /// # Errors
    /// The system refuses a thread or what a thread needs.
    pub fn start(gateway: &Arc<Gateway>, doors: Vec<Doors>) -> io::Result<Self> {
        gateway.serves_at(&doors);
        let (stop, told) = watch::channel(false);
        let places = Arc::new(Places::new(&gateway.limits));
        let start = |(number, doors)| {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (gateway, places, told) = (Arc::clone(gateway), Arc::clone(&places), told.clone());
            thread::Builder::new()
                .name(format!("gateway {number}"))
                .spawn(move || runtime.block_on(work(gateway, doors, places, told)))
        };
        let threads = doors.into_iter().enumerate().map(start);
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
            stop,
        })
    }

    /// Takes no new connection, lets requests under way finish while [`Limits::stop`](crate::Limits) lasts, and waits
    /// for that.
    ///
    /// # Errors
    /// A worker had failed.
    pub fn stop(self) -> io::Result<()> {
        self.stop.send_replace(true);
        let ended: Vec<io::Result<()>> = self.threads.into_iter().map(joined).collect();
        ended.into_iter().collect()
    }
}

fn joined(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    let ended = thread.join();
    ended.unwrap_or_else(|_| Err(io::Error::other("a worker came to a sudden end")))
}

/// Serves as the only worker, on the present runtime, until `stop` is ready; then as [`Workers::stop`].
///
/// # Errors
/// A door cannot be used.
pub async fn serve(
    gateway: Arc<Gateway>,
    doors: Doors,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    gateway.serves_at(std::slice::from_ref(&doors));
    let (tell, told) = watch::channel(false);
    let places = Arc::new(Places::new(&gateway.limits));
    let stopping = async {
        stop.await;
        tell.send_replace(true);
        Ok(())
    };
    tokio::try_join!(work(gateway, doors, places, told), stopping).map(|_| ())
}

async fn work(
    gateway: Arc<Gateway>,
    doors: Doors,
    places: Arc<Places>,
    mut told: watch::Receiver<bool>,
) -> io::Result<()> {
    let (open, mut all_closed) = mpsc::channel(1);
    let mut accepting = vec![tokio::spawn(tick())];
    for (listener, socket) in doors.0 {
        let door = Door {
            gateway: Arc::clone(&gateway),
            listener,
            places: Arc::clone(&places),
            open: open.clone(),
            stop: told.clone(),
        };
        accepting.push(match socket {
            Socket::Tcp(socket) => tokio::spawn(door.accept_tcp(TcpListener::from_std(socket)?)),
            Socket::Unix(socket) => tokio::spawn(door.accept_unix(UnixListener::from_std(socket)?)),
        });
    }
    // Whoever would tell is gone: the same as being told.
    let _is_told = told.wait_for(|is_over| *is_over).await.is_ok();
    for one in accepting {
        one.abort();
    }
    drop(open);
    if timeout(gateway.limits.stop, all_closed.recv())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the time for stopping was over");
    }
    Ok(())
}

async fn tick() {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
    }
}

/// A connection's right to be open; whoever stops waits until the last is gone.
#[derive(Debug)]
pub(crate) struct Place {
    _within_limits: Taken,
    _is_open: mpsc::Sender<Infallible>,
    _is_counted: Connected,
}

struct Door {
    gateway: Arc<Gateway>,
    listener: Arc<Listener>,
    places: Arc<Places>,
    open: mpsc::Sender<Infallible>,
    stop: watch::Receiver<bool>,
}

impl Door {
    async fn accept_tcp(self, socket: TcpListener) {
        let port = socket.local_addr().ok().map(|address| address.port());
        loop {
            match socket.accept().await {
                Ok((stream, client)) => {
                    let _slower_without = stream.set_nodelay(true);
                    self.let_in(Wire::Tcp(stream), ClientAddress::Internet(client), port);
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    async fn accept_unix(self, socket: UnixListener) {
        loop {
            match socket.accept().await {
                Ok((stream, _)) => self.let_in(Wire::Unix(stream), ClientAddress::Local, None),
                Err(error) => pause(&error).await,
            }
        }
    }

    fn let_in(&self, wire: Wire, client: ClientAddress, port: Option<u16>) {
        let Some(within_limits) = self.places.take(client) else {
            tracing::warn!(client = %client.ip(), "connection refused: the cap on connections is reached");
            return self.gateway.lost(Lost::TooMany);
        };
        let place = Place {
            _within_limits: within_limits,
            _is_open: self.open.clone(),
            _is_counted: self.gateway.ledger.connected(),
        };
        let caller = Caller {
            wire,
            client,
            listener: Arc::clone(&self.listener),
            port,
            place,
        };
        let gateway = Arc::clone(&self.gateway);
        tokio::spawn(connection::serve(gateway, caller, self.stop.clone()));
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "accepting a connection failed");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
