//! Headers that say who somebody is. A client's are taken away, ours are put in.
//!
//! CGI, WSGI and their like read `Remote-User`, `REMOTE_USER` and `remote.user` as one variable, so a
//! header is judged by what it becomes there: letters and digits in upper case, everything else one
//! underscore, and without the prefixes `HTTP_` and `X_` that gateways put before it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::variables::Variable;

/// Names of which everything that follows an underscore is taken too: `REMOTE_USER`, `REMOTE_GROUPS`, ...
const FAMILIES: &[&str] = &[
    "AUTHENTICATED",
    "AUTH_REQUEST",
    "CLIENT_CERT",
    "CLIENT_VERIFY",
    "FORWARDED",
    "GSS",
    "GSSAPI",
    "IDENTITY",
    "KERBEROS",
    "KRB5",
    "LOGON",
    "ORIGINAL_USER",
    "PROXY_USER",
    "REMOTE",
    "SERVICE_IDENTITY",
    "SERVICE_USER",
    "SSL_CLIENT",
    "SSO",
    "TLS_CLIENT",
    "USER_DOMAIN",
    "WEBAUTH",
];

/// Names that are taken as they stand.
const NAMES: &[&str] = &[
    "ACCOUNT",
    "AUTH_EMAIL",
    "AUTH_GROUPS",
    "AUTH_NAME",
    "AUTH_TYPE",
    "AUTH_USER",
    "AUTH_USERNAME",
    "CLIENT_DN",
    "CLIENT_IP",
    "CLIENT_S_DN",
    "EMAIL",
    "GROUPS",
    "IS_ADMIN_PROJECT",
    "LOGIN",
    "PRINCIPAL",
    "REAL_IP",
    "ROLES",
    "SERVICE_ROLES",
    "USER",
    "USERNAME",
    "USER_DN",
    "USER_EMAIL",
    "USER_GROUPS",
    "USER_ID",
    "USER_NAME",
    "USER_PRINCIPAL",
    "USER_REALM",
    "USER_ROLES",
];

/// Which headers tell a back end who is there, and which ones nobody else may set.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    names: BTreeMap<Variable, HeaderName>,
    /// Further names of the site's own, as they look in CGI.
    others: Vec<String>,
}

impl Default for IdentityHeaders {
    /// Every variable under its name in CGI, in lower case.
    fn default() -> Self {
        let names = Variable::ALL.into_iter().filter_map(|variable| {
            let name = HeaderName::from_bytes(variable.environment().as_bytes()).ok()?;
            Some((variable, name))
        });
        Self::new(names.collect(), &[])
    }
}

/// A name cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name has characters that cannot stand in a header")]
pub struct Unspeakable;

impl IdentityHeaders {
    /// Headers under these names; `others` are taken away from clients and set by nobody.
    pub fn new(names: BTreeMap<Variable, HeaderName>, others: &[HeaderName]) -> Self {
        let others = names.values().chain(others).map(canonical).collect();
        Self { names, others }
    }

    /// The header of a variable, if it has one.
    pub fn name(&self, variable: Variable) -> Option<&HeaderName> {
        self.names.get(&variable)
    }

    /// Takes every header away that could be read as saying who somebody is, and tells how many there were.
    ///
    /// Requests and trailers alike, on every route, before anything is decided.
    pub fn strip(&self, headers: &mut HeaderMap) -> usize {
        let forged: Vec<HeaderName> = headers
            .keys()
            .filter(|name| self.speaks_of_identity(name))
            .cloned()
            .collect();
        for name in &forged {
            headers.remove(name);
        }
        forged.len()
    }

    /// Puts in what we know.
    ///
    /// # Errors
    /// [`Unspeakable`] when a value has a control character in it.
    pub fn vouch(
        &self,
        headers: &mut HeaderMap,
        told: &[(Variable, String)],
    ) -> Result<(), Unspeakable> {
        for (variable, value) in told {
            if let Some(name) = self.names.get(variable) {
                let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Unspeakable)?;
                headers.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    fn speaks_of_identity(&self, name: &HeaderName) -> bool {
        let canonical = canonical(name);
        let bare = without_prefixes(&canonical);
        NAMES.contains(&bare)
            || FAMILIES.iter().any(|family| is_of_family(bare, family))
            || self
                .others
                .iter()
                .any(|other| without_prefixes(other) == bare)
    }
}

fn is_of_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// As CGI would name it, without `HTTP_`.
fn canonical(name: &HeaderName) -> String {
    let octets = name.as_str().bytes();
    octets
        .map(|octet| match octet {
            octet if octet.is_ascii_alphanumeric() => char::from(octet.to_ascii_uppercase()),
            _ => '_',
        })
        .collect()
}

fn without_prefixes(mut name: &str) -> &str {
    loop {
        let trimmed = name.trim_start_matches('_');
        let bare = ["HTTP_", "X_"]
            .iter()
            .find_map(|prefix| trimmed.strip_prefix(prefix))
            .unwrap_or(trimmed);
        if bare.len() == name.len() {
            return name;
        }
        name = bare;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn survivors(headers: &IdentityHeaders, names: &[&str]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for name in names {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_static("mallory"));
        }
        headers.strip(&mut map);
        map.keys().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn every_spelling_of_an_identity_is_taken_away() {
        let forged = [
            "Remote-User",
            "REMOTE_USER",
            "remote_user",
            "rEmOtE-uSeR",
            "Remote.User",
            "remote~user",
            "X-Remote-User",
            "X_REMOTE_USER",
            "X-Remote_User",
            "x-remote-user",
            "HTTP_REMOTE_USER",
            "Http-Remote-User",
            "X-Http-Remote-User",
            "_Remote-User",
            "X--Remote-User",
            "X-Forwarded-User",
            "X_FORWARDED_USER",
            "X-Forwarded-Email",
            "X-Forwarded-Groups",
            "X-Forwarded-Preferred-Username",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "Forwarded",
            "X-Forwarded-Client-Cert",
            "Remote-Groups",
            "Remote_Domain",
            "Remote-Addr",
            "X-Auth-Request-User",
            "X-WebAuth-User",
            "X-Auth-User",
            "X-Auth-Username",
            "Auth-Type",
            "AUTH_TYPE",
            "GSS_NAME",
            "Gss-Name",
            "SSL_CLIENT_S_DN",
            "X-SSL-Client-CN",
            "X-Client-Cert",
            "X-Client-DN",
            "X-User",
            "X-Username",
            "X-Real-IP",
            "X-Authenticated-User",
            "Kerberos-Principal",
        ];
        for name in forged {
            assert_eq!(
                survivors(&IdentityHeaders::default(), &[name]),
                Vec::<String>::new(),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_mixture_of_cases_separators_and_prefixes_gets_through(
            name in prop::sample::select([NAMES, FAMILIES].concat()),
            prefix in "((x|X|http|HTTP|Http)[-_.~!]|[-_.]){0,3}",
            upper in prop::collection::vec(any::<bool>(), 32),
            separators in prop::collection::vec(prop::sample::select(b"-_.~!#$%&'*+^`|".to_vec()), 32),
            tail in "([-_.][a-z]{1,8})?",
        ) {
            let is_family = FAMILIES.contains(&name);
            let spelled: String = name.bytes().zip(upper).zip(separators).map(|((octet, upper), separator)| {
                char::from(match octet {
                    b'_' => separator,
                    octet if upper => octet,
                    octet => octet.to_ascii_lowercase(),
                })
            }).collect();
            let spelled = format!("{prefix}{spelled}{}", if is_family { tail } else { String::new() });
            prop_assert_eq!(survivors(&IdentityHeaders::default(), &[&spelled]), Vec::<String>::new(), "{}", spelled);
        }
    }

    #[test]
    fn what_says_nothing_of_identity_stays() {
        let innocent = [
            "host",
            "accept",
            "cookie",
            "user-agent",
            "content-type",
            "content-length",
            "x-requested-with",
            "x-csrf-token",
            "authorization",
            "x-api-key",
            "remotely",
            "if-none-match",
            "x-custom",
            "range",
            "origin",
            "referer",
            "x-auth-token",
        ];
        assert_eq!(survivors(&IdentityHeaders::default(), &innocent), innocent);
    }

    #[test]
    fn a_site_has_names_of_its_own_in_every_spelling() {
        let user = HeaderName::from_static("x-employee");
        let other = HeaderName::from_static("badge_number");
        let headers = IdentityHeaders::new(BTreeMap::from([(Variable::User, user)]), &[other]);
        for name in [
            "X-Employee",
            "X_EMPLOYEE",
            "employee",
            "Badge-Number",
            "X-Badge_Number",
            "Remote-User",
        ] {
            assert_eq!(survivors(&headers, &[name]), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn all_values_of_a_forged_header_go() {
        let mut map = HeaderMap::new();
        for value in ["mallory", "root"] {
            map.append("remote_user", HeaderValue::from_static(value));
        }
        IdentityHeaders::default().strip(&mut map);
        assert!(map.is_empty());
    }

    #[test]
    fn the_back_end_is_told_once_who_is_there() {
        let mut map = HeaderMap::new();
        let told = [
            (Variable::User, "alice".to_owned()),
            (Variable::Domain, "Default".to_owned()),
        ];
        IdentityHeaders::default().vouch(&mut map, &told).unwrap();
        assert_eq!(map["REMOTE_USER"], "alice");
        assert_eq!(map["REMOTE_DOMAIN"], "Default");
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn no_variable_can_be_set_by_a_client() {
        for variable in Variable::ALL {
            let name = variable.environment();
            for spelled in [name.to_owned(), name.replace('_', "-"), format!("X-{name}")] {
                let left = survivors(&IdentityHeaders::default(), &[&spelled]);
                assert_eq!(left, Vec::<String>::new(), "{spelled}");
            }
        }
    }

    #[test]
    fn a_name_with_a_line_end_in_it_is_not_forwarded() {
        let told = [(Variable::User, "alice\r\nX-Admin: yes".to_owned())];
        let told = IdentityHeaders::default().vouch(&mut HeaderMap::new(), &told);
        assert_eq!(told, Err(Unspeakable));
    }
}
