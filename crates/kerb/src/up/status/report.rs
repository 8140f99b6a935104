//! How a site is, as scripts get it. The book lists the keys; they stay.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::counters::{self, Counters};
use crate::up::board::{End, RoleSnapshot, Snapshot, State};
use crate::up::role::{METRICS, ROLES, Role};
use crate::up::site::Site;
use crate::up::status_door;

/// The format of the JSON: keys may be added within a version, none changes its meaning or goes.
const VERSION: u32 = 1;

/// A site.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    /// The folder.
    pub(super) site: PathBuf,
    /// The realm.
    pub(super) realm: String,
    /// Whether there is a supervisor.
    pub(super) running: bool,
    /// Whether every role is ready and answers.
    pub(super) healthy: bool,
    /// The process that looks after the roles.
    pub(super) supervisor: Option<Process>,
    /// The memory of all processes together.
    pub(super) rss_bytes: u64,
    /// Every role, in the order of starting.
    pub(super) roles: Vec<RoleReport>,
}

/// A process.
#[derive(Debug, Serialize)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: u32,
    /// Since when it runs.
    pub(super) uptime_seconds: u64,
    /// Its resident memory.
    pub(super) rss_bytes: u64,
}

/// A role.
#[derive(Debug, Serialize)]
pub(super) struct RoleReport {
    /// Which.
    pub(super) name: String,
    /// What the supervisor says.
    pub(super) state: State,
    /// Whether it is ready and answers.
    pub(super) healthy: bool,
    /// What is wrong, in words.
    pub(super) problem: Option<String>,
    /// Its process, if there is one.
    #[serde(flatten)]
    pub(super) process: ProcessKeys,
    /// How often it was started again.
    pub(super) restarts: u32,
    /// Until it is started again.
    pub(super) next_start_seconds: Option<f64>,
    /// How it ended the last time, if nobody had told it to.
    pub(super) last_end: Option<End>,
    /// Where it listens, by what listens there.
    pub(super) addresses: BTreeMap<&'static str, SocketAddr>,
    /// What it has counted since it was started: by kind of request, then by outcome.
    pub(super) counters: Option<Counters>,
    /// Its log.
    pub(super) log: PathBuf,
}

/// The keys of [`Process`], null without a process.
#[derive(Debug, Serialize)]
pub(super) struct ProcessKeys {
    pub(super) pid: Option<u32>,
    pub(super) uptime_seconds: Option<u64>,
    pub(super) rss_bytes: Option<u64>,
}

impl Report {
    /// Asks the supervisor and every role.
    ///
    /// # Errors
    /// The supervisor may not be asked.
    pub(super) fn of(site: &Site) -> io::Result<Self> {
        let snapshot = status_door::ask(&site.run_folder())?;
        let roles: Vec<RoleReport> = snapshot
            .iter()
            .flat_map(|snapshot| &snapshot.roles)
            .map(|role| RoleReport::of(role, site))
            .collect();
        let supervisor = snapshot.as_ref().map(Process::of);
        let memory = roles.iter().filter_map(|role| role.process.rss_bytes);
        let rss_bytes = memory.sum::<u64>() + supervisor.as_ref().map_or(0, |own| own.rss_bytes);
        Ok(Self {
            version: VERSION,
            site: site.folder().to_owned(),
            realm: site.realm().to_owned(),
            running: snapshot.is_some(),
            healthy: snapshot.is_some() && roles.iter().all(|role| role.healthy),
            supervisor,
            rss_bytes,
            roles,
        })
    }
}

impl Process {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            pid: snapshot.pid,
            uptime_seconds: snapshot.uptime.as_secs(),
            rss_bytes: resident(snapshot.pid).unwrap_or_default(),
        }
    }
}

impl RoleReport {
    fn of(snapshot: &RoleSnapshot, site: &Site) -> Self {
        // A supervisor of another version may run roles that this one does not know.
        let role = ROLES.iter().find(|role| role.name == snapshot.name);
        let problem = problem(snapshot, role, site);
        let listeners = role.map(|role| role.addresses).unwrap_or_default();
        let addresses: BTreeMap<_, _> = listeners
            .iter()
            .filter_map(|listener| {
                let address = site.address(&snapshot.name, listener.name)?;
                Some((listener.name, address))
            })
            .collect();
        let metrics = addresses.get(METRICS).filter(|_| snapshot.pid.is_some());
        Self {
            name: snapshot.name.clone(),
            state: snapshot.state,
            healthy: problem.is_none(),
            problem,
            process: ProcessKeys {
                pid: snapshot.pid,
                uptime_seconds: snapshot.uptime.map(|uptime| uptime.as_secs()),
                rss_bytes: snapshot.pid.and_then(resident),
            },
            restarts: snapshot.restarts,
            next_start_seconds: snapshot.pause.map(seconds),
            last_end: snapshot.last_end.clone(),
            counters: metrics.and_then(|address| counters::read(*address)),
            addresses,
            log: site.log(&snapshot.name),
        }
    }
}

/// What is wrong with a role.
fn problem(snapshot: &RoleSnapshot, role: Option<&Role>, site: &Site) -> Option<String> {
    match (snapshot.state, &snapshot.last_end) {
        (State::Ready, _) => (role?.probe)(site).err(),
        (State::Waiting, Some(end)) => Some(format!("it ended ({})", end.how)),
        (State::Waiting, None) => Some("it ended".to_owned()),
        (State::Starting, _) => Some("it is not ready yet".to_owned()),
        (State::Stopping | State::Stopped, _) => Some("it was told to stop".to_owned()),
    }
}

/// To a tenth.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}

/// The resident memory of a process, in octets.
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}
