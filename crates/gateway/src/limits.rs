//! What one client may cost.

use std::time::Duration;

/// Deadlines and bounds of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; further ones are closed unread.
    pub connections: usize,
    /// Of them, those from one address (of IPv6, one network of 64 bits).
    pub connections_per_client: usize,
    /// Requests at once over one connection (HTTP/2).
    pub streams: u32,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time in which the headers of a request must come, from their first octet on.
    pub headers: Duration,
    /// Time after which a connection without a request is closed.
    pub idle: Duration,
    /// Time in which the next piece of a body must come, or be taken.
    pub body: Duration,
    /// Time after which an upgraded connection (a websocket) is closed in which nothing moves.
    pub tunnel: Duration,
    /// Time for connecting to a back end.
    pub connect: Duration,
    /// Time in which a back end must begin to answer.
    pub answer: Duration,
    /// Time that requests have to finish when the gateway is told to stop.
    pub stop: Duration,
    /// Octets of a request's line and headers together, `Authorization` apart.
    pub header_octets: u32,
    /// Octets of `Authorization`.
    pub authorization_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_client: 20_000,
            streams: 100,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(20),
            idle: Duration::from_secs(60),
            body: Duration::from_secs(60),
            tunnel: Duration::from_secs(600),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            stop: Duration::from_secs(10),
            header_octets: 16 << 10,
            authorization_octets: 68 << 10,
        }
    }
}

impl Limits {
    /// Octets of a head that are read at all. A head that is somewhat too long is read to its end, so that its sender
    /// gets a page that says so.
    pub(crate) fn head_octets(&self) -> u32 {
        let authorization = u32::try_from(self.authorization_octets).unwrap_or(u32::MAX);
        let excess = self.header_octets.max(16 << 10);
        self.header_octets
            .saturating_add(authorization)
            .saturating_add(excess)
    }
}
