//! What a pool says of itself.

use std::time::{Duration, SystemTime};

/// A pool as it is now.
#[derive(Clone, Debug)]
pub struct PoolReport {
    /// What routes call it.
    pub name: String,
    /// How requests are shared out, as the settings call it.
    pub balance: &'static str,
    /// Its members, in the order of the settings; those that have left and still serve come last.
    pub members: Vec<MemberReport>,
    /// Requests under way.
    pub current: usize,
    /// Requests that wait for a place.
    pub queued: usize,
    /// Requests that got no place.
    pub turned_away: u64,
    /// People whose member is remembered.
    pub sticky: usize,
}

/// A member as it is now.
#[derive(Clone, Debug)]
pub struct MemberReport {
    /// What commands call it.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Whether it takes requests.
    pub state: MemberState,
    /// Since when.
    pub since: SystemTime,
    /// Why.
    pub why: String,
    /// Its share.
    pub weight: u16,
    /// Used when no other can be.
    pub is_backup: bool,
    /// Requests under way.
    pub current: usize,
    /// The most there may be.
    pub most: Option<usize>,
    /// Kept connections on which nothing is under way.
    pub idle: usize,
    /// Requests that were answered.
    pub served: u64,
    /// Requests that failed here, whether or not another member answered them.
    pub failed: u64,
    /// Requests that came here after another member had failed them, or this one before.
    pub retried: u64,
    /// Connections that were made.
    pub connected: u64,
    /// Checks.
    pub checks: CheckReport,
}

/// What checks have found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// How many passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// How long the last one took.
    pub took: Option<Duration>,
    /// What the last one that failed found.
    pub fault: Option<String>,
}

/// Whether a member takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberState {
    /// It does, and checks or requests have shown that it can.
    Up,
    /// Nothing has been asked of it yet.
    Untried,
    /// It does not: checks or requests have failed.
    Down,
    /// It takes requests of those alone who were there before.
    Draining,
    /// It takes none, by command; those under way finish.
    Maintenance,
    /// It is no longer in the settings; those under way finish.
    Leaving,
}

impl MemberState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Up,
        Self::Untried,
        Self::Down,
        Self::Draining,
        Self::Maintenance,
        Self::Leaving,
    ];

    /// For people, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Untried => "untried",
            Self::Down => "down",
            Self::Draining => "draining",
            Self::Maintenance => "maintenance",
            Self::Leaving => "leaving",
        }
    }
}

/// What an administrator wants of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// That it serves whenever it can.
    #[default]
    Ready,
    /// That it keeps those who are there, and gets nobody new.
    Drain,
    /// That it gets no request.
    Maintenance,
}

impl Wanted {
    /// For people and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maintenance => "maintenance",
        }
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Ready, Self::Drain, Self::Maintenance]
            .into_iter()
            .find(|wanted| wanted.name() == name)
    }
}
