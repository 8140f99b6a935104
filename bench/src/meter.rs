//! What a server process costs: CPU time of all its threads and children, and resident memory.

use std::fs;
use std::io;
use std::time::Duration;

/// A server under measurement, with every process that it forks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    pid: u32,
}

impl Meter {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// CPU time so far, from the scheduler's own nanosecond accounts (`/proc/PID/task/TID/schedstat`).
    ///
    /// # Errors
    /// The process has ended.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut total = Duration::ZERO;
        for pid in self.family()? {
            total += process_cpu(pid)?;
        }
        Ok(total)
    }

    /// Resident memory of the family in KiB; pages that its processes share count once for each.
    ///
    /// # Errors
    /// The process has ended.
    pub(crate) fn resident_kib(&self) -> io::Result<u64> {
        let mut total = 0;
        for pid in self.family()? {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            total += field_kib(&status, "VmRSS:");
        }
        Ok(total)
    }

    fn family(&self) -> io::Result<Vec<u32>> {
        let mut family = vec![self.pid];
        let mut next = 0;
        while let Some(pid) = family.get(next).copied() {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
            family.extend(
                children
                    .split_whitespace()
                    .filter_map(|child| child.parse::<u32>().ok()),
            );
            next += 1;
        }
        Ok(family)
    }
}

/// CPU time of the calling thread so far.
///
/// # Errors
/// The system keeps no such account.
pub(crate) fn thread_cpu() -> io::Result<Duration> {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(running(&schedstat))
}

fn process_cpu(pid: u32) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
        total += running(&schedstat);
    }
    Ok(total)
}

fn running(schedstat: &str) -> Duration {
    let nanoseconds = schedstat
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn field_kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
