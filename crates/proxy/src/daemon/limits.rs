//! How much of the daemon one caller, and all of them together, may take.

use std::time::Duration;

/// Bounds that keep one caller's flood or one silent KDC from becoming everybody's.
///
/// Root's connections are exempt from [`idle`](Self::idle) and are never closed to make room: the kernel's NFS server
/// connects once, from a namespace in which it could not connect again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of all callers.
    pub connections: usize,
    /// Connections of one uid; one more closes that uid's longest idle one.
    pub connections_per_uid: usize,
    /// Octets of messages that have begun and not ended, of all callers.
    pub unfinished: usize,
    /// The same, of one uid.
    pub unfinished_per_uid: usize,
    /// After how long a connection that asks nothing is closed; never, as upstream has it, when `None`.
    pub idle: Option<Duration>,
    /// How long a message that has begun may take to end, and a reply to be read.
    pub stalled: Duration,
    /// Calls that may wait for a KDC at the same time, each on a thread that exists only while there are such calls.
    pub slow_calls: usize,
    /// The same, of one uid.
    pub slow_calls_per_uid: usize,
    /// Calls of one uid that queue behind those; one more is answered with SYSTEM_ERR.
    pub queued_per_uid: usize,
    /// How long a call may queue and wait; the interposer of upstream gives up after 15 s and asks again.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_uid: 2048,
            unfinished: 32 << 20,
            unfinished_per_uid: 8 << 20,
            idle: None,
            stalled: Duration::from_secs(15),
            slow_calls: 64,
            slow_calls_per_uid: 16,
            queued_per_uid: 1024,
            patience: Duration::from_secs(13),
        }
    }
}
