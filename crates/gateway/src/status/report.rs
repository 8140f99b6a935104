//! The status as values: what the page shows and the JSON says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_proto::time::KerberosTime;
use serde::Serialize;

use super::counts::{Totals, ways};
use super::history::{History, Second};
use super::ledger::{Ledger, Past, Tally};
use super::memory;
use super::sparkline::Sparkline;
use super::took::Took;
use super::words;
use crate::observer::{Lost, Outcome, SessionStep};
use crate::pool::{MemberReport, PoolReport};
use crate::way::Way;

/// Over how many seconds a rate of now is taken.
const NOW: usize = 10;
/// Columns of a chart: ten seconds each.
const COLUMNS: usize = 60;
/// Outcomes that are somebody's refusal, and those that are nobody's answer.
const REFUSALS: [&str; 3] = [
    Outcome::Refused.name(),
    Outcome::Denied.name(),
    Outcome::Limited.name(),
];
const FAILURES: [&str; 1] = [Outcome::Failed.name()];
/// A certificate that ends sooner than that is worth a warning.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// What the counters do not know.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The entry points, in the order in which they shall be shown.
    pub routes: Vec<RouteFacts>,
    /// The pools as they are now.
    pub pools: Vec<PoolReport>,
    /// Where the gateway is reached.
    pub listeners: Vec<ListenerFacts>,
    /// Who looks, if it is known.
    pub viewer: Option<String>,
}

/// An entry point as the settings have it.
#[derive(Clone, Debug)]
pub struct RouteFacts {
    /// What it is called in books.
    pub label: Arc<str>,
    /// By which ways people come in.
    pub ways: Vec<Way>,
    /// What is behind it, in words.
    pub leads_to: String,
}

/// Where the gateway is reached.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// What the settings call it.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether clients' certificates are asked for; `None` without TLS.
    pub client_certificates: Option<&'static str>,
    /// When its certificate ends.
    pub certificate_ends: Option<KerberosTime>,
}

/// The gateway as it is now.
#[derive(Debug, Serialize)]
pub struct Status {
    version: &'static str,
    at: String,
    since: String,
    uptime_seconds: u64,
    memory_octets: Option<u64>,
    connections: u64,
    connections_accepted: u64,
    connections_lost: BTreeMap<&'static str, u64>,
    requests: u64,
    requests_per_second: f64,
    refused_per_second: f64,
    failed_per_second: f64,
    octets_in: u64,
    octets_out: u64,
    latency: Latency,
    outcomes: BTreeMap<&'static str, u64>,
    refusals: BTreeMap<&'static str, u64>,
    forged_headers: u64,
    sessions: BTreeMap<&'static str, u64>,
    listeners: Vec<ListenerStatus>,
    routes: Vec<RouteStatus>,
    pools: Vec<PoolStatus>,
    history: Chart,
    #[serde(skip)]
    viewer: Option<String>,
}

/// Within which time answers began, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    half: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// An entry point as it is now.
#[derive(Debug, Serialize)]
pub struct RouteStatus {
    label: String,
    ways: Vec<&'static str>,
    leads_to: String,
    requests: u64,
    requests_per_second: f64,
    latency: Latency,
    octets_in: u64,
    octets_out: u64,
    outcomes: BTreeMap<&'static str, u64>,
    by_way: BTreeMap<&'static str, u64>,
    history: Chart,
}

/// A pool as it is now.
#[derive(Debug, Serialize)]
pub struct PoolStatus {
    name: String,
    balance: &'static str,
    current: usize,
    queued: usize,
    turned_away: u64,
    sticky: usize,
    members: Vec<MemberStatus>,
}

/// A member of a pool as it is now.
#[derive(Debug, Serialize)]
pub struct MemberStatus {
    name: String,
    address: String,
    state: &'static str,
    since: String,
    seconds: u64,
    why: String,
    weight: u16,
    backup: bool,
    current: usize,
    most: Option<usize>,
    idle: usize,
    served: u64,
    failed: u64,
    retried: u64,
    connected: u64,
    checks_passed: u64,
    checks_failed: u64,
    check_seconds: Option<f64>,
    check_fault: Option<String>,
    requests_per_second: f64,
    history: Chart,
}

/// Where the gateway is reached, and until when it may show its certificate.
#[derive(Debug, Serialize)]
pub struct ListenerStatus {
    name: String,
    addresses: Vec<String>,
    client_certificates: Option<&'static str>,
    certificate_ends: Option<String>,
    seconds_left: Option<u64>,
}

/// The last ten minutes, in columns of ten seconds, the oldest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chart {
    column_seconds: u64,
    requests: Vec<u32>,
    refused: Vec<u32>,
    failed: Vec<u32>,
}

impl Status {
    /// What the ledger has counted, beside what the counters do not know.
    pub fn of(ledger: &Ledger, facts: Facts, now: SystemTime) -> Self {
        let tally = ledger.tally();
        let past = ledger.past();
        let all = tally.all();
        let rate = |of: fn(&Second) -> u32| past.all.rate(NOW, of);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            at: stamp(now),
            since: stamp(ledger.opened()),
            uptime_seconds: ledger.age(now).as_secs(),
            memory_octets: memory::resident(),
            connections: tally.connections,
            connections_accepted: tally.accepted,
            connections_lost: named(Lost::ALL.map(Lost::name), &tally.lost),
            requests: all.requests(),
            requests_per_second: rate(|second| second.requests),
            refused_per_second: rate(|second| second.refused),
            failed_per_second: rate(|second| second.failed),
            octets_in: all.octets_in,
            octets_out: all.octets_out,
            latency: Latency::of(&all.took),
            outcomes: outcomes(&all),
            refusals: tally.refusals.clone(),
            forged_headers: tally.forged_headers,
            sessions: named(SessionStep::ALL.map(SessionStep::name), &tally.sessions),
            listeners: facts
                .listeners
                .into_iter()
                .map(|listener| ListenerStatus::of(listener, now))
                .collect(),
            routes: facts
                .routes
                .into_iter()
                .map(|route| RouteStatus::of(route, &tally, &past))
                .collect(),
            pools: facts
                .pools
                .into_iter()
                .map(|pool| PoolStatus::of(pool, &past, now))
                .collect(),
            history: Chart::of(&past.all),
            viewer: facts.viewer,
        }
    }
}

impl Status {
    /// The pools alone.
    pub fn into_pools(self) -> Vec<PoolStatus> {
        self.pools
    }
}

impl ListenerFacts {
    /// Until its certificate ends, in seconds.
    pub fn seconds_left(&self, now: SystemTime) -> Option<u64> {
        let left = self.certificate_ends?.duration_since(time(now));
        Some(left.as_secs())
    }
}

impl Latency {
    fn of(took: &Took) -> Self {
        let seconds = |thousandths| took.within(thousandths).map(|took| took.as_secs_f64());
        Self {
            half: seconds(500),
            p95: seconds(950),
            p99: seconds(990),
        }
    }
}

impl RouteStatus {
    fn of(facts: RouteFacts, tally: &Tally, past: &Past) -> Self {
        let none = Totals::default();
        let found = tally.routes.iter().find(|(label, _)| *label == facts.label);
        let totals = found.map_or(&none, |(_, totals)| totals);
        let empty = History::default();
        let history = past.routes.get(&facts.label).unwrap_or(&empty);
        let by_way = ways().map(|way| (way.map_or("undecided", Way::name), totals.way(way)));
        Self {
            label: facts.label.to_string(),
            ways: facts.ways.into_iter().map(Way::name).collect(),
            leads_to: facts.leads_to,
            requests: totals.requests(),
            requests_per_second: history.rate(NOW, |second| second.requests),
            latency: Latency::of(&totals.took),
            octets_in: totals.octets_in,
            octets_out: totals.octets_out,
            outcomes: outcomes(totals),
            by_way: by_way.filter(|(_, count)| *count > 0).collect(),
            history: Chart::of(history),
        }
    }
}

impl PoolStatus {
    fn of(report: PoolReport, past: &Past, now: SystemTime) -> Self {
        let PoolReport {
            name,
            balance,
            members,
            current,
            queued,
            turned_away,
            sticky,
        } = report;
        let members = members.into_iter().map(|member| {
            let empty = History::default();
            let history = past.members.get(&(name.clone(), member.name.clone()));
            MemberStatus::of(member, history.unwrap_or(&empty), now)
        });
        Self {
            members: members.collect(),
            name,
            balance,
            current,
            queued,
            turned_away,
            sticky,
        }
    }
}

impl MemberStatus {
    fn of(report: MemberReport, history: &History, now: SystemTime) -> Self {
        Self {
            state: report.state.name(),
            since: stamp(report.since),
            seconds: now
                .duration_since(report.since)
                .unwrap_or_default()
                .as_secs(),
            name: report.name,
            address: report.address,
            why: report.why,
            weight: report.weight,
            backup: report.is_backup,
            current: report.current,
            most: report.most,
            idle: report.idle,
            served: report.served,
            failed: report.failed,
            retried: report.retried,
            connected: report.connected,
            checks_passed: report.checks.passed,
            checks_failed: report.checks.failed,
            check_seconds: report.checks.took.map(|took| took.as_secs_f64()),
            check_fault: report.checks.fault,
            requests_per_second: history.rate(NOW, |second| second.requests),
            history: Chart::of(history),
        }
    }
}

impl ListenerStatus {
    fn of(facts: ListenerFacts, now: SystemTime) -> Self {
        let seconds_left = facts.seconds_left(now);
        Self {
            name: facts.name,
            addresses: facts.addresses,
            client_certificates: facts.client_certificates,
            certificate_ends: facts.certificate_ends.map(|ends| ends.to_string()),
            seconds_left,
        }
    }
}

impl Chart {
    fn of(history: &History) -> Self {
        Self {
            column_seconds: 10,
            requests: history.columns(COLUMNS, |second| second.requests),
            refused: history.columns(COLUMNS, |second| second.refused),
            failed: history.columns(COLUMNS, |second| second.failed),
        }
    }
}

// What follows is for the page's template alone.

impl Status {
    pub(super) const fn version(&self) -> &'static str {
        self.version
    }

    pub(super) fn viewer(&self) -> Option<&str> {
        self.viewer.as_deref()
    }

    pub(super) fn at(&self) -> &str {
        &self.at
    }

    pub(super) fn uptime(&self) -> String {
        words::length(Duration::from_secs(self.uptime_seconds))
    }

    pub(super) fn tiles(&self) -> Vec<Tile> {
        let since_start = |names: &[&str]| {
            format!(
                "{} since the start",
                words::number(sum(&self.outcomes, names))
            )
        };
        let memory = self
            .memory_octets
            .map_or_else(|| "?".to_owned(), words::octets);
        vec![
            Tile {
                title: "Requests a second",
                figure: words::rate(self.requests_per_second),
                beside: format!("{} since the start", words::number(self.requests)),
                is_bad: false,
            },
            Tile {
                title: "Refused a second",
                figure: words::rate(self.refused_per_second),
                beside: since_start(&REFUSALS),
                is_bad: false,
            },
            Tile {
                title: "Failed a second",
                figure: words::rate(self.failed_per_second),
                beside: since_start(&FAILURES),
                is_bad: self.failed_per_second > 0.0,
            },
            Tile {
                title: "95 % answered within",
                figure: self.latency.p95(),
                beside: format!("half within {}", self.latency.half()),
                is_bad: false,
            },
            Tile {
                title: "Connections",
                figure: words::number(self.connections),
                beside: format!(
                    "{} since the start",
                    words::number(self.connections_accepted)
                ),
                is_bad: false,
            },
            Tile {
                title: "Memory",
                figure: memory,
                beside: format!("{} sent", words::octets(self.octets_out)),
                is_bad: false,
            },
        ]
    }

    pub(super) const fn chart(&self) -> &Chart {
        &self.history
    }

    pub(super) fn routes(&self) -> &[RouteStatus] {
        &self.routes
    }

    pub(super) fn pools(&self) -> &[PoolStatus] {
        &self.pools
    }

    pub(super) fn listeners(&self) -> &[ListenerStatus] {
        &self.listeners
    }

    /// The most frequent first.
    pub(super) fn refusals(&self) -> Vec<(String, String)> {
        let mut reasons: Vec<_> = self.refusals.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        reasons
            .into_iter()
            .map(|(reason, count)| (reason.replace('_', " "), words::number(*count)))
            .collect()
    }

    pub(super) fn counts_of_sessions(&self) -> Vec<(&'static str, String)> {
        let titles = [
            ("begun", "begun"),
            ("used", "requests in one"),
            ("ended", "signed out"),
            ("void", "cookies that open none"),
        ];
        titles
            .into_iter()
            .map(|(name, title)| (title, words::number(sum(&self.sessions, &[name]))))
            .collect()
    }

    pub(super) fn others(&self) -> Vec<(&'static str, String)> {
        let lost = |name| words::number(sum(&self.connections_lost, &[name]));
        vec![
            (
                "identity headers that clients forged",
                words::number(self.forged_headers),
            ),
            ("handshakes that failed", lost("handshake")),
            ("handshakes that took too long", lost("handshake_too_slow")),
            ("connections beyond the cap", lost("too_many")),
        ]
    }
}

/// One figure, and another that explains it.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) title: &'static str,
    pub(super) figure: String,
    pub(super) beside: String,
    pub(super) is_bad: bool,
}

impl Latency {
    pub(super) fn half(&self) -> String {
        in_words(self.half)
    }

    pub(super) fn p95(&self) -> String {
        in_words(self.p95)
    }
}

fn in_words(seconds: Option<f64>) -> String {
    let took = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    took.map_or_else(|| "–".to_owned(), words::took)
}

impl RouteStatus {
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn ways(&self) -> &[&'static str] {
        &self.ways
    }

    pub(super) fn leads_to(&self) -> &str {
        &self.leads_to
    }

    pub(super) fn rate(&self) -> String {
        words::rate(self.requests_per_second)
    }

    pub(super) fn requests(&self) -> String {
        words::number(self.requests)
    }

    pub(super) fn refused(&self) -> String {
        words::number(sum(&self.outcomes, &REFUSALS))
    }

    pub(super) fn failed(&self) -> String {
        words::number(sum(&self.outcomes, &FAILURES))
    }

    pub(super) const fn latency(&self) -> Latency {
        self.latency
    }

    pub(super) const fn chart(&self) -> &Chart {
        &self.history
    }
}

impl PoolStatus {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn summary(&self) -> String {
        let mut parts = vec![
            self.balance.to_owned(),
            format!("{} under way", self.current),
        ];
        if self.queued > 0 {
            parts.push(format!("{} waiting", self.queued));
        }
        if self.turned_away > 0 {
            parts.push(format!("{} turned away", words::number(self.turned_away)));
        }
        if self.sticky > 0 {
            parts.push(format!(
                "{} kept at their member",
                words::number(self.sticky as u64)
            ));
        }
        parts.join(" · ")
    }

    pub(super) fn members(&self) -> &[MemberStatus] {
        &self.members
    }
}

impl MemberStatus {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) const fn state(&self) -> &'static str {
        self.state
    }

    pub(super) fn since(&self) -> String {
        words::length(Duration::from_secs(self.seconds))
    }

    pub(super) fn why(&self) -> &str {
        self.check_fault
            .as_deref()
            .filter(|_| self.state == "down")
            .unwrap_or(&self.why)
    }

    pub(super) fn current(&self) -> String {
        self.most.map_or_else(
            || self.current.to_string(),
            |most| format!("{} of {most}", self.current),
        )
    }

    pub(super) fn rate(&self) -> String {
        words::rate(self.requests_per_second)
    }

    pub(super) fn served(&self) -> String {
        words::number(self.served)
    }

    pub(super) fn failed(&self) -> String {
        words::number(self.failed)
    }

    pub(super) fn check(&self) -> String {
        in_words(self.check_seconds)
    }

    pub(super) const fn chart(&self) -> &Chart {
        &self.history
    }
}

impl ListenerStatus {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn addresses(&self) -> String {
        self.addresses.join(", ")
    }

    pub(super) const fn client_certificates(&self) -> Option<&'static str> {
        self.client_certificates
    }

    /// Until when, how long that is, and whether that is not long.
    pub(super) fn certificate(&self) -> Option<(&str, String, bool)> {
        let ends = self.certificate_ends.as_deref()?;
        let left = Duration::from_secs(self.seconds_left?);
        let day = ends.get(..10).unwrap_or(ends);
        Some((day, words::length(left), left < SOON))
    }
}

impl Chart {
    pub(super) fn is_empty(&self) -> bool {
        self.requests.iter().all(|count| *count == 0)
    }

    pub(super) fn requests(&self) -> Sparkline {
        Sparkline::of(&self.requests, self.most())
    }

    pub(super) fn refused(&self) -> Sparkline {
        Sparkline::of(&self.refused, self.most())
    }

    pub(super) fn failed(&self) -> Sparkline {
        Sparkline::of(&self.failed, self.most())
    }

    /// For those who hear the page.
    pub(super) fn words(&self) -> String {
        let sum = self.requests.iter().map(|count| u64::from(*count)).sum();
        let most = f64::from(self.most()) / self.column_seconds.max(1) as f64;
        format!(
            "{} requests in the last ten minutes, at most {} a second",
            words::number(sum),
            words::rate(most)
        )
    }

    fn most(&self) -> u32 {
        self.requests.iter().copied().max().unwrap_or(0)
    }
}

fn outcomes(totals: &Totals) -> BTreeMap<&'static str, u64> {
    let counts = Outcome::ALL.map(|outcome| (outcome.name(), totals.outcome(outcome)));
    counts.into()
}

fn named<const N: usize>(
    names: [&'static str; N],
    counts: &[u64; N],
) -> BTreeMap<&'static str, u64> {
    names.into_iter().zip(counts.iter().copied()).collect()
}

fn sum(counts: &BTreeMap<&'static str, u64>, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| counts.get(name)).sum()
}

fn time(at: SystemTime) -> KerberosTime {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    KerberosTime::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn stamp(at: SystemTime) -> String {
    time(at).to_string()
}
