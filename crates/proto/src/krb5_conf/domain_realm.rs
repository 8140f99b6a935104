//! `[domain_realm]`: the realm of a host.

use super::{Krb5Conf, Relation};
use crate::name::Realm;

impl Krb5Conf {
    /// The realm of `host` by `[domain_realm]`: of its own name, then of `.parent`, `parent` and so
    /// on outwards. `None` when nothing is said, and for addresses: then the KDC is asked by a
    /// referral.
    #[must_use]
    pub fn host_realm(&self, host: &str) -> Option<Realm> {
        self.host_realm_relation(host)
            .map(|relation| Realm::from(relation.value.as_str()))
    }

    /// The line that [`Krb5Conf::host_realm`] goes by.
    #[must_use]
    pub fn host_realm_relation(&self, host: &str) -> Option<&Relation> {
        let host = clean(host);
        if is_address(&host) {
            return None;
        }
        let mut rest = Some(host.as_str());
        while let Some(name) = rest {
            if let Some(relation) = self.profile().relation(&["domain_realm", name]) {
                return Some(relation);
            }
            rest = match name.strip_prefix('.') {
                Some(parent) => Some(parent),
                None => name.find('.').and_then(|dot| name.get(dot..)),
            };
        }
        None
    }

    /// The realm to try for `host` when neither [`Krb5Conf::host_realm`] nor the KDC knows one: its
    /// parent domain in capital letters, or the default realm.
    #[must_use]
    pub fn fallback_host_realm(&self, host: &str) -> Option<Realm> {
        let host = clean(host);
        if !is_address(&host)
            && let Some((_, parent)) = host.split_once('.')
        {
            return Some(Realm::from(parent.to_ascii_uppercase()));
        }
        self.libdefaults().default_realm()
    }
}

fn clean(host: &str) -> String {
    let lower = host.to_ascii_lowercase();
    match lower.strip_suffix('.') {
        Some(name) => name.to_owned(),
        None => lower,
    }
}

/// As MIT guesses: digits with three dots, or anything with a colon.
fn is_address(host: &str) -> bool {
    let digits_and_dots = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let dots = host.bytes().filter(|&byte| byte == b'.').count();
    host.contains(':') || (digits_and_dots && dots == 3)
}
