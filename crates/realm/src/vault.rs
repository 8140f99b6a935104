//! A store together with the master key that opens it.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use kerbstone_crypto::Key;
use kerbstone_proto::name::Principal;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::codec::{Reader, Writer};
use crate::entry::{Entry, PrincipalRecord};
use crate::error::RealmError;
use crate::master_key::{Fingerprint, MasterKey, SealedFor};
use crate::record_key::{RecordKey, RecordKind, RecordPrefix, principal_of};
use crate::store::{Action, Batch, Expect, Store, Versioned};
use crate::stored_key::{Salt, SealedKey, StoredKey};

const FORMAT: u8 = 1;
/// How often a change that lost a race is tried again before the caller hears of it.
pub(crate) const ATTEMPTS: u32 = 32;

/// Which master key the store is sealed under, as the store records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MasterRecord {
    kvno: u32,
    fingerprint: Fingerprint,
}

impl MasterRecord {
    fn to_record(self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.number(self.kvno.into());
        out.bytes(&self.fingerprint.0);
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RealmError> {
        let mut input = Reader::new("master key record", bytes, FORMAT)?;
        let kvno = input.narrow()?;
        let fingerprint = input
            .bytes()?
            .try_into()
            .map_err(|_| input.damaged("fingerprint of another length"))?;
        input.finish()?;
        Ok(Self {
            kvno,
            fingerprint: Fingerprint(fingerprint),
        })
    }
}

/// A numbered master key.
#[derive(Clone, Debug)]
struct Numbered {
    kvno: u32,
    key: Arc<MasterKey>,
}

/// The master key in use and, while keys are being sealed anew, the one before.
#[derive(Clone, Debug)]
struct Ring {
    current: Numbered,
    other: Option<Numbered>,
}

impl Ring {
    fn find(&self, kvno: u32) -> Option<&Numbered> {
        [Some(&self.current), self.other.as_ref()]
            .into_iter()
            .flatten()
            .find(|numbered| numbered.kvno == kvno)
    }
}

/// A key in the clear with what is stored beside it; what imports hand over.
#[derive(Clone, Debug)]
pub struct PlainKey {
    /// Key version number.
    pub kvno: u32,
    /// The key.
    pub key: Key,
    /// The salt it was made with.
    pub salt: Salt,
    /// String-to-key parameters, `None` for the enctype's default.
    pub s2k_params: Option<Vec<u8>>,
}

/// A store and the master key that opens its keys.
#[derive(Debug)]
pub struct Vault {
    store: Arc<dyn Store>,
    ring: RwLock<Arc<Ring>>,
}

impl Vault {
    /// Sets up an empty store under this master key, as its number 1.
    pub fn create(store: Arc<dyn Store>, key: MasterKey) -> Result<Self, RealmError> {
        let record = MasterRecord {
            kvno: 1,
            fingerprint: key.fingerprint(),
        };
        let batch = Batch::default().put(RecordKey::master(), Expect::Absent, record.to_record());
        match store.commit(batch) {
            Err(RealmError::Conflict(_)) => return Err(RealmError::NotEmpty),
            done => done?,
        };
        Ok(Self::with(store, record.kvno, key))
    }

    /// Opens a store that was set up before. Refuses a master key that is not the store's.
    pub fn open(store: Arc<dyn Store>, key: MasterKey) -> Result<Self, RealmError> {
        let record = read_master(&*store)?.ok_or(RealmError::NotSetUp)?.value;
        if record.fingerprint != key.fingerprint() {
            return Err(RealmError::WrongMasterKey {
                kvno: record.kvno,
                fingerprint: record.fingerprint.short(),
            });
        }
        Ok(Self::with(store, record.kvno, key))
    }

    fn with(store: Arc<dyn Store>, kvno: u32, key: MasterKey) -> Self {
        let current = Numbered {
            kvno,
            key: Arc::new(key),
        };
        Self {
            store,
            ring: RwLock::new(Arc::new(Ring {
                current,
                other: None,
            })),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Number of the master key in use.
    pub fn master_kvno(&self) -> u32 {
        self.ring().current.kvno
    }

    /// Seals a key for its place in a principal's record.
    pub fn seal(
        &self,
        principal: &Principal,
        plain: PlainKey,
        rng: &mut dyn CryptoRng,
    ) -> Result<StoredKey, RealmError> {
        let place = SealedFor {
            principal,
            record: &RecordKey::principal(principal),
            kvno: plain.kvno,
            enctype: plain.key.enctype(),
        };
        let sealed = seal_under(&self.ring().current, plain.key.bytes(), &place, rng)?;
        Ok(StoredKey {
            kvno: plain.kvno,
            enctype: place.enctype,
            salt: plain.salt,
            s2k_params: plain.s2k_params,
            sealed,
        })
    }

    /// Opens a key of a principal's record.
    pub fn unseal(&self, principal: &Principal, stored: &StoredKey) -> Result<Key, RealmError> {
        self.unseal_in(principal, &RecordKey::principal(principal), stored)
    }

    /// As [`Self::unseal`], for many keys of the one principal whose record is named so.
    pub(crate) fn unseal_in(
        &self,
        principal: &Principal,
        record: &RecordKey,
        stored: &StoredKey,
    ) -> Result<Key, RealmError> {
        let secret = self.unseal_bytes(principal, record, stored)?;
        Ok(Key::new(stored.enctype, &secret)?)
    }

    fn unseal_bytes(
        &self,
        principal: &Principal,
        record: &RecordKey,
        stored: &StoredKey,
    ) -> Result<Zeroizing<Vec<u8>>, RealmError> {
        let kvno = stored.sealed.master_kvno;
        let ring = self.ring();
        let numbered = ring.find(kvno).ok_or(RealmError::NoSuchMasterKey(kvno))?;
        let place = SealedFor {
            principal,
            record,
            kvno: stored.kvno,
            enctype: stored.enctype,
        };
        numbered.key.open(&stored.sealed, &place)
    }

    /// Seals every key of the entry again for another name.
    pub(crate) fn reseal_for(
        &self,
        entry: &mut Entry,
        name: &Principal,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), RealmError> {
        let ring = self.ring();
        self.reseal(entry, name, &ring.current, rng)
    }

    /// Seals every key of every principal under a new master key, in one commit, and counts the
    /// principals. Keep the old key file until this has returned.
    pub fn rotate(&self, key: MasterKey, rng: &mut dyn CryptoRng) -> Result<u64, RealmError> {
        let old = self.ring().current.clone();
        let new = Numbered {
            kvno: old.kvno.saturating_add(1),
            key: Arc::new(key),
        };
        self.set_ring(old.clone(), Some(new.clone()));
        for _ in 0..ATTEMPTS {
            match self.try_rotate(&new, rng) {
                Err(RealmError::Conflict(_)) => {}
                Ok(count) => {
                    self.set_ring(new, Some(old));
                    return Ok(count);
                }
                Err(error) => {
                    self.set_ring(old, None);
                    return Err(error);
                }
            }
        }
        self.set_ring(old, None);
        Err(RealmError::Conflict("the store".to_owned()))
    }

    fn try_rotate(&self, new: &Numbered, rng: &mut dyn CryptoRng) -> Result<u64, RealmError> {
        let mut batch = Batch::default();
        let prefix = RecordPrefix::kind(RecordKind::Principal);
        let seen = self.store.scan(&prefix, &mut |record| {
            let name = principal_of(record.key)?;
            if let PrincipalRecord::Entry(mut entry) = PrincipalRecord::decode(name, record.bytes)?
            {
                let name = entry.principal.clone();
                self.reseal(&mut entry, &name, new, rng)?;
                let expect = Expect::Version(record.version);
                let action = Action::Put(entry.to_record());
                batch.add(RecordKey::principal(&name), expect, action);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let count = batch.changes.len() as u64;
        let record = MasterRecord {
            kvno: new.kvno,
            fingerprint: new.key.fingerprint(),
        };
        batch.unchanged_since = Some(seen);
        self.store
            .commit(batch.put(RecordKey::master(), Expect::Present, record.to_record()))?;
        Ok(count)
    }

    fn reseal(
        &self,
        entry: &mut Entry,
        name: &Principal,
        under: &Numbered,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), RealmError> {
        let old_name = entry.principal.clone();
        let old_record = RecordKey::principal(&old_name);
        let record = RecordKey::principal(name);
        for stored in entry.keys.iter_mut().chain(&mut entry.history) {
            let secret = self.unseal_bytes(&old_name, &old_record, stored)?;
            let place = SealedFor {
                principal: name,
                record: &record,
                kvno: stored.kvno,
                enctype: stored.enctype,
            };
            stored.sealed = seal_under(under, &secret, &place, rng)?;
        }
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_ring(&self, current: Numbered, other: Option<Numbered>) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Ring { current, other });
    }
}

fn seal_under(
    master: &Numbered,
    secret: &[u8],
    place: &SealedFor<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<SealedKey, RealmError> {
    master.key.seal(secret, place, master.kvno, rng)
}

fn read_master(store: &dyn Store) -> Result<Option<Versioned<MasterRecord>>, RealmError> {
    let Some(found) = store.get(&RecordKey::master())? else {
        return Ok(None);
    };
    let record = MasterRecord::decode(&found.value)?;
    Ok(Some(found.map(|_| record)))
}
