//! Which realm a host belongs to, for referrals: `[domain_realm]`.

use std::collections::BTreeMap;

/// Longest host name that is looked up.
const LONGEST_HOST: usize = 255;

/// Hosts and domains with their realms, as `[domain_realm]` lists them. Names are compared without
/// regard to case; `.example.org` is for hosts below, `example.org` for the host and, failing a
/// dotted entry, for hosts below too.
#[derive(Clone, Debug, Default)]
pub struct HostRealms {
    realms: BTreeMap<String, String>,
}

impl HostRealms {
    /// No host is known to belong anywhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one line of `[domain_realm]`.
    pub fn set(&mut self, host_or_domain: &str, realm: &str) {
        self.realms
            .insert(host_or_domain.to_ascii_lowercase(), realm.to_owned());
    }

    /// The realm of a host.
    pub fn realm_of(&self, host: &str) -> Option<&str> {
        if host.len() > LONGEST_HOST {
            return None;
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = host.as_str();
        loop {
            if let Some(realm) = self.realms.get(rest) {
                return Some(realm);
            }
            // `.example.org` comes before `example.org`: cut at the dot, then behind it.
            rest = match rest.strip_prefix('.') {
                Some(behind) => behind,
                None => rest.find('.').and_then(|dot| rest.get(dot..))?,
            };
        }
    }
}

/// How a KDC refers clients to other realms for services that it does not know.
#[derive(Clone, Debug, Default)]
pub struct Referrals {
    /// Which realm a host belongs to.
    pub hosts: HostRealms,
    /// Services (`host`, `HTTP`, or `*` for all) that are taken for host-based although the client
    /// says nothing of the kind: MIT's `host_based_services`.
    pub host_based_services: Vec<String>,
    /// Services (or `*`) for which there are never referrals: MIT's `no_host_referral`.
    pub no_host_referral: Vec<String>,
}

impl Referrals {
    pub(crate) fn is_host_based(&self, service: &str) -> bool {
        names(&self.host_based_services, service)
    }

    pub(crate) fn is_excluded(&self, service: &str) -> bool {
        names(&self.no_host_referral, service)
    }
}

fn names(list: &[String], service: &str) -> bool {
    list.iter().any(|name| name == "*" || name == service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_nearest_entry() {
        let mut hosts = HostRealms::new();
        hosts.set(".example.org", "EXAMPLE.ORG");
        hosts.set("lab.example.org", "LAB.EXAMPLE.ORG");
        hosts.set("WWW.lab.example.org", "WEB");
        assert_eq!(hosts.realm_of("a.example.org"), Some("EXAMPLE.ORG"));
        assert_eq!(hosts.realm_of("example.org"), None);
        assert_eq!(hosts.realm_of("lab.example.org"), Some("LAB.EXAMPLE.ORG"));
        assert_eq!(hosts.realm_of("x.lab.example.org"), Some("LAB.EXAMPLE.ORG"));
        assert_eq!(hosts.realm_of("www.LAB.example.org."), Some("WEB"));
        assert_eq!(hosts.realm_of("example.com"), None);
    }
}
