//! Who of those that are known may come in.

use crate::identity::Identity;

/// A rule of an entry point: without a word, whoever has proved who they are may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Principals (`alice@EXAMPLE.TEST`) or local names (`alice`) that may; empty: anybody.
    pub users: Vec<String>,
    /// Realms whose people may; empty: any realm.
    pub realms: Vec<String>,
}

/// Why somebody may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Their realm is not among those of the rule.
    #[error("people of this realm may not come in here")]
    Realm,
    /// They came anonymously, and the rule does not name the anonymous principal.
    #[error("nobody may come in here without a name")]
    Anonymous,
    /// They are not among the users of the rule.
    #[error("this user is not among those who may come in here")]
    User,
    /// The back end knows people by local names, and this principal has none.
    #[error("this principal is no user here: no rule of auth_to_local gives it a local name")]
    NoLocalName,
}

impl Rule {
    /// Whether that person may.
    ///
    /// # Errors
    /// [`Denied`] says why not.
    pub fn admit(&self, identity: &Identity) -> Result<(), Denied> {
        let realm = identity.principal.realm.as_bytes();
        if !self.realms.is_empty() && !self.realms.iter().any(|one| one.as_bytes() == realm) {
            return Err(Denied::Realm);
        }
        let principal = identity.principal.to_string();
        let is_named =
            |user: &String| *user == principal || Some(user) == identity.local_name.as_ref();
        if self.users.iter().any(is_named) {
            return Ok(());
        }
        if identity.principal.is_anonymous() {
            return Err(Denied::Anonymous);
        }
        match self.users.is_empty() {
            true => Ok(()),
            false => Err(Denied::User),
        }
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::Principal;

    use super::*;
    use crate::identity::tests::alice;

    fn rule(users: &[&str], realms: &[&str]) -> Rule {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Rule {
            users: owned(users),
            realms: owned(realms),
        }
    }

    #[test]
    fn without_a_word_everybody_known_may_come_in() {
        assert_eq!(Rule::default().admit(&alice()), Ok(()));
    }

    #[test]
    fn users_are_named_by_principal_or_by_local_name() {
        assert_eq!(rule(&["alice"], &[]).admit(&alice()), Ok(()));
        assert_eq!(rule(&["alice@EXAMPLE.TEST"], &[]).admit(&alice()), Ok(()));
        assert_eq!(rule(&["bob"], &[]).admit(&alice()), Err(Denied::User));
    }

    #[test]
    fn the_anonymous_principal_comes_in_only_where_it_is_named() {
        let name = "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS";
        let mut nobody = alice();
        nobody.principal = Principal::parse(name, None).unwrap();
        nobody.local_name = None;
        assert_eq!(Rule::default().admit(&nobody), Err(Denied::Anonymous));
        assert_eq!(rule(&[name], &[]).admit(&nobody), Ok(()));
    }

    #[test]
    fn a_namesake_of_another_realm_is_somebody_else() {
        let mut namesake = alice();
        namesake.principal.realm = "EVIL.TEST".into();
        namesake.local_name = None;
        assert_eq!(rule(&["alice"], &[]).admit(&namesake), Err(Denied::User));
        let realms = rule(&[], &["EXAMPLE.TEST"]);
        assert_eq!(realms.admit(&namesake), Err(Denied::Realm));
        assert_eq!(realms.admit(&alice()), Ok(()));
    }
}
