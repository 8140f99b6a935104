//! UDP: a crew of threads over one socket, receiving in batches and answering in place.
//!
//! One thread serves alone as long as it keeps up, for every thread that sleeps and wakes costs a request as much as
//! its cryptography. When a batch comes full, the next thread is called. The answer is a plain function of the request,
//! so nothing here waits but the one call that receives.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kerbstone_kdc::Transport;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage,
    recvmmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::door::{self, Door};

/// The most that one datagram can hold.
const DATAGRAM: usize = 65_535;
/// Datagrams taken with one system call.
const BATCH: usize = 32;
/// Room for bursts while a thread is busy.
const RECEIVE_BUFFER: usize = 4 << 20;
/// How long a thread sleeps at most before it looks whether it is to stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

/// Binds the socket that a crew serves.
///
/// # Errors
/// The system's, when the address is taken or may not be had.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_read_timeout(Some(STOP_CHECK))?;
    // A system with a lower limit gives what it has.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Starts the threads, at least one, that serve a socket until `stop` is set.
///
/// # Errors
/// The system's, when the socket's options or a thread cannot be had.
pub(crate) fn serve(
    socket: UdpSocket,
    door: &Arc<dyn Door>,
    threads: usize,
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let crew = Arc::new(Crew::new(socket, Arc::clone(door))?);
    let start = |number| {
        let (crew, stop) = (Arc::clone(&crew), Arc::clone(stop));
        // Nobody shall wait behind a slow answer, so there all wait for datagrams.
        let duty = match number == 0 || crew.door.is_slow() {
            true => Duty::Receive,
            false => Duty::Help,
        };
        thread::Builder::new()
            .name("udp".to_owned())
            .spawn(move || crew.run_on(duty, &stop))
    };
    (0..threads.max(1)).map(start).collect()
}

/// What a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// A datagram.
    Receive,
    /// A call of another that cannot keep up.
    Help,
}

struct Crew {
    socket: UdpSocket,
    door: Arc<dyn Door>,
    /// Whether the socket has every address of the host, so that each reply must name the one that was asked:
    /// clients with connected sockets take it from no other.
    names_source: bool,
    bell: Bell,
}

/// Wakes threads that are at rest.
#[derive(Default)]
struct Bell {
    resting: AtomicUsize,
    rung: Mutex<bool>,
    ringing: Condvar,
}

impl Bell {
    /// Wakes one, if one is at rest.
    fn ring(&self) {
        if self.resting.load(Ordering::Relaxed) > 0 {
            *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.ringing.notify_one();
        }
    }

    /// Rests until the bell rings or so much time has passed, and says whether it rang.
    fn rest(&self, at_most: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        self.resting.fetch_add(1, Ordering::Relaxed);
        let (mut rung, _) = self
            .ringing
            .wait_timeout_while(rung, at_most, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        self.resting.fetch_sub(1, Ordering::Relaxed);
        std::mem::take(&mut *rung)
    }
}

/// Who sent a datagram of the batch, how long it is, and to which of our addresses it came.
struct Arrived {
    length: usize,
    client: Option<SockaddrStorage>,
    source: Option<Source>,
}

/// The address of ours that a reply must come from.
enum Source {
    V4(in_pktinfo),
    V6(in6_pktinfo),
}

/// What one thread receives into.
struct Hands {
    storage: Vec<u8>,
    headers: MultiHeaders<SockaddrStorage>,
}

impl Crew {
    fn new(socket: UdpSocket, door: Arc<dyn Door>) -> io::Result<Self> {
        let address = socket.local_addr()?.ip();
        match address {
            IpAddr::V4(address) if address.is_unspecified() => {
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?
            }
            IpAddr::V6(address) if address.is_unspecified() => {
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            }
            _ => {}
        }
        Ok(Self {
            socket,
            door,
            names_source: address.is_unspecified(),
            bell: Bell::default(),
        })
    }

    /// Goes on after a panic, which costs the datagrams of its batch: whoever found a request that brings one about
    /// shall not end the service with it.
    fn run_on(&self, duty: Duty, stop: &AtomicBool) {
        let run = || match duty {
            Duty::Receive => self.keep_receiving(stop),
            Duty::Help => self.keep_helping(stop),
        };
        while catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!("answering a datagram broke off by a panic");
        }
    }

    fn keep_receiving(&self, stop: &AtomicBool) {
        let mut hands = self.hands();
        while !stop.load(Ordering::Relaxed) {
            self.serve_batch(&mut hands, MsgFlags::MSG_WAITFORONE);
        }
    }

    fn keep_helping(&self, stop: &AtomicBool) {
        let mut hands = self.hands();
        while !stop.load(Ordering::Relaxed) {
            if self.bell.rest(STOP_CHECK) {
                while self.serve_batch(&mut hands, MsgFlags::MSG_DONTWAIT) > 0 {}
            }
        }
    }

    fn hands(&self) -> Hands {
        // The kernel shrinks the room for names and options to what the first datagram needed. All datagrams of
        // one socket need the same, so the headers serve for ever.
        let room = self.names_source.then(|| match self.socket.local_addr() {
            Ok(address) if address.is_ipv6() => cmsg_space!(in6_pktinfo),
            _ => cmsg_space!(in_pktinfo),
        });
        Hands {
            storage: vec![0_u8; DATAGRAM * BATCH],
            headers: MultiHeaders::preallocate(BATCH, room),
        }
    }

    /// Receives what is there and answers it; says how many requests that were.
    fn serve_batch(&self, hands: &mut Hands, wait: MsgFlags) -> usize {
        let Hands { storage, headers } = hands;
        let batch = match self.receive(headers, storage, wait) {
            Ok(batch) => batch,
            Err(Errno::EAGAIN | Errno::EINTR) => return 0,
            Err(error) => {
                // An ICMP error of an earlier reply: the socket is as good as before.
                tracing::debug!(%error, "receiving failed");
                return 0;
            }
        };
        if batch.len() == BATCH {
            self.bell.ring();
        }
        let now = door::now();
        let mut rng = rand::rng();
        for (arrived, bytes) in batch.iter().zip(storage.chunks_exact(DATAGRAM)) {
            let request = bytes.get(..arrived.length).unwrap_or_default();
            if let Some(client) = arrived.client.as_ref().and_then(socket_address) {
                let peer = door::peer(client.ip(), client.port(), Transport::Udp);
                self.send(arrived, &self.door.answer(request, now, &peer, &mut rng));
            }
        }
        self.door.batch_done();
        batch.len()
    }

    fn receive(
        &self,
        headers: &mut MultiHeaders<SockaddrStorage>,
        storage: &mut [u8],
        wait: MsgFlags,
    ) -> Result<Vec<Arrived>, Errno> {
        let mut slots: Vec<[IoSliceMut<'_>; 1]> = storage
            .chunks_exact_mut(DATAGRAM)
            .map(|bytes| [IoSliceMut::new(bytes)])
            .collect();
        let received = recvmmsg(
            self.socket.as_raw_fd(),
            headers,
            slots.iter_mut(),
            wait,
            None,
        )?;
        Ok(received.map(|message| self.arrived(&message)).collect())
    }

    fn arrived(&self, message: &RecvMsg<'_, '_, SockaddrStorage>) -> Arrived {
        let options = self.names_source.then(|| message.cmsgs().ok()).flatten();
        Arrived {
            length: message.bytes,
            client: message.address,
            source: options.and_then(|mut options| options.find_map(Source::of)),
        }
    }

    fn send(&self, arrived: &Arrived, reply: &[u8]) {
        if reply.is_empty() {
            return;
        }
        let parts = [IoSlice::new(reply)];
        let socket = self.socket.as_raw_fd();
        let client = arrived.client.as_ref();
        let sent = match &arrived.source {
            None => sendmsg(socket, &parts, &[], MsgFlags::empty(), client),
            Some(Source::V4(info)) => sendmsg(
                socket,
                &parts,
                &[ControlMessage::Ipv4PacketInfo(info)],
                MsgFlags::empty(),
                client,
            ),
            Some(Source::V6(info)) => sendmsg(
                socket,
                &parts,
                &[ControlMessage::Ipv6PacketInfo(info)],
                MsgFlags::empty(),
                client,
            ),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a reply could not be sent");
        }
    }
}

impl Source {
    fn of(option: ControlMessageOwned) -> Option<Self> {
        match option {
            // The route back is the kernel's choice, so the interface is left out.
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(Self::V4(in_pktinfo {
                ipi_ifindex: 0,
                ..info
            })),
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(Self::V6(info)),
            _ => None,
        }
    }
}

fn socket_address(name: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = name
        .as_sockaddr_in()
        .map(|name| SocketAddr::V4((*name).into()));
    v4.or_else(|| {
        name.as_sockaddr_in6()
            .map(|name| SocketAddr::V6((*name).into()))
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use kerbstone_kdc::Peer;
    use kerbstone_proto::time::Timestamp;
    use rand_core::CryptoRng;

    use super::*;

    /// Repeats what it is told, and has a fault.
    struct Faulty;

    impl Door for Faulty {
        fn answer(&self, request: &[u8], _: Timestamp, _: &Peer, _: &mut dyn CryptoRng) -> Vec<u8> {
            assert_ne!(request, b"fault", "the fault");
            request.to_vec()
        }

        fn too_long(&self, _: Timestamp) -> Vec<u8> {
            Vec::new()
        }

        fn batch_done(&self) {}

        fn is_slow(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_request_that_brings_a_panic_about_does_not_end_the_service() {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let door: Arc<dyn Door> = Arc::new(Faulty);
        let threads = serve(socket, &door, 2, &stop).unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let patience = Some(Duration::from_millis(500));
        client.set_read_timeout(patience).unwrap();
        client.send_to(b"fault", address).unwrap();
        let mut reply = [0; 16];
        // A datagram of the same batch may be lost with it.
        let served = (0..20).any(|_| {
            client.send_to(b"hello", address).unwrap();
            client.recv(&mut reply).is_ok()
        });
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(served);
        assert_eq!(&reply[..5], b"hello");
    }
}
