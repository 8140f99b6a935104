//! What the supervisor knows of each role, for whoever asks.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::role::Role;

/// What a role is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It has been started and is not ready yet.
    Starting,
    /// It said that it is ready.
    Ready,
    /// It ended by itself and is started again after a pause.
    Waiting,
    /// It was told to stop.
    Stopping,
    /// It is stopped for good.
    Stopped,
}

/// How a role ended that nobody had told to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    /// `exit code 1`, `signal 9 (SIGKILL)`.
    pub(crate) how: String,
    /// The last lines that it wrote.
    pub(crate) last_words: String,
}

/// All roles at one moment, as the supervisor tells `kerb status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// The supervisor's process.
    pub(crate) pid: u32,
    /// Since when it runs.
    pub(crate) uptime: Duration,
    /// Every role, in the order of starting.
    pub(crate) roles: Vec<RoleSnapshot>,
}

/// One role at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoleSnapshot {
    /// Which.
    pub(crate) name: String,
    /// What it is doing.
    pub(crate) state: State,
    /// Its process, if there is one.
    pub(crate) pid: Option<u32>,
    /// Since when that runs.
    pub(crate) uptime: Option<Duration>,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// Until it is started again.
    pub(crate) pause: Option<Duration>,
    /// How it ended the last time.
    pub(crate) last_end: Option<End>,
}

/// The roles and what each is doing.
#[derive(Debug)]
pub(super) struct Board {
    started: Instant,
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    role: &'static Role,
    state: State,
    process: Option<(u32, Instant)>,
    starts: u32,
    next_start: Option<Instant>,
    last_end: Option<End>,
}

impl Board {
    pub(super) fn new(roles: &'static [Role]) -> Self {
        let entry = |role| Entry {
            role,
            state: State::Starting,
            process: None,
            starts: 0,
            next_start: None,
            last_end: None,
        };
        Self {
            started: Instant::now(),
            entries: Mutex::new(roles.iter().map(entry).collect()),
        }
    }

    pub(super) fn started(&self, role: &'static Role, pid: u32) {
        self.change(role, |entry| {
            entry.state = State::Starting;
            entry.process = Some((pid, Instant::now()));
            entry.starts = entry.starts.saturating_add(1);
            entry.next_start = None;
        });
    }

    /// A process says that it is ready: which role it is, if it is one.
    pub(super) fn ready(&self, pid: u32) -> Option<&'static Role> {
        let mut entries = self.entries();
        let entry = entries
            .iter_mut()
            .find(|entry| entry.process.is_some_and(|(own, _)| own == pid))?;
        if entry.state != State::Starting {
            return None;
        }
        entry.state = State::Ready;
        Some(entry.role)
    }

    /// Whether the role has not said that it is ready.
    pub(super) fn is_starting(&self, role: &'static Role) -> bool {
        let entries = self.entries();
        let mut own = entries.iter().filter(|entry| entry.role.name == role.name);
        own.any(|entry| entry.state == State::Starting)
    }

    pub(super) fn waiting(&self, role: &'static Role, end: End, pause: Duration) {
        self.change(role, |entry| {
            entry.state = State::Waiting;
            entry.process = None;
            entry.next_start = Instant::now().checked_add(pause);
            entry.last_end = Some(end);
        });
    }

    pub(super) fn stopping(&self, role: &'static Role) {
        self.change(role, |entry| entry.state = State::Stopping);
    }

    pub(super) fn stopped(&self, role: &'static Role) {
        self.change(role, |entry| {
            entry.state = State::Stopped;
            entry.process = None;
            entry.next_start = None;
        });
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            pid: std::process::id(),
            uptime: self.started.elapsed(),
            roles: self.entries().iter().map(Entry::snapshot).collect(),
        }
    }

    fn change(&self, role: &'static Role, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.entries();
        if let Some(entry) = entries
            .iter_mut()
            .find(|entry| entry.role.name == role.name)
        {
            change(entry);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn snapshot(&self) -> RoleSnapshot {
        RoleSnapshot {
            name: self.role.name.to_owned(),
            state: self.state,
            pid: self.process.map(|(pid, _)| pid),
            uptime: self.process.map(|(_, since)| since.elapsed()),
            restarts: self.starts.saturating_sub(1),
            pause: self
                .next_start
                .map(|at| at.saturating_duration_since(Instant::now())),
            last_end: self.last_end.clone(),
        }
    }
}
