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
        match read.await.map_err(|_| io::ErrorKind::TimedOut)?? {
            Read::Whole => {}
            Read::Nothing => return Ok(()),
            Read::TooLong => {
                send(&mut stream, &door.too_long(door::now()), limits.deadline).await?;
                return stream.shutdown().await;
            }
        }
        let reply = answer(&door, std::mem::take(&mut request), peer).await?;
        if reply.is_empty() {
            return Ok(());
        }
        send(&mut stream, &reply, limits.deadline).await?;
    }
}

/// Sends a reply behind its length; nothing if there is none.
async fn send(stream: &mut TcpStream, reply: &[u8], deadline: Duration) -> io::Result<()> {
    if reply.is_empty() {
        return Ok(());
    }
    let length = u32::try_from(reply.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    // One write for both, so that a client that reads once gets both.
    let record = [&length.to_be_bytes(), reply].concat();
    let written = timeout(deadline, stream.write_all(&record)).await;
    written.map_err(|_| io::ErrorKind::TimedOut)?
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

/// What came of waiting for a record.
enum Read {
    /// It is there.
    Whole,
    /// The client closed before another began.
    Nothing,
    /// It would be longer than the service takes, or says something in its length that no client of ours asks for
    /// (RFC 5021): it is left unread, with KRB_ERR_FIELD_TOOLONG (RFC 4120 7.2.2).
    TooLong,
}

/// Reads one record into `request`.
async fn read_record(stream: &mut TcpStream, request: &mut Vec<u8>, most: u32) -> io::Result<Read> {
    let mut length = [0_u8; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Read::Nothing),
        Err(error) => return Err(error),
    }
    let length = u32::from_be_bytes(length);
    if length > most {
        return Ok(Read::TooLong);
    }
    request.clear();
    // Memory follows what has arrived, not what was announced.
    let mut body = stream.take(u64::from(length));
    let read = body.read_to_end(request).await?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Read::Whole)
}
