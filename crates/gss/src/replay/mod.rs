//! The memory of requests that were accepted, so that none is accepted twice.

pub mod error;
pub mod memory;
pub mod shared_file;

#[cfg(test)]
mod example;
mod tag;

pub use error::ReplayFault;
pub use memory::MemoryReplayCache;
pub use shared_file::SharedReplayCache;

use std::error::Error;

use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};

/// A request that would be accepted if it was not a replay.
#[derive(Clone, Copy, Debug)]
pub struct ReplayEntry<'a> {
    /// Who asks.
    pub client: &'a Principal,
    /// Whom.
    pub server: &'a Principal,
    /// The time in the authenticator.
    pub time: Timestamp,
    /// The encrypted authenticator as it came. It begins with a random block and ends with a
    /// MAC over everything, so that no two are alike.
    pub ciphertext: &'a [u8],
    /// How it is encrypted, which tells how long its MAC is.
    pub enctype: Enctype,
    /// From then on the clock check refuses the authenticator, and it can be forgotten.
    pub keep_until: KerberosTime,
}

/// What a cache says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// It came for the first time, and is remembered now.
    Fresh,
    /// It was here before.
    Replayed,
}

/// A memory of requests that all acceptors with the same keys must share.
pub trait ReplayCache: Send + Sync + std::fmt::Debug {
    /// Looks for the request and remembers it, in one step that no other worker can come
    /// between.
    fn check_and_store(
        &self,
        entry: &ReplayEntry<'_>,
        now: Timestamp,
    ) -> Result<Freshness, ReplayCacheError>;
}

/// The cache cannot say, so the request cannot be accepted.
#[derive(Debug, thiserror::Error)]
#[error("the replay cache cannot be used: {0}")]
pub struct ReplayCacheError(#[from] pub Box<dyn Error + Send + Sync>);
