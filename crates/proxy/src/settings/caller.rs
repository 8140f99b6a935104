//! A caller, and the first service that serves it.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Mismatch, Service, Settings};

/// What the kernel says of the process at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its effective uid when it connected.
    pub uid: u32,
    /// Its effective gid.
    pub gid: u32,
    /// Its process.
    pub pid: i32,
    /// The program that it runs, as a canonical path; absent when it cannot be told.
    pub program: Option<PathBuf>,
    /// The socket that it came in by; `None` is the default one.
    pub socket: Option<PathBuf>,
    /// Its SELinux context, where the kernel has such.
    pub selinux_context: Option<String>,
}

impl Settings {
    /// The first service, in the order of the files, that serves this caller.
    pub fn service_for(&self, caller: &Caller) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.serves(caller))
    }
}

impl Service {
    /// Whether uid, SELinux context, program and socket are this service's.
    pub fn serves(&self, caller: &Caller) -> bool {
        self.mismatch(caller).is_none()
    }

    /// What of the caller is not this service's.
    pub fn mismatch(&self, caller: &Caller) -> Option<Mismatch> {
        if self.socket != caller.socket {
            return Some(Mismatch::Socket);
        }
        if !self.allow_any_uid && self.euid != caller.uid {
            return Some(Mismatch::Uid);
        }
        if self.program.is_some() && self.program != caller.program {
            return Some(Mismatch::Program);
        }
        let wanted = self.selinux_context.as_deref()?;
        let theirs = caller.selinux_context.as_deref();
        let is_same = theirs.is_some_and(|theirs| same_selinux_context(wanted, theirs));
        (!is_same).then_some(Mismatch::SelinuxContext)
    }
}

/// `user:role:type[:range]`; ranges count only where both have one.
pub(super) fn same_selinux_context(one: &str, other: &str) -> bool {
    let mut one = one.splitn(4, ':');
    let mut other = other.splitn(4, ':');
    let same_names = one.by_ref().take(3).eq(other.by_ref().take(3));
    same_names
        && match (one.next(), other.next()) {
            (Some(range), Some(theirs)) => range == theirs,
            _ => true,
        }
}
