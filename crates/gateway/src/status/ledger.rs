//! Everything that is counted, and the last ten minutes of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use super::counts::{Counts, Totals};
use super::history::{History, Reading};
use crate::observer::{Event, Lost, Outcome, SessionStep};
use crate::pool::PoolReport;

/// Entry points that are told apart, over all settings that a process has had; further ones are counted together.
const MOST_ROUTES: usize = 4096;
/// The same for reasons, which are words of ours.
const MOST_REASONS: usize = 256;

type Routes = HashMap<Arc<str>, Arc<Counts>>;

/// The counters of a gateway.
#[derive(Debug)]
pub struct Ledger {
    opened: SystemTime,
    routes: ArcSwap<Routes>,
    /// Of requests that belong to no entry point.
    elsewhere: Arc<Counts>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    sessions: [AtomicU64; SessionStep::ALL.len()],
    lost: [AtomicU64; Lost::ALL.len()],
    forged_headers: AtomicU64,
    connections: AtomicU64,
    accepted: AtomicU64,
    past: Mutex<Past>,
}

/// The last ten minutes.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) all: History,
    pub(super) routes: HashMap<Arc<str>, History>,
    pub(super) members: HashMap<(String, String), History>,
}

/// A reading of everything that is counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By entry point, in the order of their names.
    pub routes: Vec<(Arc<str>, Totals)>,
    /// Of requests that belong to none.
    pub elsewhere: Totals,
    /// Refusals by reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// What became of sessions, in the order of [`SessionStep::ALL`].
    pub sessions: [u64; SessionStep::ALL.len()],
    /// Connections that came to nothing, in the order of [`Lost::ALL`].
    pub lost: [u64; Lost::ALL.len()],
    /// Identity headers that clients had set.
    pub forged_headers: u64,
    /// Connections that are open.
    pub connections: u64,
    /// Connections that were ever opened.
    pub accepted: u64,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Ledger>);

impl Ledger {
    /// Nothing has been counted yet.
    pub fn new(opened: SystemTime) -> Self {
        Self {
            opened,
            routes: ArcSwap::default(),
            elsewhere: Arc::default(),
            refusals: Mutex::default(),
            sessions: Default::default(),
            lost: Default::default(),
            forged_headers: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            past: Mutex::default(),
        }
    }

    /// Since when it counts.
    pub const fn opened(&self) -> SystemTime {
        self.opened
    }

    /// Counts a request, and returns the counters that the rest of it belongs to.
    pub fn decided(&self, event: &Event<'_>) -> Arc<Counts> {
        let counts = self.counts(event.entry_point);
        counts.decided(event.way, event.outcome, event.took);
        if let Some(reason) = event.reason {
            self.refused(reason);
        }
        if let Some(step) = event.session {
            increment(&self.sessions, step as usize);
        }
        if event.forged_headers > 0 {
            let forged = u64::try_from(event.forged_headers).unwrap_or(u64::MAX);
            self.forged_headers.fetch_add(forged, Ordering::Relaxed);
        }
        counts
    }

    /// Counts a connection that came to nothing.
    pub fn lost(&self, lost: Lost) {
        increment(&self.lost, lost as usize);
    }

    /// Counts a connection as open until what is returned is dropped.
    pub(crate) fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// Everything, added up.
    pub fn tally(&self) -> Tally {
        let routes = self.routes.load();
        let mut routes: Vec<_> = routes
            .iter()
            .map(|(label, counts)| (Arc::clone(label), counts.totals()))
            .collect();
        routes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            routes,
            elsewhere: self.elsewhere.totals(),
            refusals: lock(&self.refusals).clone(),
            sessions: self.sessions.each_ref().map(read),
            lost: self.lost.each_ref().map(read),
            forged_headers: read(&self.forged_headers),
            connections: read(&self.connections),
            accepted: read(&self.accepted),
        }
    }

    /// Writes down what has come since the last reading: to be called once a second.
    pub fn read(&self, pools: &[PoolReport], now: SystemTime) {
        let tally = self.tally();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut past = lock(&self.past);
        past.all.write(second, reading(&tally.all()));
        for (label, totals) in &tally.routes {
            let history = past.routes.entry(Arc::clone(label)).or_default();
            history.write(second, reading(totals));
        }
        let members: HashMap<(String, String), Reading> = pools
            .iter()
            .flat_map(|pool| {
                pool.members.iter().map(|member| {
                    let reading = Reading {
                        requests: member.served.saturating_add(member.failed),
                        refused: 0,
                        failed: member.failed,
                    };
                    ((pool.name.clone(), member.name.clone()), reading)
                })
            })
            .collect();
        past.members
            .retain(|member, _| members.contains_key(member));
        for (member, reading) in members {
            let history = past.members.entry(member);
            let history = history.or_insert_with(|| History::beginning_with(reading));
            history.write(second, reading);
        }
    }

    pub(super) fn past(&self) -> MutexGuard<'_, Past> {
        lock(&self.past)
    }

    /// For how long it has counted.
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.opened).unwrap_or_default()
    }

    fn counts(&self, label: Option<&str>) -> Arc<Counts> {
        let Some(label) = label else {
            return Arc::clone(&self.elsewhere);
        };
        if let Some(counts) = self.routes.load().get(label) {
            return Arc::clone(counts);
        }
        self.routes.rcu(|routes| {
            let mut routes = Routes::clone(routes);
            if routes.len() < MOST_ROUTES {
                routes.entry(label.into()).or_default();
            }
            routes
        });
        let routes = self.routes.load();
        Arc::clone(routes.get(label).unwrap_or(&self.elsewhere))
    }

    fn refused(&self, reason: &'static str) {
        let mut refusals = lock(&self.refusals);
        if refusals.len() < MOST_REASONS || refusals.contains_key(reason) {
            let count = refusals.entry(reason).or_default();
            *count = count.saturating_add(1);
        }
    }
}

impl Tally {
    /// All entry points together, and what belonged to none.
    pub fn all(&self) -> Totals {
        let mut all = self.elsewhere.clone();
        for (_, totals) in &self.routes {
            all.join(totals);
        }
        all
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn reading(totals: &Totals) -> Reading {
    let of = |outcomes: &[Outcome]| {
        outcomes
            .iter()
            .map(|outcome| totals.outcome(*outcome))
            .sum()
    };
    Reading {
        requests: totals.requests(),
        refused: of(&[Outcome::Refused, Outcome::Denied, Outcome::Limited]),
        failed: of(&[Outcome::Failed]),
    }
}

fn increment(counts: &[AtomicU64], at: usize) {
    if let Some(count) = counts.get(at) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests {
    use http::{Method, StatusCode};
    use kerbstone_proto::time::{KerberosTime, Timestamp};

    use super::*;
    use crate::way::Way;

    pub(crate) fn event(entry_point: &str, outcome: Outcome) -> Event<'_> {
        Event {
            at: Timestamp::new(KerberosTime::from_unix(0), 0),
            client: "192.0.2.7".parse().unwrap(),
            method: &Method::GET,
            path: "/",
            entry_point: Some(entry_point),
            way: Some(Way::Negotiate),
            outcome,
            why: None,
            reason: (outcome == Outcome::Refused).then_some("replay"),
            principal: None,
            user: None,
            forged_headers: 1,
            session: Some(SessionStep::Begun),
            served_by: None,
            status: StatusCode::OK,
            took: Duration::from_micros(20),
        }
    }

    #[test]
    fn entry_points_are_counted_apart_and_together() {
        let ledger = Ledger::new(UNIX_EPOCH);
        ledger.decided(&event("/app", Outcome::Admitted));
        ledger.decided(&event("/app", Outcome::Refused));
        ledger.decided(&event("/other", Outcome::Failed));
        ledger.decided(&Event {
            entry_point: None,
            way: None,
            ..event("", Outcome::Misdirected)
        });
        let tally = ledger.tally();
        let labels: Vec<&str> = tally.routes.iter().map(|(label, _)| &**label).collect();
        assert_eq!(labels, ["/app", "/other"]);
        assert_eq!(tally.routes[0].1.requests(), 2);
        assert_eq!(tally.all().requests(), 4);
        assert_eq!(tally.refusals, BTreeMap::from([("replay", 1)]));
        assert_eq!(tally.sessions, [4, 0, 0, 0]);
        assert_eq!(tally.forged_headers, 4);
    }

    #[test]
    fn a_reading_each_second_makes_the_last_ten_minutes() {
        let ledger = Ledger::new(UNIX_EPOCH);
        for second in 1..=3 {
            ledger.decided(&event("/app", Outcome::Admitted));
            ledger.read(&[], UNIX_EPOCH + Duration::from_secs(second));
        }
        let past = ledger.past();
        assert!((past.routes["/app"].rate(3, |second| second.requests) - 1.0).abs() < 1e-9);
        assert!((past.all.rate(3, |second| second.requests) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn connections_are_counted_while_they_are_open() {
        let ledger = Arc::new(Ledger::new(UNIX_EPOCH));
        let (one, _other) = (ledger.connected(), ledger.connected());
        drop(one);
        let tally = ledger.tally();
        assert_eq!((tally.connections, tally.accepted), (1, 2));
    }
}
