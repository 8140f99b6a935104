//! Other names of principals.

use kerbstone_proto::name::Principal;

use super::principals::check_name;
use super::{Registrar, Stamp, retrying};
use crate::entry::PrincipalRecord;
use crate::error::RealmError;
use crate::record_key::RecordKey;
use crate::store::{Batch, Expect};

impl Registrar {
    /// Gives a principal another name besides its own. An alias names a principal and never an
    /// alias, so there are no chains and no loops.
    pub fn add_alias(
        &self,
        alias: &Principal,
        target: &Principal,
        stamp: &Stamp,
    ) -> Result<(), RealmError> {
        check_name(alias)?;
        if alias.realm != target.realm {
            return Err(RealmError::AliasInOtherRealm {
                alias: alias.to_string(),
                target: target.to_string(),
            });
        }
        retrying(|| self.try_add_alias(alias, target, stamp))
    }

    fn try_add_alias(
        &self,
        alias: &Principal,
        target: &Principal,
        stamp: &Stamp,
    ) -> Result<(), RealmError> {
        let found = self.own_entry(target).map_err(|error| match error {
            RealmError::IsAlias { .. } => RealmError::AliasOfAlias {
                alias: alias.to_string(),
                target: target.to_string(),
            },
            other => other,
        })?;
        if self.record(alias)?.is_some() {
            return Err(RealmError::PrincipalExists(alias.to_string()));
        }
        let mut entry = found.value;
        entry.aliases.push(alias.clone());
        entry.modified_by = stamp.by.clone();
        entry.modified_at = stamp.at;
        let record = PrincipalRecord::alias_record(&entry.principal);
        let batch = Batch::default()
            .put(RecordKey::principal(alias), Expect::Absent, record)
            .put(
                RecordKey::principal(target),
                Expect::Version(found.version),
                entry.to_record(),
            );
        self.store().commit(batch).map(|_| ())
    }

    /// Takes a name away again.
    pub fn remove_alias(&self, alias: &Principal, stamp: &Stamp) -> Result<(), RealmError> {
        retrying(|| self.try_remove_alias(alias, stamp))
    }

    pub(super) fn try_remove_alias(
        &self,
        alias: &Principal,
        stamp: &Stamp,
    ) -> Result<(), RealmError> {
        let found = self
            .record(alias)?
            .ok_or_else(|| RealmError::NoSuchPrincipal(alias.to_string()))?;
        let PrincipalRecord::Alias(target) = found.value else {
            return Err(RealmError::NotAnAlias(alias.to_string()));
        };
        let mut batch =
            Batch::default().delete(RecordKey::principal(alias), Expect::Version(found.version));
        match self.own_entry(&target) {
            Ok(owner) => {
                let mut entry = owner.value;
                entry.aliases.retain(|name| name != alias);
                entry.modified_by = stamp.by.clone();
                entry.modified_at = stamp.at;
                let key = RecordKey::principal(&target);
                batch = batch.put(key, Expect::Version(owner.version), entry.to_record());
            }
            Err(RealmError::NoSuchPrincipal(_)) => {}
            Err(error) => return Err(error),
        }
        self.store().commit(batch).map(|_| ())
    }
}
