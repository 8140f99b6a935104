//! A principal as the KDC uses it: keys open, and nothing that only administrators need.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::{CryptoError, Enctype, Key};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use crate::attributes::Attributes;
use crate::delegation::Delegation;
use crate::entry::{Entry, Lockout};
use crate::error::RealmError;
use crate::record_key::RecordKey;
use crate::store::{Revision, Versioned};
use crate::vault::Vault;

/// A key ready for use. Its derived keys and schedules stay with it as long as the entry is cached.
#[derive(Clone, Debug)]
pub struct OpenKey {
    /// Key version number.
    pub kvno: u32,
    /// The key, which knows its enctype.
    pub key: Key,
    /// The salt to announce.
    pub salt: Vec<u8>,
    /// The string-to-key parameters to announce; `None` for the enctype's default.
    pub s2k_params: Option<Vec<u8>>,
}

/// A principal with its keys open. The keys are wiped when the last holder lets go.
pub struct OpenEntry {
    /// Its own name, which differs from the name asked for when that is an alias.
    pub principal: Arc<Principal>,
    /// What it may and must do.
    pub attributes: Attributes,
    /// Longest life of tickets; `None` leaves it to the realm.
    pub max_life: Option<Duration>,
    /// Longest renewable life of tickets; `None` leaves it to the realm.
    pub max_renewable_life: Option<Duration>,
    /// When the principal ceases to exist.
    pub expiration: Option<KerberosTime>,
    /// When the password must be changed.
    pub password_expiration: Option<KerberosTime>,
    /// When keys were set last.
    pub last_password_change: Option<KerberosTime>,
    /// Name of its policy in its realm.
    pub policy: Option<String>,
    /// Locked out by wrong passwords, maybe no longer.
    pub lockout: Option<Lockout>,
    /// When failures were forgiven last.
    pub unlocked_at: Option<KerberosTime>,
    /// Keys, newest kvno first and within it in the realm's order of preference.
    pub keys: Vec<OpenKey>,
    /// Who may act for clients.
    pub delegation: Delegation,
    /// String attributes.
    pub strings: BTreeMap<String, String>,
    /// The revision of the record.
    pub version: Revision,
}

impl fmt::Debug for OpenEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenEntry")
            .field("principal", &self.principal)
            .field("version", &self.version)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl OpenEntry {
    /// Opens the keys of an entry. Keys of enctypes that this build cannot use are left out.
    pub fn open(vault: &Vault, entry: Versioned<Entry>) -> Result<Self, RealmError> {
        let Versioned { version, value } = entry;
        let record = RecordKey::principal(&value.principal);
        let delegation = value.delegation();
        let mut keys = Vec::with_capacity(value.keys.len());
        for stored in value.keys {
            let key = match vault.unseal_in(&value.principal, &record, &stored) {
                Ok(key) => key,
                Err(RealmError::Crypto(CryptoError::LegacyDisabled(_))) => continue,
                Err(error) => return Err(error),
            };
            keys.push(OpenKey {
                kvno: stored.kvno,
                key,
                salt: stored.salt.resolve(&value.principal).into_owned(),
                s2k_params: stored.s2k_params,
            });
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.kvno));
        Ok(Self {
            principal: Arc::new(value.principal),
            attributes: value.attributes,
            max_life: value.max_life,
            max_renewable_life: value.max_renewable_life,
            expiration: value.expiration,
            password_expiration: value.password_expiration,
            last_password_change: value.last_password_change,
            policy: value.policy,
            lockout: value.lockout,
            unlocked_at: value.unlocked_at,
            keys,
            delegation,
            strings: value.strings,
            version,
        })
    }

    /// The newest key version number, 0 when there are no keys.
    pub fn kvno(&self) -> u32 {
        self.keys.first().map_or(0, |key| key.kvno)
    }

    /// The keys of the newest version, in order of preference.
    pub fn current_keys(&self) -> impl Iterator<Item = &OpenKey> {
        let kvno = self.kvno();
        self.keys.iter().take_while(move |key| key.kvno == kvno)
    }

    /// The newest version's key of an enctype.
    pub fn key(&self, enctype: Enctype) -> Option<&OpenKey> {
        self.current_keys().find(|key| key.key.enctype() == enctype)
    }

    /// The key of a given version and enctype: what a ticket names.
    pub fn key_of(&self, kvno: u32, enctype: Enctype) -> Option<&OpenKey> {
        self.keys
            .iter()
            .find(|key| key.kvno == kvno && key.key.enctype() == enctype)
    }

    /// Whether an administrator or wrong passwords keep it out at this time.
    pub fn is_locked(&self, now: KerberosTime) -> bool {
        self.attributes.contains(Attributes::LOCKED)
            || self.lockout.is_some_and(|lockout| lockout.holds(now))
    }
}
