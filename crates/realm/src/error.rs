//! The one error type of this crate.

use std::io;
use std::path::PathBuf;

use kerbstone_crypto::CryptoError;

use crate::password_policy::PolicyViolation;

/// What can go wrong with a realm's records, and what the reader can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RealmError {
    /// No record has this name. Check the spelling and the realm.
    #[error("principal {0} does not exist")]
    NoSuchPrincipal(String),
    /// A principal or an alias already has this name. Choose another, or change the one that is there.
    #[error("principal or alias {0} already exists")]
    PrincipalExists(String),
    /// The name is a principal's own, so it cannot be removed as an alias.
    #[error("{0} is a principal, not an alias")]
    NotAnAlias(String),
    /// The change needs the principal's own name.
    #[error("{alias} is an alias of {target}; name {target} itself")]
    IsAlias {
        /// The name given.
        alias: String,
        /// The principal behind it.
        target: String,
    },
    /// An alias must name a principal, never another alias. Name the principal behind it.
    #[error("{alias} cannot be an alias of {target}, because {target} is an alias itself")]
    AliasOfAlias {
        /// The name that was to become an alias.
        alias: String,
        /// The alias that was given as its target.
        target: String,
    },
    /// An alias and its principal belong to one realm.
    #[error("{alias} cannot be an alias of {target}: they are in different realms")]
    AliasInOtherRealm {
        /// The name that was to become an alias.
        alias: String,
        /// The principal in the other realm.
        target: String,
    },
    /// The principal cannot be renamed, deleted or read out because of its `lockdown_keys` attribute.
    /// Clear the attribute first.
    #[error("the keys of {0} are locked down (attribute lockdown_keys)")]
    LockedDown(String),
    /// The principal has no key that could serve the request.
    #[error("principal {0} has no keys")]
    NoKeys(String),
    /// No policy has this name in this realm. Create it first.
    #[error("policy {policy} does not exist in realm {realm}")]
    NoSuchPolicy {
        /// The policy asked for.
        policy: String,
        /// The realm it was looked for in.
        realm: String,
    },
    /// A policy of this name is there already.
    #[error("policy {0} already exists")]
    PolicyExists(String),
    /// Principals or the realm itself still name the policy. Give them another one first.
    #[error("policy {policy} is in use by {count} principals or realms, for example {example}")]
    PolicyInUse {
        /// The policy that was to go.
        policy: String,
        /// How many records name it.
        count: usize,
        /// One of them.
        example: String,
    },
    /// A policy's or a realm's numbers contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The realm is not in this store. Create it first.
    #[error("realm {0} does not exist in this store")]
    NoSuchRealm(String),
    /// The realm is in this store already.
    #[error("realm {0} already exists")]
    RealmExists(String),
    /// The record changed since it was read. Read it again and repeat the change.
    #[error("{0} was changed by someone else in the meantime")]
    Conflict(String),
    /// The password does not satisfy the policy.
    #[error(transparent)]
    Password(#[from] PolicyViolation),
    /// The policy allows none of the requested combinations of enctype and salt.
    #[error("policy {0} allows none of the requested enctypes")]
    KeysaltsRefused(String),
    /// A pattern for names that ends in the middle of an escape or of a set.
    #[error("malformed pattern {pattern:?}: {reason}")]
    BadPattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key could not be made or used.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A sealed key did not open: it was altered, moved from another entry, or sealed by another master key.
    #[error(
        "a key of {0} does not open under the master key: the record was altered or is not its own"
    )]
    Unsealable(String),
    /// The record names a master key that this process does not hold.
    #[error("a key is sealed under master key {0}, which is not loaded")]
    NoSuchMasterKey(u32),
    /// The store was sealed under another master key. Point to the file that belongs to the store.
    #[error(
        "the master key does not fit this store, which is sealed under master key {kvno} (fingerprint {fingerprint})"
    )]
    WrongMasterKey {
        /// Number of the store's master key.
        kvno: u32,
        /// First bytes of that key's fingerprint, in hex.
        fingerprint: String,
    },
    /// The store has no master key yet, so nothing was ever sealed in it. Create a realm first.
    #[error("the store has not been set up: it has no master key yet")]
    NotSetUp,
    /// The store is in use already and cannot be set up again.
    #[error("the store is not empty")]
    NotEmpty,
    /// Others can read the master key. `chmod 600` the file, and replace the key if strangers were on the machine.
    #[error("master key file {path} has mode {mode:04o}: others may read it; chmod 600 {path}")]
    MasterKeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The master key file must hold exactly 32 bytes.
    #[error("master key file {path} holds {length} bytes instead of 32")]
    MasterKeyLength {
        /// The file.
        path: PathBuf,
        /// What it holds.
        length: usize,
    },
    /// A record cannot be read. Restore the latest dump.
    #[error("a record of kind {kind} is damaged: {reason}")]
    Damaged {
        /// What the record should be.
        kind: &'static str,
        /// Where decoding stopped.
        reason: &'static str,
    },
    /// The store or dump was written by a newer version. Use that version.
    #[error("{what} has format {found}, and this version reads up to {known}")]
    NewerFormat {
        /// Store, record or dump.
        what: &'static str,
        /// The format found.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
    /// There is no room on the disk. Nothing was written; reading goes on. Make room and repeat.
    #[error(
        "no room left for {path}: nothing was changed, and reading goes on; make room, then repeat"
    )]
    DiskFull {
        /// The store's file.
        path: PathBuf,
    },
    /// Another process has the store open. Stop it, or ask it through its admin socket.
    #[error(
        "{path} is in use by {holder}; stop it first, or make the change through it (kerb admin)"
    )]
    InUse {
        /// The store's file.
        path: PathBuf,
        /// The process that holds it, as far as it can be told.
        holder: String,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The storage engine found damage or failed. Restore the latest dump if it persists.
    #[error("storage engine: {0}")]
    Engine(String),
    /// The dump is cut short, altered or not a dump. Nothing was restored; take another one.
    #[error("not a usable dump: {0}")]
    BadDump(String),
}

impl RealmError {
    /// Wraps an operating system error with the path it concerns.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        if is_out_of_room(&source) {
            Self::DiskFull { path }
        } else {
            Self::Io { path, source }
        }
    }
}

/// Whether an error says that no more bytes fit: a full disk, a quota or a file size limit.
pub(crate) fn is_out_of_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
