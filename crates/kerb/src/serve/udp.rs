//! UDP: threads that share one address (SO_REUSEPORT), each receiving in batches and answering in place.
//!
//! The answer is a plain function of the request, so nothing here waits but the one call that receives.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
const BATCH: usize = 16;
/// Room for bursts while a thread is busy.
const RECEIVE_BUFFER: usize = 4 << 20;
/// How long a thread sleeps at most before it looks whether it is to stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

/// Binds `count` sockets to one address, so that the kernel spreads the clients over them.
///
/// # Errors
/// The system's, when the address is taken or may not be had.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    (0..count.max(1)).map(|_| bind_one(address)).collect()
}

fn bind_one(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    socket.set_read_timeout(Some(STOP_CHECK))?;
    // A system with a lower limit gives what it has.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Starts the thread that serves one socket until `stop` is set.
///
/// # Errors
/// The system's, when the socket's options or the thread cannot be had.
pub(crate) fn serve(
    socket: UdpSocket,
    door: Arc<dyn Door>,
    stop: Arc<AtomicBool>,
) -> io::Result<JoinHandle<()>> {
    let worker = Worker::new(socket, door)?;
    thread::Builder::new()
        .name("udp".to_owned())
        .spawn(move || worker.run_on(&stop))
}

struct Worker {
    socket: UdpSocket,
    door: Arc<dyn Door>,
    /// Whether the socket has every address of the host, so that each reply must name the one that was asked:
    /// clients with connected sockets take it from no other.
    names_source: bool,
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

impl Worker {
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
        })
    }

    /// Goes on after a panic, which costs the datagrams of its batch: whoever found a request that brings one about
    /// shall not end the service with it.
    fn run_on(&self, stop: &AtomicBool) {
        while catch_unwind(AssertUnwindSafe(|| self.run(stop))).is_err() {
            tracing::error!("answering a datagram broke off by a panic");
        }
    }

    fn run(&self, stop: &AtomicBool) {
        let mut storage = vec![0_u8; DATAGRAM * BATCH];
        // The kernel shrinks the room for names and options to what the first datagram needed. All datagrams of
        // one socket need the same, so the headers serve for ever.
        let room = self.names_source.then(|| match self.socket.local_addr() {
            Ok(address) if address.is_ipv6() => cmsg_space!(in6_pktinfo),
            _ => cmsg_space!(in_pktinfo),
        });
        let mut headers = MultiHeaders::preallocate(BATCH, room);
        let mut rng = rand::rng();
        while !stop.load(Ordering::Relaxed) {
            match self.receive(&mut headers, &mut storage) {
                Ok(batch) => {
                    let now = door::now();
                    for (arrived, bytes) in batch.iter().zip(storage.chunks_exact(DATAGRAM)) {
                        let request = bytes.get(..arrived.length).unwrap_or_default();
                        if let Some(client) = arrived.client.as_ref().and_then(socket_address) {
                            let peer = door::peer(client.ip(), client.port(), Transport::Udp);
                            self.send(arrived, &self.door.answer(request, now, &peer, &mut rng));
                        }
                    }
                    self.door.batch_done();
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                // An ICMP error of an earlier reply: the socket is as good as before.
                Err(error) => tracing::debug!(%error, "receiving failed"),
            }
        }
    }

    /// Waits for a datagram and takes what else is there.
    fn receive(
        &self,
        headers: &mut MultiHeaders<SockaddrStorage>,
        storage: &mut [u8],
    ) -> Result<Vec<Arrived>, Errno> {
        let mut slots: Vec<[IoSliceMut<'_>; 1]> = storage
            .chunks_exact_mut(DATAGRAM)
            .map(|bytes| [IoSliceMut::new(bytes)])
            .collect();
        let received = recvmmsg(
            self.socket.as_raw_fd(),
            headers,
            slots.iter_mut(),
            MsgFlags::MSG_WAITFORONE,
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
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap().remove(0);
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = serve(socket, Arc::new(Faulty), Arc::clone(&stop)).unwrap();
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
        thread.join().unwrap();
        assert!(served);
        assert_eq!(&reply[..5], b"hello");
    }
}
