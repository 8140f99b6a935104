//! What the gateway tells whoever keeps its books: one event for each request, and one for what administrators do.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode, Version};
use kerbstone_proto::time::Timestamp;

use crate::way::Way;

/// Keeps the audit log and the counters.
pub trait Observer: Send + Sync + 'static {
    /// A request has been decided and its answer begun.
    fn decided(&self, event: &Event<'_>);

    /// A connection came to nothing before its first request.
    fn lost(&self, lost: Lost);

    /// A client's certificate was not taken, and with that the handshake has ended.
    fn certificate_refused(&self, refused: &CertificateRefused<'_>) {
        let _nobody_writes_it_down = refused;
    }

    /// Whether [`Observer::ended`] does anything: what it is told costs a copy of each request's line.
    fn wants_ends(&self) -> bool {
        false
    }

    /// The whole answer has been sent, or was given up.
    fn ended(&self, exchange: &Exchanged<'_>) {
        let _nobody_writes_it_down = exchange;
    }

    /// A member of a pool has changed its state.
    fn member_changed(&self, change: &MemberChange<'_>) {
        let _nobody_writes_it_down = change;
    }

    /// Somebody has given an order over the control socket.
    fn commanded(&self, command: &Commanded<'_>) {
        let _nobody_writes_it_down = command;
    }
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
    /// The way by which it was tried, as far as one decided.
    pub way: Option<Way>,
    /// What was decided.
    pub outcome: Outcome,
    /// Why, where there is something to say.
    pub why: Option<&'a str>,
    /// The same in one of a few words, for counting.
    pub reason: Option<&'static str>,
    /// The principal, if it has been proved.
    pub principal: Option<&'a str>,
    /// How the back end knows them.
    pub user: Option<&'a str>,
    /// Identity headers that the client had set, and that were taken away.
    pub forged_headers: usize,
    /// What became of the person's session by this request.
    pub session: Option<SessionStep>,
    /// Who answered behind the gateway.
    pub served_by: Option<ServedBy<'a>>,
    /// The answer's status.
    pub status: StatusCode,
    /// From the request's headers to the answer's.
    pub took: Duration,
}

/// The member of a pool that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedBy<'a> {
    /// The pool.
    pub pool: &'a str,
    /// Its member.
    pub member: &'a str,
    /// How often it had been tried in vain before, elsewhere or there.
    pub retries: u32,
}

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionStep {
    /// It began.
    Begun,
    /// It was gone on with.
    Used,
    /// The person signed out.
    Ended,
    /// A cookie came that opens no session, or one that is over.
    Void,
}

impl SessionStep {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Begun, Self::Used, Self::Ended, Self::Void];

    /// For logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Used => "used",
            Self::Ended => "ended",
            Self::Void => "void",
        }
    }
}

/// A request with its whole answer, for an access log.
#[derive(Clone, Debug)]
pub struct Exchanged<'a> {
    /// When it came.
    pub at: Timestamp,
    /// Who sent it.
    pub client: IpAddr,
    /// As whom.
    pub user: Option<&'a str>,
    /// What for.
    pub method: &'a Method,
    /// Its path, without the query.
    pub path: &'a str,
    /// The HTTP that it came by.
    pub version: Version,
    /// The host that it named.
    pub host: Option<&'a str>,
    /// The page from which it came, without the query.
    pub referer: Option<&'a str>,
    /// The program that sent it, in its own words.
    pub user_agent: Option<&'a str>,
    /// The entry point, if there is one.
    pub entry_point: Option<&'a str>,
    /// The pool and the member that answered.
    pub served_by: Option<ServedBy<'a>>,
    /// The answer's status.
    pub status: StatusCode,
    /// Octets of its body.
    pub octets_in: u64,
    /// Octets of the answer's body that were sent.
    pub octets_out: u64,
    /// Whether the answer ended where it should.
    pub is_whole: bool,
    /// From the request's headers to the answer's end.
    pub took: Duration,
}

/// A member of a pool is in another state.
#[derive(Clone, Copy, Debug)]
pub struct MemberChange<'a> {
    /// When.
    pub at: Timestamp,
    /// The pool.
    pub pool: &'a str,
    /// Its member.
    pub member: &'a str,
    /// The state that it is in from now on.
    pub state: &'a str,
    /// Why.
    pub why: &'a str,
}

/// An order over the control socket.
#[derive(Clone, Copy, Debug)]
pub struct Commanded<'a> {
    /// When.
    pub at: Timestamp,
    /// Who, by the number of their user.
    pub uid: u32,
    /// What.
    pub order: &'a str,
    /// Whether it was carried out, and why not.
    pub refused: Option<&'a str>,
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
    /// They asked too often.
    Limited,
    /// The request made no sense, or there is nothing at its path.
    Misdirected,
    /// What is behind the entry point did not answer.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Admitted,
        Self::Open,
        Self::Asked,
        Self::Refused,
        Self::Denied,
        Self::Limited,
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
            Self::Limited => "limited",
            Self::Misdirected => "misdirected",
            Self::Failed => "failed",
        }
    }
}

/// A client's certificate that was not taken: expired, revoked, somebody else's, or missing where it is required.
#[derive(Clone, Copy, Debug)]
pub struct CertificateRefused<'a> {
    /// When.
    pub at: Timestamp,
    /// Who showed it.
    pub client: IpAddr,
    /// At which listener.
    pub listener: &'a str,
    /// What was wrong with it.
    pub why: &'a str,
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TooMany, Self::Handshake, Self::HandshakeTooSlow];

    /// For logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Handshake => "handshake",
            Self::HandshakeTooSlow => "handshake_too_slow",
        }
    }
}
