//! Which principal somebody means who types a name beside a password.

use kerbstone_proto::name::{Principal, Realm};

use crate::password_fault::PasswordFault;

/// A longer name is nobody's.
const MOST_OCTETS: usize = 256;

/// The realms whose people may come with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realms {
    /// That of names without one.
    default: Realm,
    others: Vec<Realm>,
}

impl Realms {
    /// People of one realm, who need not write it.
    pub const fn only(default: Realm) -> Self {
        Self {
            default,
            others: Vec::new(),
        }
    }

    /// People of these realms too, who write theirs behind an `@`.
    #[must_use]
    pub fn and(mut self, others: impl IntoIterator<Item = Realm>) -> Self {
        self.others.extend(others);
        self
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    /// The principal that is meant. What stands behind an `@` is a realm and nothing else: it is never looked up as the
    /// address of somebody (an enterprise name).
    ///
    /// # Errors
    /// [`PasswordFault::Unknown`] for names that cannot be read, for realms that are not among these, and for principals
    /// of the KDC itself.
    pub fn principal(&self, name: &str) -> Result<Principal, PasswordFault> {
        let unknown = |why: &str| PasswordFault::Unknown(why.to_owned());
        if name.len() > MOST_OCTETS {
            return Err(unknown("it is too long"));
        }
        if name.chars().any(char::is_control) {
            return Err(unknown("it has control characters"));
        }
        let principal = Principal::parse(name, Some(&self.default))
            .map_err(|error| PasswordFault::Unknown(error.to_string()))?;
        let has_empty_part = principal.name.components.iter().any(|part| part.is_empty());
        if has_empty_part || principal.name.components.is_empty() {
            return Err(unknown("a part of it is empty"));
        }
        if !self.has(&principal.realm) {
            return Err(unknown("people of its realm do not sign in here"));
        }
        match principal
            .name
            .components
            .first()
            .and_then(|part| part.to_str())
        {
            Some("krbtgt" | "kadmin" | "WELLKNOWN" | "K") => Err(unknown("it is no person's")),
            _ => Ok(principal),
        }
    }

    fn has(&self, realm: &Realm) -> bool {
        *realm == self.default || self.others.contains(realm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realms() -> Realms {
        Realms::only("EXAMPLE.TEST".into()).and(["OTHER.TEST".into()])
    }

    fn read(name: &str) -> Option<String> {
        realms()
            .principal(name)
            .ok()
            .map(|principal| principal.to_string())
    }

    #[test]
    fn a_name_without_a_realm_is_of_the_default_one() {
        assert_eq!(read("alice").unwrap(), "alice@EXAMPLE.TEST");
        assert_eq!(read("alice/admin").unwrap(), "alice/admin@EXAMPLE.TEST");
        assert_eq!(read("alice@OTHER.TEST").unwrap(), "alice@OTHER.TEST");
    }

    #[test]
    fn what_stands_behind_an_at_sign_is_never_an_address() {
        for name in [
            "alice@example.test",
            "alice@EVIL.TEST",
            "alice@a@OTHER.TEST",
            "a\\@b@EVIL",
        ] {
            assert_eq!(read(name), None, "{name}");
        }
    }

    #[test]
    fn the_kdcs_own_principals_and_nonsense_are_nobody() {
        let long = "a".repeat(257);
        for name in [
            "",
            "@EXAMPLE.TEST",
            "a//b",
            "krbtgt/EXAMPLE.TEST",
            "kadmin/admin",
            "WELLKNOWN/ANONYMOUS",
            "al\u{0}ice",
            "alice\n",
            &long,
        ] {
            assert_eq!(read(name), None, "{name:?}");
        }
    }
}
