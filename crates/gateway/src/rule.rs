//! Who of those that are known may come in.

use crate::certificate::ClientCertificate;
use crate::identity::Identity;
use crate::pattern::Pattern;

/// A rule of an entry point. Every list that is not empty must have something that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Principals (`alice@EXAMPLE.TEST`, `*/admin@EXAMPLE.TEST`) or local names (`alice`) that may.
    pub users: Vec<Pattern>,
    /// Realms whose people may.
    pub realms: Vec<Pattern>,
    /// Groups whose people may.
    pub groups: Vec<String>,
    /// What the client's certificate must have, whatever else the client shows.
    pub certificate: CertificateRule,
}

/// What a client certificate must have. Every list that is not empty must have something that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRule {
    /// Subjects, as RFC 2253 writes them.
    pub subject: Vec<Pattern>,
    /// Common names of the subject.
    pub common_name: Vec<Pattern>,
    /// Alternative names, with their kinds: `dns:*.example.test`.
    pub alt_names: Vec<Pattern>,
    /// Issuers, as RFC 2253 writes them.
    pub issuer: Vec<Pattern>,
    /// SHA-256 fingerprints in hexadecimal digits, with colons or without.
    pub fingerprint: Vec<String>,
}

/// Why somebody may not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// They are in none of the groups of the rule.
    #[error("this user is in none of the groups that may come in here")]
    Group,
    /// The rule is for people with a certificate, and the connection has none.
    #[error("whoever comes in here needs a client certificate as well")]
    NoCertificate,
    /// The certificate is another one than the rule asks for.
    #[error("the client certificate has another {0} than those that may come in here")]
    Certificate(&'static str),
    /// The back end knows people by local names, and this principal has none.
    #[error("this principal is no user here: no rule of auth_to_local gives it a local name")]
    NoLocalName,
    /// The back end is told a domain, and the realm has none.
    #[error("this realm has no domain here")]
    NoDomain,
    /// Something that is to be told of them has control characters.
    #[error("the name has characters that cannot be passed on")]
    Unspeakable,
}

impl Denied {
    /// In one word, for counting.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Realm => "realm_not_allowed",
            Self::Anonymous => "anonymous",
            Self::User => "user_not_allowed",
            Self::Group => "group_not_allowed",
            Self::NoCertificate => "no_certificate",
            Self::Certificate(_) => "certificate_not_allowed",
            Self::NoLocalName => "no_local_name",
            Self::NoDomain => "no_domain",
            Self::Unspeakable => "unspeakable_name",
        }
    }
}

impl Rule {
    /// Whether anything depends on the certificate of the connection.
    pub fn asks_for_a_certificate(&self) -> bool {
        self.certificate != CertificateRule::default()
    }

    /// Whether that person may, over a connection with that certificate.
    ///
    /// # Errors
    /// [`Denied`] says why not.
    pub fn admit(
        &self,
        identity: &Identity,
        certificate: Option<&ClientCertificate>,
    ) -> Result<(), Denied> {
        let realm = identity.principal.realm.to_string_lossy();
        if !self.realms.is_empty() && !self.realms.iter().any(|one| one.matches(&realm)) {
            return Err(Denied::Realm);
        }
        let principal = identity.principal.to_string();
        // Stars stand for people with names.
        let is_anonymous = identity.principal.is_anonymous();
        let is_named = self
            .users
            .iter()
            .filter(|user| user.is_exact() || !is_anonymous)
            .any(|user| is_meant(user, &principal, identity.local_name.as_deref()));
        if !is_named && is_anonymous {
            return Err(Denied::Anonymous);
        }
        if !is_named && !self.users.is_empty() {
            return Err(Denied::User);
        }
        let is_of = |group: &String| identity.groups.contains(group);
        if !self.groups.is_empty() && !self.groups.iter().any(is_of) {
            return Err(Denied::Group);
        }
        self.certificate.admit(certificate)
    }
}

/// Whether somebody is meant by a pattern of principals or, where it has no `@`, of local names.
pub(crate) fn is_meant(user: &Pattern, principal: &str, local_name: Option<&str>) -> bool {
    match user.as_str().contains('@') {
        true => user.matches_principal(principal),
        false => local_name.is_some_and(|name| user.matches(name)),
    }
}

impl CertificateRule {
    fn admit(&self, certificate: Option<&ClientCertificate>) -> Result<(), Denied> {
        if *self == Self::default() {
            return Ok(());
        }
        let certificate = certificate.ok_or(Denied::NoCertificate)?;
        let fits = |patterns: &[Pattern], names: &[&str]| {
            patterns.is_empty()
                || patterns
                    .iter()
                    .any(|one| names.iter().any(|name| one.matches(name)))
        };
        let alt_names: Vec<String> = certificate
            .alt_names
            .iter()
            .map(ToString::to_string)
            .collect();
        let alt_names: Vec<&str> = alt_names.iter().map(String::as_str).collect();
        let common_name: Vec<&str> = certificate.common_name.as_deref().into_iter().collect();
        let is_known = |known: &String| {
            let known: String = known.chars().filter(|letter| *letter != ':').collect();
            known.eq_ignore_ascii_case(&certificate.fingerprint)
        };
        for (is_fit, what) in [
            (fits(&self.subject, &[&certificate.subject_dn]), "subject"),
            (fits(&self.common_name, &common_name), "common name"),
            (fits(&self.alt_names, &alt_names), "alternative name"),
            (fits(&self.issuer, &[&certificate.issuer_dn]), "issuer"),
            (
                self.fingerprint.is_empty() || self.fingerprint.iter().any(is_known),
                "fingerprint",
            ),
        ] {
            if !is_fit {
                return Err(Denied::Certificate(what));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::Principal;

    use super::*;
    use crate::identity::tests::alice;

    fn rule(users: &[&str], realms: &[&str]) -> Rule {
        let owned = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        Rule {
            users: owned(users),
            realms: owned(realms),
            ..Rule::default()
        }
    }

    #[test]
    fn without_a_word_everybody_known_may_come_in() {
        assert_eq!(Rule::default().admit(&alice(), None), Ok(()));
    }

    #[test]
    fn users_are_named_by_principal_or_by_local_name() {
        for user in ["alice", "alice@EXAMPLE.TEST", "*@EXAMPLE.TEST", "al*"] {
            assert_eq!(rule(&[user], &[]).admit(&alice(), None), Ok(()), "{user}");
        }
        for user in ["bob", "*/admin@EXAMPLE.TEST", "alice@OTHER.TEST"] {
            let denied = rule(&[user], &[]).admit(&alice(), None);
            assert_eq!(denied, Err(Denied::User), "{user}");
        }
    }

    #[test]
    fn the_anonymous_principal_comes_in_only_where_it_is_named() {
        let name = "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS";
        let mut nobody = alice();
        nobody.principal = Principal::parse(name, None).unwrap();
        nobody.local_name = None;
        assert_eq!(Rule::default().admit(&nobody, None), Err(Denied::Anonymous));
        assert_eq!(rule(&[name], &[]).admit(&nobody, None), Ok(()));
        let starred = rule(&["*/*@*"], &[]).admit(&nobody, None);
        assert_eq!(starred, Err(Denied::Anonymous));
    }

    #[test]
    fn a_namesake_of_another_realm_is_somebody_else() {
        let mut namesake = alice();
        namesake.principal.realm = "EVIL.TEST".into();
        namesake.local_name = None;
        assert_eq!(
            rule(&["alice"], &[]).admit(&namesake, None),
            Err(Denied::User)
        );
        let realms = rule(&[], &["EXAMPLE.TEST"]);
        assert_eq!(realms.admit(&namesake, None), Err(Denied::Realm));
        assert_eq!(realms.admit(&alice(), None), Ok(()));
    }

    #[test]
    fn one_of_the_groups_is_enough_and_none_is_not() {
        let mut rule = rule(&[], &[]);
        rule.groups = vec!["staff".to_owned(), "root".to_owned()];
        let mut person = alice();
        assert_eq!(rule.admit(&person, None), Err(Denied::Group));
        person.groups = vec!["staff".to_owned()];
        assert_eq!(rule.admit(&person, None), Ok(()));
        rule.users = vec!["bob".into()];
        assert_eq!(rule.admit(&person, None), Err(Denied::User));
    }

    #[test]
    fn a_rule_about_certificates_asks_for_one_beside_whatever_is_shown() {
        let mut rule = rule(&[], &[]);
        rule.certificate.issuer = vec!["CN=Site CA,*".into()];
        assert_eq!(rule.admit(&alice(), None), Err(Denied::NoCertificate));
    }
}
