//! What a realm knows: principals with their keys, aliases, policies and settings, and where
//! that is kept.
//!
//! [`Registrar`] changes it (kadm5's operations), [`Directory`] reads it fast with open keys (the
//! KDC), and both stand on a [`Vault`]: a [`Store`] and the [`MasterKey`] that its keys are
//! sealed under. [`RedbStore`] is the default engine. Here is no protocol and no decision about
//! who may have a ticket or change a record; time and randomness are passed in.

mod activity;
mod attributes;
mod codec;
mod delegation;
mod directory;
mod dump;
mod entry;
mod error;
mod glob;
mod lockout;
mod master_key;
mod open_entry;
mod password_policy;
mod policy;
mod record_cache;
mod record_key;
mod redb_store;
mod registrar;
mod settings;
mod store;
mod stored_key;
mod vault;

pub use activity::Activity;
pub use attributes::Attributes;
pub use delegation::{ALLOWED_TO_DELEGATE_FROM, ALLOWED_TO_DELEGATE_TO, Delegation};
pub use directory::{DEFAULT_CAPACITY, Directory};
pub use dump::{DumpSummary, dump, dump_to_file, restore, restore_from_file, verify};
pub use entry::{Entry, Lockout, PrincipalRecord};
pub use error::RealmError;
pub use glob::Glob;
pub use lockout::{DEFAULT_COUNTERS, Failure, LockoutCounters};
pub use master_key::{Fingerprint, MasterKey};
pub use open_entry::{OpenEntry, OpenKey};
pub use password_policy::{Candidate, PasswordPolicy, PolicyViolation};
pub use policy::{LockoutPolicy, Policy};
pub use record_key::{RecordKey, RecordKind, RecordPrefix};
pub use redb_store::RedbStore;
pub use registrar::{EntryView, Keep, KeyChange, NewKeys, Registrar, Stamp};
pub use settings::{Capath, RealmSettings, TransitPolicy, Trust};
pub use store::{
    Action, Batch, Change, Expect, Happened, LoadInto, Observer, Records, Revision, Scanned, Store,
    Versioned, Visitor,
};
pub use stored_key::{Keysalt, Salt, SaltKind, SealedKey, StoredKey, UnknownKeysalt};
pub use vault::{PlainKey, Vault};
