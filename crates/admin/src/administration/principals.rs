//! Creating, showing, listing and changing principals.

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_realm::{Entry, Glob, KeyChange, Keysalt, NewKeys, Revision, Stamp};
use rand_core::CryptoRng;

use super::Administration;
use crate::change::Change;
use crate::error::AdminError;
use crate::operation::{KeySource, PrincipalChanges};
use crate::reply::{PrincipalView, Reply};

impl Administration {
    pub(super) fn create_principal(
        &self,
        principal: &Principal,
        keys: &KeySource,
        keysalts: Option<Vec<Keysalt>>,
        changes: &PrincipalChanges,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        let mut entry = self.registrar.template(principal, stamp)?;
        if matches!(keys, KeySource::Password(_)) && !principal.is_krbtgt() {
            // Passwords can be guessed at, so whoever has one is a user, root/admin too.
            entry.attributes |= self
                .registrar
                .realm(&principal.realm)?
                .value
                .user_attributes;
        }
        self.take_lives_from_policy(&mut entry, &changes.policy)?;
        changes.apply(&mut entry);
        let mut change = KeyChange::new(keys.new_keys());
        change.keysalts = keysalts;
        let made = self.registrar.create(entry, &change, stamp, rng)?;
        Ok(Reply::Kvno(made.value.kvno()))
    }

    /// The template has the lives of the realm's default policy; another policy brings its own.
    fn take_lives_from_policy(
        &self,
        entry: &mut Entry,
        policy: &Change<String>,
    ) -> Result<(), AdminError> {
        match policy {
            Change::Keep => return Ok(()),
            Change::Clear => {
                entry.max_life = None;
                entry.max_renewable_life = None;
            }
            Change::Set(name) => {
                let policy = self.registrar.policy(&entry.principal.realm, name)?.value;
                entry.max_life = policy.max_life;
                entry.max_renewable_life = policy.max_renewable_life;
            }
        }
        Ok(())
    }

    pub(super) fn get_principal(&self, principal: &Principal) -> Result<Reply, AdminError> {
        let view = PrincipalView::new(self.registrar.show(principal)?);
        Ok(Reply::Principal(Box::new(view)))
    }

    pub(super) fn list_principals(
        &self,
        realm: &Realm,
        pattern: Option<&str>,
    ) -> Result<Reply, AdminError> {
        self.registrar.realm(realm)?;
        let glob = pattern.map_or_else(|| Ok(Glob::any()), Glob::parse)?;
        Ok(Reply::Principals(self.registrar.list(realm, &glob)?))
    }

    pub(super) fn modify_principal(
        &self,
        principal: &Principal,
        seen: Option<u64>,
        changes: &PrincipalChanges,
        stamp: &Stamp,
    ) -> Result<Reply, AdminError> {
        let seen = seen.map(Revision);
        self.registrar.modify(principal, seen, stamp, |entry| {
            changes.apply(entry);
            Ok(())
        })?;
        Ok(Reply::Done)
    }
}

impl KeySource {
    fn new_keys(&self) -> NewKeys<'_> {
        match self {
            Self::Password(password) => NewKeys::Password(password.as_bytes()),
            Self::Random => NewKeys::Random,
            Self::None => NewKeys::None,
        }
    }
}

impl PrincipalChanges {
    fn apply(&self, entry: &mut Entry) {
        entry.attributes = self.attributes.apply(entry.attributes);
        self.max_life.apply(&mut entry.max_life);
        self.max_renewable_life.apply(&mut entry.max_renewable_life);
        self.expiration.apply(&mut entry.expiration);
        self.password_expiration
            .apply(&mut entry.password_expiration);
        self.policy.apply(&mut entry.policy);
        if self.delegate_to.is_keep() && self.delegate_from.is_keep() {
            return;
        }
        let mut delegation = entry.delegation();
        self.delegate_to.apply(&mut delegation.targets);
        self.delegate_from.apply(&mut delegation.fronts);
        entry.set_delegation(&delegation);
    }
}
