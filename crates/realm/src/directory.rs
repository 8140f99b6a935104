//! What the KDC asks: who is this, with open keys, in about a hash and a clone.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};

use kerbstone_proto::name::{Principal, Realm};

use crate::entry::PrincipalRecord;
use crate::error::RealmError;
use crate::open_entry::OpenEntry;
use crate::policy::Policy;
use crate::record_cache::RecordCache;
use crate::record_key::{RecordKey, RecordKind, RecordPrefix, split};
use crate::settings::RealmSettings;
use crate::store::{Happened, Observer, Versioned};
use crate::vault::Vault;

/// Entries kept open unless told otherwise: a few kilobytes each with their key schedules.
pub const DEFAULT_CAPACITY: usize = 4096;
const SMALL_CAPACITY: usize = 1024;

/// Reads principals, realms and policies through bounded caches that every write of the store invalidates.
#[derive(Debug)]
pub struct Directory {
    vault: Arc<Vault>,
    caches: Arc<Caches>,
}

#[derive(Clone, Debug)]
enum Cached {
    Entry(Arc<OpenEntry>),
    Alias(Arc<Principal>),
}

#[derive(Debug)]
struct Caches {
    principals: RecordCache<Principal, Cached>,
    realms: RecordCache<Realm, Arc<RealmSettings>>,
    policies: RecordCache<(Realm, String), Arc<Policy>>,
}

impl Directory {
    /// A directory that keeps at most `capacity` principals open.
    pub fn new(vault: Arc<Vault>, capacity: usize) -> Self {
        let caches = Arc::new(Caches {
            principals: RecordCache::new(capacity),
            realms: RecordCache::new(SMALL_CAPACITY),
            policies: RecordCache::new(SMALL_CAPACITY),
        });
        let observer: Weak<Caches> = Arc::downgrade(&caches);
        vault.store().subscribe(observer);
        Self { vault, caches }
    }

    /// The vault it reads.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The principal of that name or alias.
    pub fn lookup(&self, principal: &Principal) -> Result<Option<Arc<OpenEntry>>, RealmError> {
        match self.find(principal)? {
            None => Ok(None),
            Some(Cached::Entry(entry)) => Ok(Some(entry)),
            Some(Cached::Alias(target)) => match self.find(&target)? {
                Some(Cached::Entry(entry)) => Ok(Some(entry)),
                // The target goes together with its aliases, so this is a moment's view of that.
                None | Some(Cached::Alias(_)) => Ok(None),
            },
        }
    }

    /// The settings of a realm of this store.
    pub fn realm(&self, realm: &Realm) -> Result<Option<Arc<RealmSettings>>, RealmError> {
        let reading = match self.caches.realms.get(realm) {
            Ok(settings) => return Ok(Some(settings)),
            Err(reading) => reading,
        };
        let Some(found) = self.vault.store().get(&RecordKey::realm(realm))? else {
            return Ok(None);
        };
        let settings = Arc::new(RealmSettings::decode(realm.clone(), &found.value)?);
        self.caches
            .realms
            .insert(reading, Arc::new(realm.clone()), Arc::clone(&settings));
        Ok(Some(settings))
    }

    /// The realms of this store, in order of name.
    pub fn realms(&self) -> Result<Vec<Realm>, RealmError> {
        list_realms(&self.vault)
    }

    /// A policy of a realm.
    pub fn policy(&self, realm: &Realm, name: &str) -> Result<Option<Arc<Policy>>, RealmError> {
        let key = (realm.clone(), name.to_owned());
        let reading = match self.caches.policies.get(&key) {
            Ok(policy) => return Ok(Some(policy)),
            Err(reading) => reading,
        };
        let Some(found) = self.vault.store().get(&RecordKey::policy(realm, name))? else {
            return Ok(None);
        };
        let policy = Arc::new(Policy::decode(name.as_bytes(), &found.value)?);
        self.caches
            .policies
            .insert(reading, Arc::new(key), Arc::clone(&policy));
        Ok(Some(policy))
    }

    /// How many principals are open now.
    pub fn open_entries(&self) -> usize {
        self.caches.principals.len()
    }

    fn find(&self, principal: &Principal) -> Result<Option<Cached>, RealmError> {
        let reading = match self.caches.principals.get(principal) {
            Ok(cached) => return Ok(Some(cached)),
            Err(reading) => reading,
        };
        let Some(found) = self.vault.store().get(&RecordKey::principal(principal))? else {
            return Ok(None);
        };
        let (name, cached) = match PrincipalRecord::decode(principal.clone(), &found.value)? {
            PrincipalRecord::Alias(target) => {
                (Arc::new(principal.clone()), Cached::Alias(Arc::new(target)))
            }
            PrincipalRecord::Entry(entry) => {
                let version = found.version;
                let entry = Versioned {
                    version,
                    value: *entry,
                };
                let entry = OpenEntry::open(&self.vault, entry)?;
                (Arc::clone(&entry.principal), Cached::Entry(Arc::new(entry)))
            }
        };
        self.caches.principals.insert(reading, name, cached.clone());
        Ok(Some(cached))
    }
}

pub(crate) fn list_realms(vault: &Vault) -> Result<Vec<Realm>, RealmError> {
    let mut realms = Vec::new();
    let prefix = RecordPrefix::kind(RecordKind::Realm);
    vault.store().scan(&prefix, &mut |record| {
        realms.push(split(record.key)?.0);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(realms)
}

impl Caches {
    fn forget(&self, key: &RecordKey) -> Result<(), RealmError> {
        match key.kind() {
            Some(RecordKind::Principal) => self.principals.forget(&key.to_principal()?),
            Some(RecordKind::Realm) => self.realms.forget(&key.split()?.0),
            Some(RecordKind::Policy) => {
                let (realm, name) = key.split()?;
                let name = String::from_utf8_lossy(name).into_owned();
                self.policies.forget(&(realm, name));
            }
            Some(RecordKind::Activity | RecordKind::Master) => {}
            None => self.everything_changed(),
        }
        Ok(())
    }
}

impl Observer for Caches {
    fn changed(&self, changes: &[(RecordKey, Happened)]) {
        for (key, _) in changes {
            if self.forget(key).is_err() {
                self.everything_changed();
            }
        }
    }

    fn everything_changed(&self) {
        self.principals.clear();
        self.realms.clear();
        self.policies.clear();
    }
}
