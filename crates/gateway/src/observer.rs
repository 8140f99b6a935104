//! What the gateway tells whoever keeps its books: one event for each request.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use kerbstone_proto::time::Timestamp;

/// Keeps the audit log and the counters.
pub trait Observer: Send + Sync + 'static {
    /// A request has been decided and its answer begun.
    fn decided(&self, event: &Event<'_>);

    /// A connection came to nothing before its first request.
    fn lost(&self, lost: Lost);
}

/// A request and what became of it. Nothing in it is secret: neither queries nor tokens.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// When it came.
    pub at: Timestamp,
    /// Who sent it.
    pub client: IpAddr,
    /// What for.
    pub method: &'a Method,
    /// Its path, without the query.
    pub path: &'a str,
    /// The entry point, if there is one.
    pub entry_point: Option<&'a str>,
    /// What was decided.
    pub outcome: Outcome,
    /// Why, where there is something to say.
    pub why: Option<&'a str>,
    /// The principal, if it has been proved.
    pub principal: Option<&'a str>,
    /// How the back end knows them.
    pub user: Option<&'a str>,
    /// Identity headers that the client had set, and that were taken away.
    pub forged_headers: usize,
    /// The answer's status.
    pub status: StatusCode,
    /// From the request's headers to the answer's.
    pub took: Duration,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Somebody known came in.
    Admitted,
    /// Nobody was asked.
    Open,
    /// There was no proof: it was asked for.
    Asked,
    /// There was a proof, and it was not accepted.
    Refused,
    /// The proof was accepted, and that person may not come in.
    Denied,
    /// The request made no sense, or there is nothing at its path.
    Misdirected,
    /// What is behind the entry point did not answer.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Admitted,
        Self::Open,
        Self::Asked,
        Self::Refused,
        Self::Denied,
        Self::Misdirected,
        Self::Failed,
    ];

    /// For logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Open => "open",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Misdirected => "misdirected",
            Self::Failed => "failed",
        }
    }
}

/// Why a connection came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lost {
    /// There were too many.
    TooMany,
    /// The handshake failed.
    Handshake,
    /// The handshake took too long.
    HandshakeTooSlow,
}

impl Lost {
    /// For logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Handshake => "handshake",
            Self::HandshakeTooSlow => "handshake_too_slow",
        }
    }
}
