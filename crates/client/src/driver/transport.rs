//! Sockets for an [`Exchange`]: connected datagrams and non-blocking streams under one `poll`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::trace::Trace;
use crate::exchange::{Action, Endpoint, Exchange, Failure, Server, Transport};

/// No KDC sends more; a larger announcement is a broken or hostile server.
const MAX_REPLY: usize = 1 << 20;

/// Carries `request` until the exchange is over. The second value is who answered.
pub(super) fn carry(
    exchange: &mut Exchange,
    request: &[u8],
    trace: &Trace,
) -> Result<(Vec<u8>, Endpoint), Vec<Failure>> {
    let mut links: BTreeMap<usize, Link> = BTreeMap::new();
    loop {
        while let Some(action) = exchange.poll() {
            match action {
                Action::Resolve(server) => {
                    let addresses = match exchange.servers().get(server) {
                        Some(server) => addresses_of(server),
                        None => continue,
                    };
                    exchange.resolved(server, addresses, Instant::now());
                }
                Action::Transmit { attempt, endpoint } => {
                    note(trace, &endpoint, links.contains_key(&attempt));
                    if let Err(error) = transmit(&mut links, attempt, &endpoint, request) {
                        links.remove(&attempt);
                        exchange.handle_failure(attempt, &plain(&error), Instant::now());
                    }
                }
                Action::Done { reply, endpoint } => return Ok((reply, endpoint)),
                Action::Failed(failures) => return Err(failures),
            }
        }
        wait(exchange, &mut links);
    }
}

fn note(trace: &Trace, endpoint: &Endpoint, again: bool) {
    let address = endpoint.address;
    match endpoint.transport {
        Transport::Udp => {
            let which = if again { "retry" } else { "initial" };
            trace.say(format_args!(
                "Sending {which} UDP request to dgram {address}"
            ));
        }
        Transport::Tcp => {
            trace.say(format_args!(
                "Initiating TCP connection to stream {address}"
            ));
            trace.say(format_args!("Sending TCP request to stream {address}"));
        }
    }
}

/// The local address that packets to this server would carry.
pub(super) fn local_address(server: &Server) -> Option<SocketAddr> {
    let target = addresses_of(server).ok()?.first().copied()?;
    let socket = UdpSocket::bind(unspecified(target)).ok()?;
    socket.connect(target).ok()?;
    socket.local_addr().ok()
}

/// The addresses of a server's name, each once.
pub(super) fn addresses_of(server: &Server) -> Result<Vec<SocketAddr>, String> {
    let found = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .map_err(|error| plain(&error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn transmit(
    links: &mut BTreeMap<usize, Link>,
    attempt: usize,
    endpoint: &Endpoint,
    request: &[u8],
) -> io::Result<()> {
    if let Some(Link::Udp(socket)) = links.get(&attempt) {
        return socket.send(request).map(|_| ());
    }
    let link = match endpoint.transport {
        Transport::Udp => {
            let socket = UdpSocket::bind(unspecified(endpoint.address))?;
            socket.connect(endpoint.address)?;
            socket.set_nonblocking(true)?;
            socket.send(request)?;
            Link::Udp(socket)
        }
        Transport::Tcp => Link::Tcp(Stream::connect(endpoint.address, request)?),
    };
    links.insert(attempt, link);
    Ok(())
}

fn wait(exchange: &mut Exchange, links: &mut BTreeMap<usize, Link>) {
    let timeout = exchange.poll_timeout().map(|deadline| {
        deadline
            .saturating_duration_since(Instant::now())
            .saturating_add(Duration::from_millis(1))
    });
    let ready = ready_links(links, timeout);
    for attempt in ready {
        let Some(link) = links.get_mut(&attempt) else {
            continue;
        };
        match link.progress() {
            Ok(None) => {}
            Ok(Some(reply)) => {
                links.remove(&attempt);
                exchange.handle_reply(attempt, reply, Instant::now());
            }
            Err(error) => {
                links.remove(&attempt);
                exchange.handle_failure(attempt, &plain(&error), Instant::now());
            }
        }
    }
    exchange.handle_timeout(Instant::now());
}

fn ready_links(links: &BTreeMap<usize, Link>, timeout: Option<Duration>) -> Vec<usize> {
    let names: Vec<usize> = links.keys().copied().collect();
    let mut waiting: Vec<PollFd<'_>> = links
        .values()
        .map(|link| PollFd::new(link.descriptor(), link.interest()))
        .collect();
    let timeout = timeout
        .and_then(|t| PollTimeout::try_from(t).ok())
        .unwrap_or(PollTimeout::from(1000u16));
    if poll(&mut waiting, timeout).is_err() {
        return Vec::new();
    }
    let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
    names
        .into_iter()
        .zip(&waiting)
        .filter(|(_, fd)| ready(fd))
        .map(|(name, _)| name)
        .collect()
}

#[derive(Debug)]
enum Link {
    Udp(UdpSocket),
    Tcp(Stream),
}

impl Link {
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Tcp(stream) => stream.socket.as_fd(),
        }
    }

    fn interest(&self) -> PollFlags {
        match self {
            Self::Tcp(stream) if stream.sending() => PollFlags::POLLOUT,
            _ => PollFlags::POLLIN,
        }
    }

    fn progress(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 65_536];
                match socket.recv(&mut buffer) {
                    Ok(length) => {
                        buffer.truncate(length);
                        Ok(Some(buffer))
                    }
                    Err(error) if is_transient(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Self::Tcp(stream) => stream.progress(),
        }
    }
}

#[derive(Debug)]
struct Stream {
    socket: Socket,
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Vec<u8>,
}

impl Stream {
    fn connect(address: SocketAddr, request: &[u8]) -> io::Result<Self> {
        let length = u32::try_from(request.len()).map_err(io::Error::other)?;
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        match socket.connect(&SockAddr::from(address)) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let mut outgoing = length.to_be_bytes().to_vec();
        outgoing.extend_from_slice(request);
        Ok(Self {
            socket,
            outgoing,
            sent: 0,
            incoming: Vec::new(),
        })
    }

    fn sending(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    fn progress(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        if self.sending() {
            let rest = self.outgoing.get(self.sent..).unwrap_or_default();
            match self.socket.write(rest) {
                Ok(written) => self.sent = self.sent.saturating_add(written),
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
            return Ok(None);
        }
        self.receive()
    }

    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; 16_384];
        match self.socket.read(&mut buffer) {
            Ok(0) => return Err(io::Error::other("the connection was closed")),
            Ok(length) => self
                .incoming
                .extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error) if is_transient(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let Some((head, body)) = self.incoming.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let announced = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        if announced > MAX_REPLY {
            return Err(io::Error::other("the reply is larger than any KDC sends"));
        }
        Ok(body.get(..announced).map(<[u8]>::to_vec))
    }
}

fn unspecified(target: SocketAddr) -> SocketAddr {
    match target {
        SocketAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0u16; 8], 0)),
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}

/// The system's words without its error number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
