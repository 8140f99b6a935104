//! Why a replay cache cannot say whether a request is a replay.

use std::io;
use std::path::PathBuf;

use kerbstone_proto::time::KerberosTime;

use super::ReplayCacheError;
use super::shared_file::Damage;

/// What is the matter with a replay cache. Whatever it is, the request at hand is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayFault {
    /// So many requests came that no more can be remembered: allow it more room, or wait until the
    /// oldest have expired.
    #[error(
        "{what} is full: it is allowed {limit} {unit}, and all it remembers may still be replayed"
    )]
    Full {
        /// The file, or the process's memory.
        what: String,
        /// How much it may take.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// The file, its folder or the disk under it cannot be used.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no replay cache of ours. It is left as it is: name another file, or remove it.
    #[error("{0} is not a replay cache: it is left as it is; name another file or remove this one")]
    Foreign(PathBuf),
    /// A newer Kerbstone made the file, or another build of it.
    #[error(
        "{path} has format {version}, this program knows format 1: update it, or remove the file when no newer one runs"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format's number.
        version: u32,
    },
    /// Somebody else may write to the file, so it cannot be believed.
    #[error("{path} {why}: it must be a plain file of the service's own user with mode 0600")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is the matter.
        why: String,
    },
    /// The cache lost what it knew, and the request was made before that: it may have been
    /// accepted then. The client's next request is newer and passes.
    #[error(
        "{path} {damage} and was made anew at {since}: requests from before that are refused, as they may have been accepted already"
    )]
    LostMemory {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        damage: Damage,
        /// When it was made anew.
        since: KerberosTime,
    },
    /// Another worker holds the file's lock and does not let go: it may be stopped.
    #[error(
        "{0}: another process has held its lock for too long; is a worker of the service stopped?"
    )]
    Busy(PathBuf),
}

impl From<ReplayFault> for ReplayCacheError {
    fn from(fault: ReplayFault) -> Self {
        Self(Box::new(fault))
    }
}
