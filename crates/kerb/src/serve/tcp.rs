//! TCP: requests and replies behind a length of four octets (RFC 4120 7.2.2), with a deadline for each step.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_kdc::{Peer, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::door::{self, Door};
use super::settings::TcpSettings;

/// Connections that the kernel keeps for us while we accept others.
const BACKLOG: i32 = 1024;
/// Pause after an accept that failed for want of descriptors, which comes back at once otherwise.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds a listening socket; it must be turned into tokio's inside its runtime.
///
/// # Errors
/// The system's, when the address is taken or may not be had.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
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

/// Accepts connections until the task is dropped.
///
/// `slots` caps the connections of all listeners together; one that finds none free is closed at once, which a
/// client takes as "try the next KDC" sooner than a silent queue.
pub(crate) async fn serve(
    listener: TcpListener,
    door: Arc<dyn Door>,
    limits: TcpSettings,
    slots: Arc<Semaphore>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                    tracing::warn!(client = %address, "connection refused: max_connections reached");
                    continue;
                };
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, address, door, limits).await {
                        tracing::debug!(client = %address, %error, "connection ended");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection: any number of requests, one after the other.
async fn converse(
    mut stream: TcpStream,
    address: SocketAddr,
    door: Arc<dyn Door>,
    limits: TcpSettings,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let peer = door::peer(address.ip(), address.port(), Transport::Tcp);
    let mut request = Vec::new();
    loop {
        let read = timeout(
            limits.deadline,
            read_record(&mut stream, &mut request, limits.max_request),
        );
        if !read.await.map_err(|_| io::ErrorKind::TimedOut)?? {
            return Ok(());
        }
        let reply = answer(&door, std::mem::take(&mut request), peer).await?;
        if reply.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(reply.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        // One write for both, so that a client that reads once gets both.
        let record = [&length.to_be_bytes(), reply.as_slice()].concat();
        timeout(limits.deadline, stream.write_all(&record))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
    }
}

/// Asks the door, on a thread of its own where that takes milliseconds.
async fn answer(door: &Arc<dyn Door>, request: Vec<u8>, peer: Peer) -> io::Result<Vec<u8>> {
    let door = Arc::clone(door);
    let is_slow = door.is_slow();
    let ask = move || {
        let reply = door.answer(&request, door::now(), &peer, &mut rand::rng());
        door.batch_done();
        reply
    };
    if is_slow {
        return tokio::task::spawn_blocking(ask)
            .await
            .map_err(io::Error::other);
    }
    Ok(ask())
}

/// Reads one record into `request`; false means that the client closed before another began.
async fn read_record(stream: &mut TcpStream, request: &mut Vec<u8>, most: u32) -> io::Result<bool> {
    let mut length = [0_u8; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
    }
    // The high bit is reserved for extensions that no client of ours asks for (RFC 5021).
    let length = u32::from_be_bytes(length);
    if length > most {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a request of {length} octets where {most} are the most"),
        ));
    }
    request.clear();
    // Memory follows what has arrived, not what was announced.
    let mut body = stream.take(u64::from(length));
    let read = body.read_to_end(request).await?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(true)
}
