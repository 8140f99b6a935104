//! What concerns the whole daemon.

use std::time::Duration;

use super::error::SettingsError;
use super::section_reader::SectionReader;
use super::surroundings::Surroundings;

/// The section `[gssproxy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// 0 nothing, 1 basic, 2 credential checks, 3 Kerberos traces and calls as well. `debug = yes`
    /// is 1.
    pub debug_level: i32,
    /// Whether the status of every call is logged; `None` when the file does not say.
    pub syslog_status: Option<bool>,
    /// The user that the daemon becomes: the name as it stands in the file, and its uid.
    pub run_as_user: Option<(String, u32)>,
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

impl Global {
    /// # Errors
    /// [`SettingsError::Value`]
    pub(super) fn read<S: Surroundings + ?Sized>(
        reader: &mut SectionReader<'_, S>,
    ) -> Result<Self, SettingsError> {
        let debug = i32::from(reader.boolean("debug").unwrap_or(false));
        let debug_level = reader.number("debug_level")?.unwrap_or(debug);
        let syslog_status = reader.boolean("syslog_status");
        let run_as_user = reader.text("run_as_user").zip(reader.user("run_as_user")?);
        let worker_threads = reader
            .number("worker threads")?
            .and_then(|threads| u32::try_from(threads).ok())
            .filter(|threads| *threads > 0);
        Ok(Self {
            debug_level,
            syslog_status,
            run_as_user,
            worker_threads,
            limits: LimitOptions::read(reader)?,
        })
    }
}

impl LimitOptions {
    fn read<S: Surroundings + ?Sized>(
        reader: &SectionReader<'_, S>,
    ) -> Result<Self, SettingsError> {
        let idle = reader.count("idle_timeout")?;
        Ok(Self {
            connections: reader.count("max_connections")?,
            connections_per_uid: reader.count("max_connections_per_uid")?,
            idle: idle.map(|seconds| {
                (seconds > 0)
                    .then(|| Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
            }),
            slow_calls: reader.count("max_waiting_calls")?,
            slow_calls_per_uid: reader.count("max_waiting_calls_per_uid")?,
            queued_per_uid: reader.count("max_queued_calls_per_uid")?,
        })
    }
}
