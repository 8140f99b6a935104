//! Creating, showing and changing policies.

use kerbstone_proto::name::Realm;
use kerbstone_realm::{Glob, Policy, RealmError};

use super::Administration;
use crate::error::AdminError;
use crate::operation::PolicyChanges;
use crate::reply::{PolicyView, Reply};

/// How often a change that lost a race is tried.
pub(super) const ATTEMPTS: usize = 16;
const CHARACTER_CLASSES: u32 = 5;

impl Administration {
    pub(super) fn create_policy(
        &self,
        realm: &Realm,
        name: String,
        changes: &PolicyChanges,
    ) -> Result<Reply, AdminError> {
        let mut policy = Policy::new(name);
        changes.apply(&mut policy)?;
        self.registrar.create_policy(realm, &policy)?;
        Ok(Reply::Done)
    }

    pub(super) fn get_policy(&self, realm: &Realm, name: &str) -> Result<Reply, AdminError> {
        let policy = self.registrar.policy(realm, name)?.value;
        Ok(Reply::Policy(Box::new(PolicyView::new(policy))))
    }

    pub(super) fn list_policies(
        &self,
        realm: &Realm,
        pattern: Option<&str>,
    ) -> Result<Reply, AdminError> {
        self.registrar.realm(realm)?;
        let glob = pattern.map_or_else(|| Ok(Glob::any()), Glob::parse)?;
        let mut names = self.registrar.policies(realm)?;
        names.retain(|name| glob.matches(name.as_bytes()));
        Ok(Reply::Policies(names))
    }

    pub(super) fn modify_policy(
        &self,
        realm: &Realm,
        name: &str,
        changes: &PolicyChanges,
    ) -> Result<Reply, AdminError> {
        retrying(|| {
            let mut policy = self.registrar.policy(realm, name)?;
            changes.apply(&mut policy.value)?;
            self.registrar.modify_policy(realm, &policy)?;
            Ok(Reply::Done)
        })
    }
}

impl PolicyChanges {
    fn apply(&self, policy: &mut Policy) -> Result<(), AdminError> {
        let password = &mut policy.password;
        if let Some(life) = self.min_password_life {
            password.min_life = life;
        }
        self.max_password_life.apply(&mut password.max_life);
        put(&mut password.min_length, self.min_length);
        put(&mut password.min_classes, self.min_classes);
        put(&mut password.history, self.history);
        if password.min_classes > CHARACTER_CLASSES {
            return Err(AdminError::TooManyClasses(password.min_classes));
        }
        if password.max_life.is_some_and(|max| max < password.min_life) {
            return Err(AdminError::PasswordLives);
        }
        let lockout = &mut policy.lockout;
        put(&mut lockout.max_failures, self.max_failures);
        self.failure_interval.apply(&mut lockout.failure_interval);
        self.lockout_duration.apply(&mut lockout.duration);
        self.max_life.apply(&mut policy.max_life);
        self.max_renewable_life
            .apply(&mut policy.max_renewable_life);
        self.allowed_keysalts.apply(&mut policy.allowed_keysalts);
        Ok(())
    }
}

fn put(field: &mut u32, value: Option<u32>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Repeats a change on what the winner of a race has left.
pub(super) fn retrying<T>(
    mut attempt: impl FnMut() -> Result<T, AdminError>,
) -> Result<T, AdminError> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(AdminError::Realm(RealmError::Conflict(_))) => {}
            done => return done,
        }
    }
    attempt()
}
