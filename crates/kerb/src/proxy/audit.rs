//! Decisions as lines of an audit log, and as upstream's `syslog_status` lines.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use kerbstone_proxy::daemon::Witness;
use kerbstone_proxy::procedures::Decision;
use serde::Serialize;

use super::log::line;
use super::syslog::Syslog;
use crate::serve::AuditLog;

/// Whoever is told of decisions.
#[derive(Debug, Default)]
pub(super) struct Scribe {
    log: Option<Arc<AuditLog>>,
    system: Option<Syslog>,
    /// Whether failed calls are logged for people.
    tells_status: AtomicBool,
}

/// A decision as it stands in the log.
#[derive(Serialize)]
struct Record<'a> {
    time: String,
    event: &'static str,
    uid: u32,
    pid: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    service: &'a str,
    procedure: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    major: u32,
    #[serde(skip_serializing_if = "is_zero")]
    minor: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl Scribe {
    pub(super) fn new(log: Option<Arc<AuditLog>>) -> Self {
        Self {
            log,
            system: Syslog::open().ok(),
            tells_status: AtomicBool::new(false),
        }
    }

    /// Whether the status of failed calls is logged from now on.
    pub(super) fn tell_status(&self, tell: bool) {
        self.tells_status.store(tell, Ordering::Relaxed);
    }

    pub(super) fn log(&self) -> Option<&Arc<AuditLog>> {
        self.log.as_ref()
    }
}

impl Witness for Scribe {
    fn decided(&self, decision: &Decision) {
        if let Some(log) = &self.log
            && let Ok(mut text) = serde_json::to_string(&Record::of(decision))
        {
            text.push('\n');
            log.record(&text);
            log.flush_if_due();
        }
        if !decision.is_granted() && self.tells_status.load(Ordering::Relaxed) {
            let status = status(decision);
            tracing::warn!(target: "gssproxy", "{status}");
            if let Some(system) = &self.system {
                system.say(&status);
            }
        } else {
            line!(
                debug,
                "{} for uid {} at service {}: {:#x}",
                decision.procedure.name(),
                decision.uid,
                decision.service.name,
                decision.major
            );
        }
    }
}

impl<'a> Record<'a> {
    fn of(decision: &'a Decision) -> Self {
        let program = decision.program.as_deref();
        Self {
            time: Timestamp::now().to_string(),
            event: "proxy",
            uid: decision.uid,
            pid: decision.pid,
            program: program.map(|path| path.to_string_lossy().into_owned()),
            service: &decision.service.name,
            procedure: decision.procedure.name(),
            initiator: decision.initiator.as_deref(),
            target: decision.target.as_deref(),
            outcome: if decision.is_granted() {
                "granted"
            } else {
                "refused"
            },
            major: decision.major,
            minor: decision.minor,
            reason: decision.reason.as_deref(),
        }
    }
}

fn status(decision: &Decision) -> String {
    let mut text = format!(
        "{} of uid {} at service {} failed: {:#x}, {}",
        decision.procedure.name(),
        decision.uid,
        decision.service.name,
        decision.major,
        decision.minor
    );
    if let Some(reason) = &decision.reason {
        let _ = write!(text, ", {reason}");
    }
    text
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}
