//! Policies: what passwords must be, when wrong ones lock out, how long tickets may live.

use std::time::Duration;

use crate::codec::{Reader, Writer};
use crate::error::RealmError;
use crate::password_policy::PasswordPolicy;
use crate::stored_key::Keysalt;

const FORMAT: u8 = 1;

/// When wrong passwords lock a principal out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Failures that lock out; 0 for never.
    pub max_failures: u32,
    /// Failures further apart than this do not add up; `None`: they always do.
    pub failure_interval: Option<Duration>,
    /// How long it lasts; `None` until an administrator unlocks.
    pub duration: Option<Duration>,
}

/// A named set of demands that principals of a realm point to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its name, unique in its realm.
    pub name: String,
    /// What passwords must be.
    pub password: PasswordPolicy,
    /// When wrong passwords lock out.
    pub lockout: LockoutPolicy,
    /// Longest life of tickets for principals created under it.
    pub max_life: Option<Duration>,
    /// Longest renewable life of tickets for principals created under it.
    pub max_renewable_life: Option<Duration>,
    /// Which keys may be made; `None` for any.
    pub allowed_keysalts: Option<Vec<Keysalt>>,
}

impl Policy {
    /// A policy that demands nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Refuses numbers that contradict each other.
    pub(crate) fn check(&self) -> Result<(), RealmError> {
        let contradiction = |text: &str| Err(RealmError::Contradiction(text.to_owned()));
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return contradiction("a policy needs a name of printable characters");
        }
        let password = &self.password;
        if password.max_life.is_some_and(|max| max < password.min_life) {
            return contradiction("the maximum password life is shorter than the minimum");
        }
        if password.min_classes > 5 {
            return contradiction("there are only five character classes");
        }
        if self.allowed_keysalts.as_ref().is_some_and(Vec::is_empty) {
            return contradiction("a policy that allows no keysalt allows no key");
        }
        Ok(())
    }

    pub(crate) fn to_record(&self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.number(self.password.min_life.as_secs());
        out.optional_duration(self.password.max_life);
        out.number(self.password.min_length.into());
        out.number(self.password.min_classes.into());
        out.number(self.password.history.into());
        out.number(self.lockout.max_failures.into());
        out.optional_duration(self.lockout.failure_interval);
        out.optional_duration(self.lockout.duration);
        out.optional_duration(self.max_life);
        out.optional_duration(self.max_renewable_life);
        out.option(self.allowed_keysalts.as_ref(), |out, keysalts| {
            out.list(keysalts, |out, keysalt| keysalt.write(out));
        });
        out.finish()
    }

    pub(crate) fn decode(name: &[u8], bytes: &[u8]) -> Result<Self, RealmError> {
        let mut input = Reader::new("policy", bytes, FORMAT)?;
        let name =
            String::from_utf8(name.to_vec()).map_err(|_| input.damaged("name is not UTF-8"))?;
        let policy = Self {
            name,
            password: PasswordPolicy {
                min_life: Duration::from_secs(input.number()?),
                max_life: input.optional_duration()?,
                min_length: input.narrow()?,
                min_classes: input.narrow()?,
                history: input.narrow()?,
            },
            lockout: LockoutPolicy {
                max_failures: input.narrow()?,
                failure_interval: input.optional_duration()?,
                duration: input.optional_duration()?,
            },
            max_life: input.optional_duration()?,
            max_renewable_life: input.optional_duration()?,
            allowed_keysalts: input.option(|input| input.list(Keysalt::read))?,
        };
        input.finish()?;
        Ok(policy)
    }
}
