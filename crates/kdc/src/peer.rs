//! Who is at the other end of the wire.

use std::net::IpAddr;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A datagram; the reply must fit into one.
    Udp,
    /// A stream.
    Tcp,
    /// A socket of this host.
    Local,
}

impl Transport {
    /// The name in audit lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Local => "local",
        }
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address that addresses in tickets are compared with; none for a local socket.
    pub address: Option<IpAddr>,
    /// The port, for the audit.
    pub port: u16,
    /// How it came.
    pub transport: Transport,
}

impl Peer {
    /// A peer; an IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) becomes IPv4.
    pub fn new(address: Option<IpAddr>, port: u16, transport: Transport) -> Self {
        Self {
            address: address.map(|address| address.to_canonical()),
            port,
            transport,
        }
    }
}
