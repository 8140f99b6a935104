use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use kerbstone_client::exchange::Transport;
use rand::rngs::StdRng;

use super::Conditions;

/// Which attempt of which exchange a packet belongs to, as ports tell real hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    pub(super) exchange: u64,
    pub(super) attempt: usize,
}

/// What a packet brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Payload {
    Request(Vec<u8>),
    Reply(Vec<u8>),
    /// Nobody listens there (ICMP, or a reset).
    Refused,
}

/// Something under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packet {
    pub(super) flow: Flow,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) stream: bool,
    pub(super) payload: Payload,
}

impl Packet {
    /// The packet that goes back.
    pub(super) fn answered(&self, payload: Payload) -> Self {
        Self {
            flow: self.flow,
            from: self.to,
            to: self.from,
            stream: self.stream,
            payload,
        }
    }

    pub(super) const fn transport(&self) -> Transport {
        if self.stream {
            Transport::Tcp
        } else {
            Transport::Udp
        }
    }
}

/// Packets that are due at some time, earliest first; those of the same moment in the order of sending.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) conditions: Conditions,
    chance: StdRng,
    under_way: BinaryHeap<Reverse<(Duration, u64, Packet)>>,
    sent: u64,
}

impl Network {
    pub(super) const fn new(chance: StdRng) -> Self {
        Self {
            conditions: Conditions::CALM,
            chance,
            under_way: BinaryHeap::new(),
            sent: 0,
        }
    }

    /// Sends a packet and says how many copies of it will arrive.
    pub(super) fn send(&mut self, at: Duration, packet: &Packet) -> usize {
        let latencies = match (packet.stream, self.conditions.streams) {
            // The kernel repeats what is lost; what remains is a handshake and the data.
            (true, true) => vec![self.conditions.delay(&mut self.chance).saturating_mul(2)],
            (true, false) => Vec::new(),
            (false, _) => self.conditions.fate(&mut self.chance),
        };
        for latency in &latencies {
            self.sent += 1;
            let due = at.saturating_add(*latency);
            self.under_way
                .push(Reverse((due, self.sent, packet.clone())));
        }
        latencies.len()
    }

    /// When the next packet arrives.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.under_way.peek().map(|Reverse((due, _, _))| *due)
    }

    pub(super) fn take(&mut self) -> Option<Packet> {
        self.under_way.pop().map(|Reverse((_, _, packet))| packet)
    }
}
