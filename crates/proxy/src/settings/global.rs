//! What concerns the whole daemon.

use std::time::Duration;

/// The section `[gssproxy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// 0 nothing, 1 basic, 2 credential checks, 3 Kerberos traces and calls as well. `debug = yes`
    /// is 1.
    pub debug_level: i32,
    /// Whether the status of every call is logged; `None` when the file does not say.
    pub syslog_status: Option<bool>,
    /// The user that the daemon becomes.
    pub run_as_user: Option<String>,
    /// The most calls that are worked on at once, where the file says.
    pub worker_threads: Option<u32>,
    /// What one caller may take, where the file says.
    pub limits: LimitOptions,
}

/// Bounds that the file sets; the daemon has its own for those that it leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitOptions {
    /// `max_connections`: of all callers.
    pub connections: Option<usize>,
    /// `max_connections_per_uid`.
    pub connections_per_uid: Option<usize>,
    /// `idle_timeout`: after how long a silent connection is closed; `Some(None)` is never.
    pub idle: Option<Option<Duration>>,
    /// `max_waiting_calls`: calls that may wait for a KDC at the same time.
    pub slow_calls: Option<usize>,
    /// `max_waiting_calls_per_uid`.
    pub slow_calls_per_uid: Option<usize>,
    /// `max_queued_calls_per_uid`: calls behind those; one more is refused.
    pub queued_per_uid: Option<usize>,
}
