//! One request to one realm: which server is asked when, and what counts as an answer.
//!
//! The schedule is MIT's: every address gets a second before the next one is asked beside it, the other transport
//! follows, then two more passes with growing pauses. What differs: a server that refuses is left at once, and an address
//! that was dead a moment ago is asked last.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::KrbError;

/// How bytes travel to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// A stream with four octets of length before each message (RFC 4120 7.2.2).
    Tcp,
}

/// A server as configuration or DNS names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Host name or literal address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The only transport it speaks; both when absent.
    pub transport: Option<Transport>,
    /// Known to be the realm's primary, known not to be, or not known.
    pub primary: Option<bool>,
}

/// One address of one server over one transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Index of the server in the list that the exchange was made with.
    pub server: usize,
    /// Where to.
    pub address: SocketAddr,
    /// How.
    pub transport: Transport,
}

/// How one endpoint failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `host:port` as configured, and the address when one was found.
    pub place: String,
    /// What went wrong, in words.
    pub reason: String,
}

/// What the driver is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Find the addresses of a server, then call [`Exchange::resolved`].
    Resolve(usize),
    /// Send the request to this endpoint, again if it was sent before, and listen for its reply.
    Transmit {
        /// The name of this attempt in later calls.
        attempt: usize,
        /// Where and how.
        endpoint: Endpoint,
    },
    /// A reply came. The exchange is over.
    Done {
        /// The reply's bytes.
        reply: Vec<u8>,
        /// Who answered.
        endpoint: Endpoint,
    },
    /// Nobody answered. The exchange is over.
    Failed(Vec<Failure>),
}

/// Times and limits of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How long one endpoint is alone before the next is asked beside it.
    pub stagger: Duration,
    /// Requests longer than this start with TCP.
    pub udp_preference_limit: usize,
    /// An end to the whole exchange.
    pub request_timeout: Option<Duration>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            stagger: Duration::from_secs(1),
            udp_preference_limit: 1465,
            request_timeout: None,
        }
    }
}

/// No request longer than this goes over UDP, whatever the configuration says.
const HARD_UDP_LIMIT: usize = 32_700;
const PAUSES: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

#[derive(Debug)]
enum Planned {
    Resolve(usize),
    Contact(usize),
    Pause(Duration),
}

#[derive(Debug)]
struct Attempt {
    endpoint: Endpoint,
    started: bool,
    failure: Option<String>,
}

/// The machine: ask [`poll`](Self::poll) until it says nothing, then wait for a packet or for
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Exchange {
    servers: Vec<Server>,
    schedule: Schedule,
    first: Transport,
    udp_allowed: bool,
    suspects: HashSet<SocketAddr>,
    attempts: Vec<Attempt>,
    unresolved: Vec<Failure>,
    plan: VecDeque<Planned>,
    deferred: Vec<usize>,
    pass: usize,
    current: Option<usize>,
    resolving: bool,
    deadline: Option<Instant>,
    end: Option<Instant>,
    actions: VecDeque<Action>,
    answered: Option<SocketAddr>,
    over: bool,
}

impl Exchange {
    /// Plans how a request of `length` octets reaches one of `servers`; `suspects` are addresses that failed lately.
    pub fn new(
        servers: Vec<Server>,
        length: usize,
        schedule: Schedule,
        suspects: HashSet<SocketAddr>,
        now: Instant,
    ) -> Self {
        let first = if length > schedule.udp_preference_limit {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        let mut exchange = Self {
            plan: (0..servers.len()).map(Planned::Resolve).collect(),
            servers,
            schedule,
            first,
            udp_allowed: length <= HARD_UDP_LIMIT,
            suspects,
            attempts: Vec::new(),
            unresolved: Vec::new(),
            deferred: Vec::new(),
            pass: 0,
            current: None,
            resolving: false,
            deadline: None,
            end: schedule
                .request_timeout
                .and_then(|limit| now.checked_add(limit)),
            actions: VecDeque::new(),
            answered: None,
            over: false,
        };
        exchange.advance(now);
        exchange
    }

    /// The servers that the exchange was made with.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The address that answered.
    pub const fn answered(&self) -> Option<SocketAddr> {
        self.answered
    }

    /// The addresses that were asked and did not answer, or not with an answer.
    pub fn silent(&self) -> impl Iterator<Item = SocketAddr> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.started)
            .map(|attempt| attempt.endpoint.address)
            .filter(|address| Some(*address) != self.answered)
    }

    /// The next thing to do, if there is one now.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.deadline, self.end) {
            (Some(deadline), Some(end)) => Some(deadline.min(end)),
            (deadline, end) => deadline.or(end),
        }
    }

    /// Tells the addresses of a server, or why there are none.
    pub fn resolved(
        &mut self,
        server: usize,
        addresses: Result<Vec<SocketAddr>, String>,
        now: Instant,
    ) {
        self.resolving = false;
        let Some(known) = self.servers.get(server).cloned() else {
            return;
        };
        match addresses {
            Err(reason) => self.unresolved.push(Failure {
                place: format!("{}:{}", known.host, known.port),
                reason,
            }),
            Ok(addresses) => self.add_endpoints(server, &known, &addresses),
        }
        self.advance(now);
    }

    /// A reply came from an attempt.
    pub fn handle_reply(&mut self, attempt: usize, reply: Vec<u8>, now: Instant) {
        let Some(endpoint) = self.attempts.get(attempt).map(|a| a.endpoint.clone()) else {
            return;
        };
        match refusal(&reply) {
            Some(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG) if endpoint.transport == Transport::Udp => {
                self.switch_to_tcp(attempt, &endpoint, now);
            }
            Some(ErrorCode::KDC_ERR_SVC_UNAVAILABLE) => {
                self.handle_failure(attempt, "says that its service is unavailable", now);
            }
            _ => {
                self.answered = Some(endpoint.address);
                self.finish(Action::Done { reply, endpoint });
            }
        }
    }

    /// An attempt cannot succeed any more.
    pub fn handle_failure(&mut self, attempt: usize, reason: &str, now: Instant) {
        if let Some(failed) = self.attempts.get_mut(attempt) {
            failed.failure.get_or_insert_with(|| reason.to_owned());
        }
        if self.current == Some(attempt) || !self.any_alive() {
            self.advance(now);
        }
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.end.is_some_and(|end| now >= end) {
            return self.give_up();
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.advance(now);
        }
    }

    fn add_endpoints(&mut self, server: usize, known: &Server, addresses: &[SocketAddr]) {
        let transports: &[Transport] = match known.transport {
            Some(Transport::Udp) => &[Transport::Udp],
            Some(Transport::Tcp) => &[Transport::Tcp],
            None => &[Transport::Udp, Transport::Tcp],
        };
        let mut at_once = Vec::new();
        for &address in addresses {
            for &transport in transports {
                if transport == Transport::Udp && !self.udp_allowed {
                    continue;
                }
                let attempt = self.attempts.len();
                self.attempts.push(Attempt {
                    endpoint: Endpoint {
                        server,
                        address,
                        transport,
                    },
                    started: false,
                    failure: None,
                });
                let preferred = transport == self.first || known.transport.is_some();
                if preferred && !self.suspects.contains(&address) {
                    at_once.push(attempt);
                } else {
                    self.deferred.push(attempt);
                }
            }
        }
        for attempt in at_once.into_iter().rev() {
            self.plan.push_front(Planned::Contact(attempt));
        }
    }

    fn switch_to_tcp(&mut self, attempt: usize, endpoint: &Endpoint, now: Instant) {
        self.udp_allowed = false;
        let sibling = self.attempts.iter().position(|other| {
            other.endpoint.address == endpoint.address
                && other.endpoint.transport == Transport::Tcp
                && other.failure.is_none()
        });
        for other in &mut self.attempts {
            if other.endpoint.transport == Transport::Udp {
                other
                    .failure
                    .get_or_insert_with(|| "the reply is too big for UDP".to_owned());
            }
        }
        if let Some(sibling) = sibling {
            self.plan.push_front(Planned::Contact(sibling));
        }
        self.current = Some(attempt);
        self.advance(now);
    }

    fn advance(&mut self, now: Instant) {
        self.deadline = None;
        self.current = None;
        while !self.over && !self.resolving {
            match self.plan.pop_front() {
                Some(Planned::Resolve(server)) => {
                    self.resolving = true;
                    self.actions.push_back(Action::Resolve(server));
                }
                Some(Planned::Contact(attempt)) => {
                    if self.contact(attempt) {
                        self.deadline = now.checked_add(self.schedule.stagger);
                        return;
                    }
                }
                Some(Planned::Pause(pause)) => {
                    if self.any_alive() {
                        self.deadline = now.checked_add(pause);
                        return;
                    }
                }
                None => self.plan_next_pass(),
            }
        }
    }

    fn contact(&mut self, number: usize) -> bool {
        let Some(attempt) = self.attempts.get_mut(number) else {
            return false;
        };
        let repeated_stream = attempt.started && attempt.endpoint.transport == Transport::Tcp;
        if attempt.failure.is_some() || repeated_stream {
            return false;
        }
        attempt.started = true;
        self.actions.push_back(Action::Transmit {
            attempt: number,
            endpoint: attempt.endpoint.clone(),
        });
        self.current = Some(number);
        true
    }

    fn plan_next_pass(&mut self) {
        if !self.deferred.is_empty() {
            let deferred = std::mem::take(&mut self.deferred);
            self.plan.extend(deferred.into_iter().map(Planned::Contact));
            return;
        }
        let usable = self.attempts.iter().any(|a| a.failure.is_none());
        match PAUSES.get(self.pass) {
            Some(&pause) if usable => {
                self.plan.push_back(Planned::Pause(pause));
                self.pass = self.pass.saturating_add(1);
                if self.pass < PAUSES.len() {
                    self.plan
                        .extend((0..self.attempts.len()).map(Planned::Contact));
                }
            }
            _ => self.give_up(),
        }
    }

    fn any_alive(&self) -> bool {
        self.attempts
            .iter()
            .any(|a| a.started && a.failure.is_none())
    }

    fn give_up(&mut self) {
        let silent = "no answer".to_owned();
        let tried = self.attempts.iter().filter(|a| a.started).map(|a| Failure {
            place: format!(
                "{} ({})",
                a.endpoint.address,
                match a.endpoint.transport {
                    Transport::Udp => "udp",
                    Transport::Tcp => "tcp",
                }
            ),
            reason: a.failure.clone().unwrap_or_else(|| silent.clone()),
        });
        let failures = self.unresolved.iter().cloned().chain(tried).collect();
        self.finish(Action::Failed(failures));
    }

    fn finish(&mut self, last: Action) {
        if !self.over {
            self.over = true;
            self.deadline = None;
            self.end = None;
            self.actions.clear();
            self.actions.push_back(last);
        }
    }
}

/// The code of a KRB-ERROR that tells something about the transport or the server rather than about the request.
fn refusal(reply: &[u8]) -> Option<ErrorCode> {
    KrbError::from_der(reply).ok().map(|error| error.error_code)
}

#[cfg(test)]
mod tests;
