//! What is known of the daemon at one moment.

use std::path::PathBuf;
use std::time::Duration;

use super::Counts;

/// Who is connected, and what was counted.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Connections, in no order.
    pub connected: Vec<Connected>,
    /// What was counted since the daemon began.
    pub counts: Counts,
    /// Calls that wait for a thread of the slow lane.
    pub queued: usize,
    /// Calls that wait for a KDC.
    pub waiting: usize,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The caller's uid.
    pub uid: u32,
    /// Its process.
    pub pid: i32,
    /// Its program, when some service asks for it.
    pub program: Option<PathBuf>,
    /// The service's own socket; the default one when absent.
    pub socket: Option<PathBuf>,
    /// Calls answered.
    pub calls: u64,
    /// Whether a call of it waits for a KDC.
    pub waits: bool,
    /// Since when nothing has moved.
    pub idle: Duration,
}

/// What one loop knows.
#[derive(Debug)]
pub(super) struct LoopReport {
    pub(super) connected: Vec<Connected>,
    pub(super) counts: Counts,
}
