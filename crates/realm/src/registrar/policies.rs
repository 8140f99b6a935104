//! Creating, changing and deleting policies.

use std::ops::ControlFlow;

use kerbstone_proto::name::Realm;

use super::{Registrar, retrying};
use crate::entry::PrincipalRecord;
use crate::error::RealmError;
use crate::policy::Policy;
use crate::record_key::{RecordKey, RecordKind, RecordPrefix, principal_of, split};
use crate::store::{Batch, Expect, Revision, Versioned};

impl Registrar {
    /// A policy of a realm.
    pub fn policy(&self, realm: &Realm, name: &str) -> Result<Versioned<Policy>, RealmError> {
        self.named_policy(realm, name)
    }

    /// The names of a realm's policies, in order.
    pub fn policies(&self, realm: &Realm) -> Result<Vec<String>, RealmError> {
        let mut names = Vec::new();
        let prefix = RecordPrefix::realm(RecordKind::Policy, realm);
        self.store().scan(&prefix, &mut |record| {
            names.push(String::from_utf8_lossy(split(record.key)?.1).into_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(names)
    }

    /// Creates a policy.
    pub fn create_policy(&self, realm: &Realm, policy: &Policy) -> Result<Revision, RealmError> {
        policy.check()?;
        self.settings(realm)?;
        let key = RecordKey::policy(realm, &policy.name);
        let batch = Batch::default()
            .require(RecordKey::realm(realm), Expect::Present)
            .put(key, Expect::Absent, policy.to_record());
        self.store().commit(batch).map_err(|error| match error {
            RealmError::Conflict(_) => RealmError::PolicyExists(policy.name.clone()),
            other => other,
        })
    }

    /// Writes a policy over the version it was made from.
    pub fn modify_policy(
        &self,
        realm: &Realm,
        policy: &Versioned<Policy>,
    ) -> Result<Revision, RealmError> {
        policy.value.check()?;
        let key = RecordKey::policy(realm, &policy.value.name);
        let expect = Expect::Version(policy.version);
        self.store()
            .commit(Batch::default().put(key, expect, policy.value.to_record()))
    }

    /// Deletes a policy that nothing names any more.
    pub fn delete_policy(&self, realm: &Realm, name: &str) -> Result<(), RealmError> {
        retrying(|| {
            let found = self.named_policy(realm, name)?;
            let seen = self.check_unused(realm, name)?;
            let key = RecordKey::policy(realm, name);
            let mut batch = Batch::default().delete(key, Expect::Version(found.version));
            batch.unchanged_since = Some(seen);
            self.store().commit(batch).map(|_| ())
        })
    }

    /// Refuses when the realm or one of its principals names the policy; tells as of which moment.
    fn check_unused(&self, realm: &Realm, name: &str) -> Result<Revision, RealmError> {
        let mut count = 0_usize;
        let mut example = String::new();
        let mut note = |user: String| {
            if count == 0 {
                example = user;
            }
            count = count.saturating_add(1);
        };
        let prefix = RecordPrefix::realm(RecordKind::Principal, realm);
        let seen = self.store().scan(&prefix, &mut |record| {
            let principal = principal_of(record.key)?;
            if let PrincipalRecord::Entry(entry) = PrincipalRecord::decode(principal, record.bytes)?
                && entry.policy.as_deref() == Some(name)
            {
                note(entry.principal.to_string());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if self.settings(realm)?.value.default_policy.as_deref() == Some(name) {
            note(format!("realm {realm}"));
        }
        if count == 0 {
            return Ok(seen);
        }
        Err(RealmError::PolicyInUse {
            policy: name.to_owned(),
            count,
            example,
        })
    }
}
