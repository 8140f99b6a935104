//! What was decided, for the audit log and the counters. No secret is in it.

use std::path::PathBuf;
use std::sync::Arc;

use super::clerk::Clerk;
use crate::settings::Service;
use crate::wire::{Procedure, Reply};

/// Who asked for what, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The caller's uid.
    pub uid: u32,
    /// Its process.
    pub pid: i32,
    /// Its program, where it can be told.
    pub program: Option<PathBuf>,
    /// The service that it met.
    pub service: Arc<Service>,
    /// What it called.
    pub procedure: Procedure,
    /// Who begins: the principal of the context or of the credential, or the local user that a name
    /// was made.
    pub initiator: Option<String>,
    /// Whom the call is about: the acceptor, or the name as the caller wrote it, which nobody has
    /// checked.
    pub target: Option<String>,
    /// The major status of the reply.
    pub major: u32,
    /// Its minor status.
    pub minor: u32,
    /// Why it was refused, in words.
    pub reason: Option<String>,
}

impl Decision {
    pub(super) fn new(clerk: Clerk<'_>, service: &Arc<Service>, reply: &Reply) -> Self {
        let status = reply.status();
        Self {
            uid: clerk.caller.uid,
            pid: clerk.caller.pid,
            program: clerk.caller.program.clone(),
            service: Arc::clone(service),
            procedure: reply.procedure(),
            initiator: clerk.initiator,
            target: clerk.target,
            major: low(status.major),
            minor: low(status.minor),
            reason: clerk.refusal.map(|failure| failure.to_string()),
        }
    }

    /// Whether the caller got what it asked for, or is on the way to it.
    pub const fn is_granted(&self) -> bool {
        self.major & 0xffff_0000 == 0
    }
}

fn low(status: u64) -> u32 {
    u32::try_from(status).unwrap_or(u32::MAX)
}
