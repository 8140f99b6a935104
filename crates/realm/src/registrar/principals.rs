//! Creating, changing, renaming and deleting principals.

use kerbstone_proto::name::{Principal, Realm};
use rand_core::CryptoRng;

use super::{EntryView, KeyChange, Registrar, Stamp, retrying};
use crate::activity::Activity;
use crate::attributes::Attributes;
use crate::delegation;
use crate::entry::{Entry, PrincipalRecord};
use crate::error::RealmError;
use crate::record_key::RecordKey;
use crate::store::{Action, Batch, Expect, Revision, Versioned};

/// A name's text longer than this is nobody's.
const LONGEST_NAME: usize = 1024;

impl Registrar {
    /// The principal of that name or alias, with its logins.
    pub fn show(&self, name: &Principal) -> Result<EntryView, RealmError> {
        let entry = self.entry(name)?;
        let activity = self.activity(&entry.value.principal)?;
        Ok(EntryView { entry, activity })
    }

    /// A record with what the realm gives new principals, to be completed and handed to [`Self::create`].
    pub fn template(&self, name: &Principal, stamp: &Stamp) -> Result<Entry, RealmError> {
        let settings = self.settings(&self.home_of(name)?)?.value;
        let mut entry = Entry::new(name.clone(), stamp.by.clone(), stamp.at);
        if settings.name == name.realm {
            entry.policy = settings.default_policy;
        }
        if let [_] = name.name.components.as_slice() {
            entry.attributes = settings.user_attributes;
        }
        if let Some(policy) = self.policy_of(&entry)? {
            entry.max_life = policy.max_life;
            entry.max_renewable_life = policy.max_renewable_life;
        }
        Ok(entry)
    }

    /// Creates a principal with keys. An administrator's password must still satisfy the policy.
    pub fn create(
        &self,
        mut entry: Entry,
        keys: &KeyChange<'_>,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Versioned<Entry>, RealmError> {
        check_name(&entry.principal)?;
        entry.keys.clear();
        entry.history.clear();
        entry.aliases.clear();
        entry.lockout = None;
        entry.unlocked_at = Some(stamp.at);
        entry.modified_by = stamp.by.clone();
        entry.modified_at = stamp.at;
        let needs_change = entry.attributes.contains(Attributes::NEEDCHANGE);
        let expiration = entry.password_expiration;
        self.apply_keys(&mut entry, keys, stamp, rng)?;
        entry.attributes = entry.attributes.with(Attributes::NEEDCHANGE, needs_change);
        entry.password_expiration = expiration.or(entry.password_expiration);
        retrying(|| self.try_create(&entry))
    }

    fn try_create(&self, entry: &Entry) -> Result<Versioned<Entry>, RealmError> {
        let name = &entry.principal;
        if self.record(name)?.is_some() {
            return Err(RealmError::PrincipalExists(name.to_string()));
        }
        let home = self.home_of(name)?;
        let mut batch = Batch::default()
            .require(RecordKey::realm(&home), Expect::Present)
            .put(
                RecordKey::principal(name),
                Expect::Absent,
                entry.to_record(),
            )
            .delete(RecordKey::activity(name), Expect::Any);
        self.require_policy(entry, &mut batch)?;
        let version = self.store().commit(batch)?;
        Ok(Versioned {
            version,
            value: entry.clone(),
        })
    }

    /// Changes a principal's record. With `seen`, fails with [`RealmError::Conflict`] when the
    /// record is no longer of that version. Names, aliases and keys have operations of their own
    /// and stay as they are whatever `change` does.
    pub fn modify(
        &self,
        name: &Principal,
        seen: Option<Revision>,
        stamp: &Stamp,
        mut change: impl FnMut(&mut Entry) -> Result<(), RealmError>,
    ) -> Result<Versioned<Entry>, RealmError> {
        let mut attempt = || {
            let old = self.entry(name)?;
            if seen.is_some_and(|seen| seen != old.version) {
                return Err(RealmError::Conflict(name.to_string()));
            }
            let mut entry = old.value.clone();
            change(&mut entry)?;
            entry.principal = old.value.principal;
            entry.keys = old.value.keys;
            entry.history = old.value.history;
            entry.aliases = old.value.aliases;
            self.save(entry, old.version, stamp)
        };
        match seen {
            Some(_) => attempt(),
            None => retrying(attempt),
        }
    }

    /// Sets a string attribute, or removes it.
    pub fn set_string(
        &self,
        name: &Principal,
        key: &str,
        value: Option<&str>,
        stamp: &Stamp,
    ) -> Result<Versioned<Entry>, RealmError> {
        self.modify(name, None, stamp, |entry| {
            if let Some(value) = value {
                delegation::check(key, value, &entry.principal.realm)?;
            }
            match value {
                Some(value) => entry.strings.insert(key.to_owned(), value.to_owned()),
                None => entry.strings.remove(key),
            };
            Ok(())
        })
    }

    /// Keeps a principal out until it is unlocked.
    pub fn lock(&self, name: &Principal, stamp: &Stamp) -> Result<Versioned<Entry>, RealmError> {
        self.modify(name, None, stamp, |entry| {
            entry.attributes |= Attributes::LOCKED;
            Ok(())
        })
    }

    /// Lets a principal in again and forgives its failures.
    pub fn unlock(&self, name: &Principal, stamp: &Stamp) -> Result<Versioned<Entry>, RealmError> {
        self.modify(name, None, stamp, |entry| {
            entry.attributes = entry.attributes - Attributes::LOCKED;
            entry.lockout = None;
            entry.unlocked_at = Some(stamp.at);
            Ok(())
        })
    }

    /// Gives a principal another name, in this or another realm of the store. Its keys keep
    /// their salts, so its password goes on working; its aliases follow.
    pub fn rename(
        &self,
        from: &Principal,
        to: &Principal,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Versioned<Entry>, RealmError> {
        check_name(to)?;
        retrying(|| self.try_rename(from, to, stamp, rng))
    }

    fn try_rename(
        &self,
        from: &Principal,
        to: &Principal,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Versioned<Entry>, RealmError> {
        let Versioned { version, value } = self.own_entry(from)?;
        let mut entry = value;
        check_not_locked_down(&entry)?;
        if self.record(to)?.is_some() {
            return Err(RealmError::PrincipalExists(to.to_string()));
        }
        if let Some(alias) = entry.aliases.iter().find(|alias| alias.realm != to.realm) {
            return Err(RealmError::AliasInOtherRealm {
                alias: alias.to_string(),
                target: to.to_string(),
            });
        }
        entry.make_salts_explicit();
        self.vault().reseal_for(&mut entry, to, rng)?;
        entry.principal = to.clone();
        entry.modified_by = stamp.by.clone();
        entry.modified_at = stamp.at;
        let mut batch = Batch::default()
            .require(RecordKey::realm(&self.home_of(to)?), Expect::Present)
            .delete(RecordKey::principal(from), Expect::Version(version))
            .put(RecordKey::principal(to), Expect::Absent, entry.to_record())
            .put(
                RecordKey::activity(to),
                Expect::Any,
                self.activity(from)?.to_record(),
            )
            .delete(RecordKey::activity(from), Expect::Any);
        for alias in &entry.aliases {
            let record = PrincipalRecord::alias_record(to);
            batch.add(
                RecordKey::principal(alias),
                Expect::Present,
                Action::Put(record),
            );
        }
        self.require_policy(&entry, &mut batch)?;
        let version = self.store().commit(batch)?;
        Ok(Versioned {
            version,
            value: entry,
        })
    }

    /// Deletes a principal with its aliases; of an alias, the alias alone.
    pub fn delete(&self, name: &Principal, stamp: &Stamp) -> Result<(), RealmError> {
        retrying(|| match self.own_entry(name) {
            Err(RealmError::IsAlias { .. }) => self.try_remove_alias(name, stamp),
            found => self.try_delete(&found?),
        })
    }

    fn try_delete(&self, entry: &Versioned<Entry>) -> Result<(), RealmError> {
        check_not_locked_down(&entry.value)?;
        let name = &entry.value.principal;
        let mut batch = Batch::default()
            .delete(RecordKey::principal(name), Expect::Version(entry.version))
            .delete(RecordKey::activity(name), Expect::Any);
        for alias in &entry.value.aliases {
            batch.add(RecordKey::principal(alias), Expect::Any, Action::Delete);
        }
        self.store().commit(batch).map(|_| ())
    }

    /// Writes a changed record over the version it was made from.
    pub(super) fn save(
        &self,
        mut entry: Entry,
        version: Revision,
        stamp: &Stamp,
    ) -> Result<Versioned<Entry>, RealmError> {
        entry.modified_by = stamp.by.clone();
        entry.modified_at = stamp.at;
        let key = RecordKey::principal(&entry.principal);
        let mut batch = Batch::default().put(key, Expect::Version(version), entry.to_record());
        self.require_policy(&entry, &mut batch)?;
        let version = self.store().commit(batch)?;
        Ok(Versioned {
            version,
            value: entry,
        })
    }

    pub(super) fn activity(&self, name: &Principal) -> Result<Activity, RealmError> {
        match self.store().get(&RecordKey::activity(name))? {
            Some(found) => Activity::decode(&found.value),
            None => Ok(Activity::default()),
        }
    }

    /// Adds to the batch that the entry's policy is there.
    pub(super) fn require_policy(
        &self,
        entry: &Entry,
        batch: &mut Batch,
    ) -> Result<(), RealmError> {
        if let Some(policy) = &entry.policy {
            let realm = &entry.principal.realm;
            self.named_policy(realm, policy)?;
            batch.add(
                RecordKey::policy(realm, policy),
                Expect::Present,
                Action::Keep,
            );
        }
        Ok(())
    }

    /// The realm of this store that a principal belongs to: its own or, for the key that a foreign
    /// realm shares with one of ours (`krbtgt/OURS@THEIRS`), ours.
    pub(super) fn home_of(&self, name: &Principal) -> Result<Realm, RealmError> {
        if self.store().get(&RecordKey::realm(&name.realm))?.is_some() {
            return Ok(name.realm.clone());
        }
        if let Some(realm) = name.name.krbtgt_realm()
            && self.store().get(&RecordKey::realm(&realm))?.is_some()
        {
            return Ok(realm);
        }
        Err(RealmError::NoSuchRealm(name.realm.to_string()))
    }
}

/// Refuses names that no text form could tell from others.
pub(super) fn check_name(name: &Principal) -> Result<(), RealmError> {
    let components = &name.name.components;
    let empty = components
        .iter()
        .all(|component| component.as_bytes().is_empty());
    if empty || name.unparse().len() > LONGEST_NAME {
        return Err(RealmError::Contradiction(format!(
            "{name} is no name for a principal: it is empty or too long"
        )));
    }
    Ok(())
}

fn check_not_locked_down(entry: &Entry) -> Result<(), RealmError> {
    if entry.attributes.contains(Attributes::LOCKDOWN_KEYS) {
        return Err(RealmError::LockedDown(entry.principal.to_string()));
    }
    Ok(())
}
