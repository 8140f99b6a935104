//! Load over UDP: a closed loop (so many requests always in flight) and a paced one (so many a second).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Requests in flight in the closed loop, each on a socket of its own, as clients are.
pub(crate) const IN_FLIGHT: usize = 16;
/// A reply that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// One kind of request: makes the next and checks its reply.
pub(crate) trait Exchange {
    /// What a reply is checked against.
    type Expected;

    /// The next request; each has a nonce of its own.
    fn request(&mut self) -> (Vec<u8>, Self::Expected);

    /// Whether the reply is the right one.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn check(&self, expected: &Self::Expected, reply: &[u8]) -> Result<(), String>;
}

/// What a run saw from the client's side.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Requests answered rightly.
    pub(crate) answered: usize,
    /// Requests without an answer in time.
    pub(crate) lost: usize,
    /// Time of the whole run.
    pub(crate) elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Run {
    /// The latency that this share (0 to 1) of requests did not exceed.
    pub(crate) fn percentile(&mut self, share: f64) -> Duration {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.latencies.get(index).copied().unwrap_or_default()
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }
}

/// Sends `count` requests, always [`IN_FLIGHT`] of them under way.
///
/// # Errors
/// A socket's, or a reply that is not right.
pub(crate) fn closed_loop<E: Exchange>(
    server: SocketAddr,
    exchange: &mut E,
    count: usize,
) -> io::Result<Run> {
    let mut lanes = (0..IN_FLIGHT.min(count))
        .map(|_| Lane::open(server))
        .collect::<io::Result<Vec<Lane<E>>>>()?;
    let mut run = Run::default();
    let start = Instant::now();
    let mut sent = 0;
    for lane in &mut lanes {
        lane.send(exchange, Instant::now())?;
        sent += 1;
    }
    // Lanes are served in turn: each waits for its own reply, while the others' requests keep the server busy.
    let mut buffer = vec![0; 65_536];
    while run.answered + run.lost < count {
        for lane in &mut lanes {
            if lane.receive(exchange, &mut buffer, &mut run)? && sent < count {
                lane.send(exchange, Instant::now())?;
                sent += 1;
            }
        }
    }
    run.elapsed = start.elapsed();
    Ok(run)
}

/// Sends `count` requests at `rate` a second; a latency counts from the moment that was planned for its request, so
/// that a server which falls behind cannot hide it.
///
/// # Errors
/// A socket's, or a reply that is not right.
pub(crate) fn paced<E: Exchange>(
    server: SocketAddr,
    exchange: &mut E,
    count: usize,
    rate: f64,
) -> io::Result<Run> {
    let mut run = Run::default();
    let mut lanes = (0..64)
        .map(|_| Lane::open(server))
        .collect::<io::Result<Vec<Lane<E>>>>()?;
    for lane in &lanes {
        lane.socket.set_nonblocking(true)?;
    }
    let mut buffer = vec![0; 65_536];
    let start = Instant::now();
    let mut sent = 0;
    while run.answered + run.lost < count {
        let planned = start + Duration::from_secs_f64(sent as f64 / rate);
        let now = Instant::now();
        if sent < count && now >= planned {
            let free = lanes.iter_mut().find(|lane| lane.pending.is_none());
            if let Some(lane) = free {
                lane.send(exchange, planned)?;
                sent += 1;
            }
        }
        for lane in lanes.iter_mut().filter(|lane| lane.pending.is_some()) {
            lane.receive(exchange, &mut buffer, &mut run)?;
        }
        // The generator shares the machine with the server: it must not spin.
        std::thread::sleep(Duration::from_micros(50));
    }
    run.elapsed = start.elapsed();
    Ok(run)
}

struct Lane<E: Exchange> {
    socket: UdpSocket,
    pending: Option<(E::Expected, Instant)>,
}

impl<E: Exchange> Lane<E> {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let any = if server.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket,
            pending: None,
        })
    }

    fn send(&mut self, exchange: &mut E, since: Instant) -> io::Result<()> {
        let (request, expected) = exchange.request();
        self.socket.send(&request)?;
        self.pending = Some((expected, since));
        Ok(())
    }

    /// Takes a reply if there is one (waiting for it on a blocking socket); true when the lane is free again.
    fn receive(&mut self, exchange: &E, buffer: &mut [u8], run: &mut Run) -> io::Result<bool> {
        let Some((expected, since)) = self.pending.take() else {
            return Ok(false);
        };
        match self.socket.recv(buffer) {
            Ok(length) => {
                let reply = buffer.get(..length).unwrap_or_default();
                exchange.check(&expected, reply).map_err(io::Error::other)?;
                run.latencies.push(since.elapsed());
                run.answered += 1;
                Ok(true)
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && since.elapsed() < PATIENCE =>
            {
                self.pending = Some((expected, since));
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                run.lost += 1;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}
