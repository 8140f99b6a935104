//! A request on its way to a back end, before it is known over which transport it goes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;

use crate::body::Body;
use crate::identity_headers::IdentityHeaders;
use crate::variables::Variable;

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientAddress {
    /// At an address and a port.
    Internet(SocketAddr),
    /// On this host, at the other end of a unix socket.
    Local,
}

impl ClientAddress {
    /// The address, an IPv4 one as such; that of the loopback for what comes over a unix socket.
    pub fn ip(&self) -> IpAddr {
        match self {
            Self::Internet(address) => address.ip().to_canonical(),
            Self::Local => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        }
    }
}

/// How the client reached the gateway.
#[derive(Clone, Debug)]
pub struct Front {
    /// Over TLS.
    pub is_https: bool,
    /// The host that the client named, perhaps with a port.
    pub host: HeaderValue,
    /// The port that it came to; none for a unix socket.
    pub port: Option<u16>,
    /// Where the application is mounted, when the path is rewritten: `/krb`, if `/krb/v3` is its `/v3`. Else empty.
    pub mount: String,
}

/// A request on its way to a back end.
#[derive(Debug)]
pub struct Outbound {
    /// Its head: the path as the back end knows it, `Host` as the client named it, `X-Forwarded-*` of ours. Headers that
    /// concern the client's connection are gone, and so is every header that says who somebody is.
    pub head: Parts,
    /// Its body.
    pub body: Body,
    /// What the back end is told about the person. No value has a control character in it.
    pub told: Vec<(Variable, String)>,
    /// Under which names, where it goes as headers.
    pub headers: Arc<IdentityHeaders>,
    /// Where the client is.
    pub client: ClientAddress,
    /// Who it is, for a pool that keeps people at one member.
    pub user: Option<String>,
    /// How it reached us.
    pub front: Front,
}
