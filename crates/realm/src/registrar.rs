//! What administrators do: kadm5's operations on a vault.
//!
//! Every operation reads, decides and commits with compare-and-swap; one that lost a race is
//! repeated on what the winner left, unless the caller named the version it had seen.

mod aliases;
mod keys;
mod listing;
mod old_passwords;
mod policies;
mod principals;
mod realms;
mod trusts;

use std::sync::Arc;

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;

pub use keys::{Keep, KeyChange, NewKeys};

use crate::activity::Activity;
use crate::entry::{Entry, PrincipalRecord};
use crate::error::RealmError;
use crate::policy::Policy;
use crate::record_key::RecordKey;
use crate::settings::RealmSettings;
use crate::store::{Store, Versioned};
use crate::vault::{ATTEMPTS, Vault};

/// Who makes a change, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The principal that the record will name as its last modifier.
    pub by: Principal,
    /// The time.
    pub at: KerberosTime,
}

/// A principal's record with the times of its logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView {
    /// The record and its version.
    pub entry: Versioned<Entry>,
    /// Its logins, up to the last flush of the counters.
    pub activity: Activity,
}

/// Changes realms, principals and policies.
#[derive(Clone, Debug)]
pub struct Registrar {
    vault: Arc<Vault>,
}

impl Registrar {
    /// A registrar for that vault. Any number may work on one vault.
    pub const fn new(vault: Arc<Vault>) -> Self {
        Self { vault }
    }

    /// The vault.
    pub const fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    fn store(&self) -> &dyn Store {
        &**self.vault.store()
    }

    /// What is stored under that very name.
    fn record(&self, name: &Principal) -> Result<Option<Versioned<PrincipalRecord>>, RealmError> {
        let Some(found) = self.store().get(&RecordKey::principal(name))? else {
            return Ok(None);
        };
        let record = PrincipalRecord::decode(name.clone(), &found.value)?;
        Ok(Some(found.map(|_| record)))
    }

    /// The principal of that name or alias.
    fn entry(&self, name: &Principal) -> Result<Versioned<Entry>, RealmError> {
        match self.own_entry(name) {
            Err(RealmError::IsAlias { .. }) => {}
            other => return other,
        }
        let missing = || RealmError::NoSuchPrincipal(name.to_string());
        match self.record(name)?.ok_or_else(missing)?.value {
            PrincipalRecord::Alias(target) => self.own_entry(&target),
            PrincipalRecord::Entry(_) => Err(RealmError::Conflict(name.to_string())),
        }
    }

    /// The principal of that very name, which must not be an alias.
    fn own_entry(&self, name: &Principal) -> Result<Versioned<Entry>, RealmError> {
        let missing = || RealmError::NoSuchPrincipal(name.to_string());
        let found = self.record(name)?.ok_or_else(missing)?;
        match found.value {
            PrincipalRecord::Entry(entry) => Ok(Versioned {
                version: found.version,
                value: *entry,
            }),
            PrincipalRecord::Alias(target) => Err(RealmError::IsAlias {
                alias: name.to_string(),
                target: target.to_string(),
            }),
        }
    }

    fn settings(&self, realm: &Realm) -> Result<Versioned<RealmSettings>, RealmError> {
        let found = self
            .store()
            .get(&RecordKey::realm(realm))?
            .ok_or_else(|| RealmError::NoSuchRealm(realm.to_string()))?;
        let settings = RealmSettings::decode(realm.clone(), &found.value)?;
        Ok(found.map(|_| settings))
    }

    fn named_policy(&self, realm: &Realm, name: &str) -> Result<Versioned<Policy>, RealmError> {
        let found = self
            .store()
            .get(&RecordKey::policy(realm, name))?
            .ok_or_else(|| RealmError::NoSuchPolicy {
                policy: name.to_owned(),
                realm: realm.to_string(),
            })?;
        let policy = Policy::decode(name.as_bytes(), &found.value)?;
        Ok(found.map(|_| policy))
    }

    fn policy_of(&self, entry: &Entry) -> Result<Option<Policy>, RealmError> {
        let Some(name) = &entry.policy else {
            return Ok(None);
        };
        let policy = self.named_policy(&entry.principal.realm, name)?;
        Ok(Some(policy.value))
    }
}

/// Repeats an attempt that lost a race.
fn retrying<T>(mut attempt: impl FnMut() -> Result<T, RealmError>) -> Result<T, RealmError> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(RealmError::Conflict(_)) => {}
            done => return done,
        }
    }
    attempt()
}
