//! Creating, changing and deleting realms.

use std::ops::ControlFlow;
use std::time::Duration;

use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use rand_core::CryptoRng;

use super::{KeyChange, Registrar, Stamp, retrying};
use crate::attributes::Attributes;
use crate::directory::list_realms;
use crate::entry::Entry;
use crate::error::RealmError;
use crate::record_key::{RecordKey, RecordKind, RecordPrefix};
use crate::settings::RealmSettings;
use crate::store::{Action, Batch, Expect, Revision, Versioned};
use crate::stored_key::StoredKey;

const ADMIN_LIFE: Duration = Duration::from_secs(3 * 3600);
const PASSWORD_CHANGE_LIFE: Duration = Duration::from_secs(5 * 60);

impl Registrar {
    /// The realms of the store, in order of name.
    pub fn realms(&self) -> Result<Vec<Realm>, RealmError> {
        list_realms(self.vault())
    }

    /// A realm's settings.
    pub fn realm(&self, realm: &Realm) -> Result<Versioned<RealmSettings>, RealmError> {
        self.settings(realm)
    }

    /// Creates a realm with the principals that no realm can do without:
    /// `krbtgt/R`, `kadmin/admin` and `kadmin/changepw`.
    pub fn create_realm(
        &self,
        settings: &RealmSettings,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Revision, RealmError> {
        settings.check()?;
        self.check_default_policy(settings)?;
        let realm = &settings.name;
        let key = RecordKey::realm(realm);
        let mut batch = Batch::default().put(key, Expect::Absent, settings.to_record());
        for mut entry in standard_principals(realm, stamp) {
            entry.keys = self.random_keys_for(&entry, settings, rng)?;
            let key = RecordKey::principal(&entry.principal);
            batch.add(key, Expect::Absent, Action::Put(entry.to_record()));
        }
        self.store().commit(batch).map_err(|error| match error {
            RealmError::Conflict(_) => RealmError::RealmExists(realm.to_string()),
            other => other,
        })
    }

    fn random_keys_for(
        &self,
        entry: &Entry,
        settings: &RealmSettings,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<StoredKey>, RealmError> {
        self.make_keys(entry, &KeyChange::random().keys, &settings.keysalts, 1, rng)
    }

    /// Writes settings over the version they were made from.
    pub fn modify_realm(
        &self,
        settings: &Versioned<RealmSettings>,
    ) -> Result<Revision, RealmError> {
        settings.value.check()?;
        self.check_default_policy(&settings.value)?;
        let realm = &settings.value.name;
        let expect = Expect::Version(settings.version);
        let mut batch =
            Batch::default().put(RecordKey::realm(realm), expect, settings.value.to_record());
        if let Some(policy) = &settings.value.default_policy {
            batch = batch.require(RecordKey::policy(realm, policy), Expect::Present);
        }
        self.store().commit(batch)
    }

    /// Deletes a realm with everything in it, and counts the records that went.
    pub fn delete_realm(&self, realm: &Realm) -> Result<u64, RealmError> {
        retrying(|| {
            let found = self.settings(realm)?;
            let expect = Expect::Version(found.version);
            let mut batch = Batch::default().delete(RecordKey::realm(realm), expect);
            for kind in [
                RecordKind::Principal,
                RecordKind::Activity,
                RecordKind::Policy,
            ] {
                let prefix = RecordPrefix::realm(kind, realm);
                batch.unchanged_since = Some(self.store().scan(&prefix, &mut |record| {
                    let key = RecordKey::from_bytes(record.key)?;
                    batch.add(key, Expect::Any, Action::Delete);
                    Ok(ControlFlow::Continue(()))
                })?);
            }
            // Keys shared with realms elsewhere stand under those realms' names. Left behind, they would be a trust
            // of whichever realm gets this name next.
            for trust in found.value.trusts {
                let shared = Principal::krbtgt(realm, &trust.realm);
                if self.home_of(&shared)? == *realm && self.record(&shared)?.is_some() {
                    batch.add(RecordKey::principal(&shared), Expect::Any, Action::Delete);
                }
            }
            let count = batch.changes.len() as u64;
            self.store().commit(batch)?;
            Ok(count)
        })
    }

    fn check_default_policy(&self, settings: &RealmSettings) -> Result<(), RealmError> {
        if let Some(policy) = &settings.default_policy {
            self.named_policy(&settings.name, policy)?;
        }
        Ok(())
    }
}

/// With the attributes and lives that `kdb5_util create` gives them.
fn standard_principals(realm: &Realm, stamp: &Stamp) -> [Entry; 3] {
    let entry = |name, attributes, max_life| {
        let principal = Principal::new(name, realm.clone());
        let mut entry = Entry::new(principal, stamp.by.clone(), stamp.at);
        entry.attributes = Attributes::LOCKDOWN_KEYS | attributes;
        entry.max_life = max_life;
        entry.last_password_change = Some(stamp.at);
        entry
    };
    let kadmin = |name: &str| PrincipalName::new(NameType::PRINCIPAL, ["kadmin", name]);
    [
        entry(PrincipalName::krbtgt(realm), Attributes::NONE, None),
        entry(
            kadmin("admin"),
            Attributes::DISALLOW_TGT_BASED,
            Some(ADMIN_LIFE),
        ),
        entry(
            kadmin("changepw"),
            Attributes::DISALLOW_TGT_BASED | Attributes::PWCHANGE_SERVICE,
            Some(PASSWORD_CHANGE_LIFE),
        ),
    ]
}
