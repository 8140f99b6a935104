//! What a pool is told to be.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::transport::{MemberAddress, Trust};

/// A pool: servers that stand for one another.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// What routes call it.
    pub name: String,
    /// The servers.
    pub members: Vec<MemberSettings>,
    /// Who of them gets a request that may go to any.
    pub balance: Balance,
    /// Whether somebody's requests go where the one before went.
    pub stickiness: Option<Stickiness>,
    /// How members are tried when nobody asks anything of them.
    pub check: Option<CheckSettings>,
    /// Requests under way at once, over all members.
    pub connections: Option<usize>,
    /// Requests that may wait for a place.
    pub queue: usize,
    /// How often a request is tried again after it has failed, at other members first.
    pub retries: u32,
    /// What becomes of connections after an answer.
    pub reuse: Reuse,
    /// How long each stage may take.
    pub timeouts: Timeouts,
}

/// A server in a pool.
#[derive(Clone, Debug)]
pub struct MemberSettings {
    /// What commands and reports call it.
    pub name: String,
    /// Where it is, and what is spoken there.
    pub address: MemberAddress,
    /// Whom one believes to be it, where TLS is spoken.
    pub trust: Option<Trust>,
    /// Its share of requests, from 1 to [`MemberSettings::MOST_WEIGHT`].
    pub weight: u16,
    /// Used when no other member can be.
    pub is_backup: bool,
    /// Requests under way at once.
    pub connections: Option<usize>,
}

/// Who gets a request that may go to any member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balance {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    /// Whoever has the fewest requests under way for its weight.
    LeastConnections,
}

/// Sends somebody's requests where the one before went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stickiness {
    /// Who is somebody.
    pub by: StickBy,
    /// How long it is remembered after the last request.
    pub expire: Duration,
    /// Of how many at most; who has not come for longest is forgotten first.
    pub entries: usize,
}

/// By what people are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StickBy {
    /// By their address.
    Source,
    /// By their name; by their address while it is not known.
    User,
}

/// How members are tried when nobody asks anything of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// What is tried.
    pub kind: CheckKind,
    /// Between two checks.
    pub interval: Duration,
    /// How much of the interval is left to chance, in percent, so that members are not all tried at once.
    pub jitter: u8,
    /// How long a check may take.
    pub timeout: Duration,
    /// Checks in a row that must pass before a member is up again.
    pub rise: u32,
    /// Checks in a row that must fail before it is down.
    pub fall: u32,
}

/// What a check tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// That somebody accepts connections.
    Tcp,
    /// That the TLS handshake succeeds.
    Tls,
    /// That a GET is answered with an expected status.
    Http {
        /// Path and query.
        path: String,
        /// The host that is asked for; the member's own without it.
        host: Option<String>,
        /// Statuses that are expected.
        expect: Vec<RangeInclusive<u16>>,
    },
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// It is closed.
    Never,
    /// It is kept for the next request, whoever's that is.
    Kept {
        /// How many are kept for each member and thread.
        most: usize,
        /// For how long.
        idle: Duration,
    },
}

/// How long each stage of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Waiting for a place at a member.
    pub queue: Duration,
    /// Connecting.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the end of the request, or of its last piece, to the head of the answer.
    pub answer: Duration,
    /// Between two pieces of the answer.
    pub between: Duration,
    /// While nothing moves after an upgrade.
    pub tunnel: Duration,
}

impl MemberSettings {
    /// The greatest weight.
    pub const MOST_WEIGHT: u16 = 256;
}

impl PoolSettings {
    /// A pool with everything as usual.
    pub fn new(name: impl Into<String>, members: Vec<MemberSettings>) -> Self {
        Self {
            name: name.into(),
            members,
            balance: Balance::default(),
            stickiness: None,
            check: None,
            connections: None,
            queue: 1024,
            retries: 3,
            reuse: Reuse::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl MemberSettings {
    /// A member of weight 1, named by its address.
    pub fn at(address: MemberAddress) -> Self {
        Self {
            name: address.to_string(),
            address,
            trust: None,
            weight: 1,
            is_backup: false,
            connections: None,
        }
    }
}

impl Default for Stickiness {
    fn default() -> Self {
        Self {
            by: StickBy::Source,
            expire: Duration::from_secs(30 * 60),
            entries: 20_000,
        }
    }
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            kind: CheckKind::Tcp,
            interval: Duration::from_secs(2),
            jitter: 10,
            timeout: Duration::from_secs(2),
            rise: 2,
            fall: 3,
        }
    }
}

impl Default for Reuse {
    fn default() -> Self {
        Self::Kept {
            most: 32,
            idle: Duration::from_secs(30),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            queue: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            between: Duration::from_secs(60),
            tunnel: Duration::from_secs(600),
        }
    }
}
