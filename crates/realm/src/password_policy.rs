//! What a password must be, as pure functions.

use std::time::Duration;

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

/// Demands on passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// A password must be this old before its owner may change it.
    pub min_life: Duration,
    /// A password expires at this age; `None` for never.
    pub max_life: Option<Duration>,
    /// Least number of characters.
    pub min_length: u32,
    /// Least number of character classes, of five: lower case, upper case, digits, punctuation, others.
    pub min_classes: u32,
    /// How many passwords, the current one included, may not come again.
    pub history: u32,
}

/// A change of password that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Whose password it is to be.
    pub principal: &'a Principal,
    /// The new password.
    pub password: &'a [u8],
    /// When the old one was set.
    pub last_change: Option<KerberosTime>,
    /// Set when its owner must change it now, so that its age does not matter.
    pub must_change: bool,
    /// Set when an administrator sets it, whom no minimum age binds.
    pub by_administrator: bool,
}

/// Why a password was refused, in words for its owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyViolation {
    /// Nothing was entered.
    #[error("The password is empty.")]
    Empty,
    /// Too few characters.
    #[error("The password is too short: it needs at least {needed} characters.")]
    TooShort {
        /// Least number of characters.
        needed: u32,
    },
    /// Too few kinds of characters.
    #[error(
        "The password is too simple: it needs characters of at least {needed} kinds (lower case, upper case, digits, punctuation, others) and has {found}."
    )]
    TooFewClasses {
        /// Least number of classes.
        needed: u32,
        /// Classes found.
        found: u32,
    },
    /// The password is part of the principal's own name.
    #[error("The password must not be part of your own name.")]
    IsName,
    /// It was used before.
    #[error("The password was used before. Choose one that is new.")]
    Reused,
    /// The current password is not old enough to be changed.
    #[error("The password was changed a moment ago and may be changed again from {0} on.")]
    TooSoon(KerberosTime),
}

impl PasswordPolicy {
    /// Judges everything but reuse, which needs the old keys (see [`crate::Registrar`]).
    pub fn check(
        &self,
        candidate: &Candidate<'_>,
        now: KerberosTime,
    ) -> Result<(), PolicyViolation> {
        self.check_age(candidate, now)?;
        check_not_empty(candidate.password)?;
        self.check_length(candidate.password)?;
        self.check_classes(candidate.password)?;
        check_not_the_name(candidate)
    }

    /// When a password set now expires.
    pub fn expiration(&self, now: KerberosTime) -> Option<KerberosTime> {
        self.max_life.map(|life| now.saturating_add(life))
    }

    fn check_age(
        &self,
        candidate: &Candidate<'_>,
        now: KerberosTime,
    ) -> Result<(), PolicyViolation> {
        if candidate.by_administrator || candidate.must_change {
            return Ok(());
        }
        match candidate
            .last_change
            .map(|at| at.saturating_add(self.min_life))
        {
            Some(allowed) if now < allowed => Err(PolicyViolation::TooSoon(allowed)),
            _ => Ok(()),
        }
    }

    fn check_length(&self, password: &[u8]) -> Result<(), PolicyViolation> {
        let length = match std::str::from_utf8(password) {
            Ok(text) => text.chars().count(),
            Err(_) => password.len(),
        };
        if length < self.min_length as usize {
            return Err(PolicyViolation::TooShort {
                needed: self.min_length,
            });
        }
        Ok(())
    }

    fn check_classes(&self, password: &[u8]) -> Result<(), PolicyViolation> {
        let found = character_classes(password);
        if found < self.min_classes {
            return Err(PolicyViolation::TooFewClasses {
                needed: self.min_classes,
                found,
            });
        }
        Ok(())
    }
}

/// The one demand that holds without any policy.
pub(crate) const fn check_not_empty(password: &[u8]) -> Result<(), PolicyViolation> {
    if password.is_empty() {
        Err(PolicyViolation::Empty)
    } else {
        Ok(())
    }
}

fn check_not_the_name(candidate: &Candidate<'_>) -> Result<(), PolicyViolation> {
    let name = &candidate.principal.name;
    let is_component = name.components.iter().any(|component| {
        component
            .as_bytes()
            .eq_ignore_ascii_case(candidate.password)
    });
    let realm = candidate.principal.realm.as_bytes();
    if is_component || realm.eq_ignore_ascii_case(candidate.password) {
        return Err(PolicyViolation::IsName);
    }
    Ok(())
}

fn character_classes(password: &[u8]) -> u32 {
    let kinds: [fn(&u8) -> bool; 5] = [
        u8::is_ascii_lowercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
        u8::is_ascii_punctuation,
        |byte| !byte.is_ascii_alphanumeric() && !byte.is_ascii_punctuation(),
    ];
    kinds
        .iter()
        .filter(|kind| password.iter().any(*kind))
        .count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(policy: &PasswordPolicy, password: &str) -> Result<(), PolicyViolation> {
        let principal = Principal::parse("alice/admin@EXAMPLE.ORG", None).unwrap();
        let candidate = Candidate {
            principal: &principal,
            password: password.as_bytes(),
            last_change: Some(KerberosTime::from_unix(1_000)),
            must_change: false,
            by_administrator: false,
        };
        policy.check(&candidate, KerberosTime::from_unix(1_500))
    }

    #[test]
    fn each_demand_refuses_what_falls_short_of_it_and_no_more() {
        let policy = PasswordPolicy {
            min_length: 8,
            min_classes: 3,
            ..PasswordPolicy::default()
        };
        let too_short = PolicyViolation::TooShort { needed: 8 };
        let simple = |found| PolicyViolation::TooFewClasses { needed: 3, found };
        let table = [
            ("", Err(PolicyViolation::Empty)),
            ("aB3", Err(too_short.clone())),
            ("aB3defg", Err(too_short.clone())),
            ("aB3defgh", Ok(())),
            ("ééééééé", Err(too_short)),
            ("abcdefgh", Err(simple(1))),
            ("abcdefg1", Err(simple(2))),
            ("abc def1", Ok(())),
            ("abcdeF-g", Ok(())),
        ];
        for (password, expected) in table {
            assert_eq!(judge(&policy, password), expected, "{password:?}");
        }
    }

    #[test]
    fn refuses_parts_of_the_own_name_in_any_case() {
        let policy = PasswordPolicy::default();
        for name in ["alice", "ALICE", "admin", "example.org"] {
            assert_eq!(judge(&policy, name), Err(PolicyViolation::IsName));
        }
        assert_eq!(judge(&policy, "alice!"), Ok(()));
    }

    #[test]
    fn a_minimum_age_binds_the_owner_but_not_the_administrator() {
        let policy = PasswordPolicy {
            min_life: Duration::from_secs(600),
            ..PasswordPolicy::default()
        };
        let allowed = KerberosTime::from_unix(1_600);
        assert_eq!(
            judge(&policy, "secret"),
            Err(PolicyViolation::TooSoon(allowed))
        );
        let principal = Principal::parse("alice@R", None).unwrap();
        let mut candidate = Candidate {
            principal: &principal,
            password: b"secret",
            last_change: Some(KerberosTime::from_unix(1_000)),
            must_change: false,
            by_administrator: true,
        };
        assert_eq!(
            policy.check(&candidate, KerberosTime::from_unix(1_001)),
            Ok(())
        );
        candidate.by_administrator = false;
        assert_eq!(policy.check(&candidate, allowed), Ok(()));
        candidate.must_change = true;
        assert_eq!(
            policy.check(&candidate, KerberosTime::from_unix(1_001)),
            Ok(())
        );
    }
}
