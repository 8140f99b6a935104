//! From the name of a host as typed to the names that a KDC may know it by.

use kerbstone_proto::krb5_conf::{CanonicalizeHostname, Krb5Conf};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};

/// The name service, as far as names of services need it.
pub trait HostNames {
    /// The name that the name service gives back for `host`; with `reverse`, the name that belongs to its address.
    fn canonical(&self, host: &str, reverse: bool) -> Option<String>;

    /// The domain that is put behind names of one word.
    fn search_domain(&self) -> Option<String>;
}

/// A principal for a service on a host, as `-S service host` means it: the realm is left to `[domain_realm]`, or, when that
/// is silent, to the KDC's referrals (an empty realm).
pub fn service_principal(
    service: &str,
    host: &str,
    conf: &Krb5Conf,
    names: &dyn HostNames,
) -> Principal {
    match policy(conf) {
        // The candidates come later, one by one.
        CanonicalizeHostname::Fallback => {
            Principal::new(PrincipalName::service(service, host), Realm::from(""))
        }
        policy => {
            let use_dns = policy == CanonicalizeHostname::Yes;
            let principal = Principal::new(PrincipalName::service(service, host), Realm::from(""));
            canonical(&principal, use_dns, conf, names).unwrap_or(principal)
        }
    }
}

/// The principals to try, in order, for one that a user or program named. More than one only for names of hosts and with
/// `dns_canonicalize_hostname = fallback`.
pub fn candidates(
    server: &Principal,
    conf: &Krb5Conf,
    names: &dyn HostNames,
) -> impl Iterator<Item = Principal> {
    let of_host = server.name.name_type == NameType::SRV_HST
        && matches!(server.name.components.as_slice(), [_, host] if !host.as_bytes().is_empty());
    let steps: &[Option<bool>] = if of_host && policy(conf) == CanonicalizeHostname::Fallback {
        &[Some(false), Some(true)]
    } else {
        &[None]
    };
    let mut given: Option<Principal> = None;
    steps.iter().filter_map(move |step| {
        let candidate = match step {
            None => Some(server.clone()),
            Some(use_dns) => canonical(server, *use_dns, conf, names),
        }?;
        let repeated = given.as_ref() == Some(&candidate);
        given = Some(candidate.clone());
        (!repeated).then_some(candidate)
    })
}

fn policy(conf: &Krb5Conf) -> CanonicalizeHostname {
    conf.libdefaults()
        .dns_canonicalize_hostname()
        .unwrap_or(CanonicalizeHostname::Yes)
}

fn canonical(
    server: &Principal,
    use_dns: bool,
    conf: &Krb5Conf,
    names: &dyn HostNames,
) -> Option<Principal> {
    let [service, host] = server.name.components.as_slice() else {
        return None;
    };
    let (host, trailer) = split_trailer(host.to_str()?);
    let expanded = expand(host, use_dns, conf, names);
    let realm = if server.realm.is_empty() {
        conf.host_realm(&expanded)
            .unwrap_or_else(|| Realm::from(""))
    } else {
        server.realm.clone()
    };
    let full = format!("{expanded}{trailer}");
    let name = PrincipalName::new(NameType::SRV_HST, [service.clone(), full.into()]);
    Some(Principal::new(name, realm))
}

fn expand(host: &str, use_dns: bool, conf: &Krb5Conf, names: &dyn HostNames) -> String {
    let settings = conf.libdefaults();
    let looked_up = use_dns
        .then(|| {
            let reverse = settings.rdns().unwrap_or(true);
            names.canonical(host, reverse)
        })
        .flatten();
    let name = match looked_up {
        Some(name) => name,
        None if host.contains('.') => host.to_owned(),
        None => {
            let domain = match settings.qualify_shortname() {
                Some(domain) => Some(domain.to_owned()),
                None => names.search_domain(),
            };
            match domain.filter(|domain| !domain.is_empty()) {
                Some(domain) => format!("{host}.{domain}"),
                None => host.to_owned(),
            }
        }
    };
    let lower = name.to_ascii_lowercase();
    match lower.strip_suffix('.') {
        Some(stripped) => stripped.to_owned(),
        None => lower,
    }
}

/// `host:1433` and `host:instance` of MSSQLSvc names. An address of IPv6 has more colons.
fn split_trailer(host: &str) -> (&str, &str) {
    match host.split_once(':') {
        Some((name, rest)) if !rest.is_empty() && !rest.contains(':') => {
            (name, host.get(name.len()..).unwrap_or_default())
        }
        _ => (host, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table;

    impl HostNames for Table {
        fn canonical(&self, host: &str, reverse: bool) -> Option<String> {
            (host == "www" || host == "www.example.com").then(|| {
                if reverse {
                    "rack7.example.net"
                } else {
                    "WWW-1.example.com."
                }
                .to_owned()
            })
        }

        fn search_domain(&self) -> Option<String> {
            Some("example.com".to_owned())
        }
    }

    fn conf(libdefaults: &str) -> Krb5Conf {
        Krb5Conf::parse(&format!(
            "[libdefaults]\n{libdefaults}\n[domain_realm]\n.example.com = EXAMPLE.COM\n"
        ))
        .unwrap()
    }

    fn tried(libdefaults: &str, host: &str) -> Vec<String> {
        let conf = conf(libdefaults);
        let principal = service_principal("HTTP", host, &conf, &Table);
        candidates(&principal, &conf, &Table)
            .map(|candidate| candidate.to_string())
            .collect()
    }

    #[test]
    fn follows_dns_as_far_as_krb5_conf_allows() {
        assert_eq!(
            tried("dns_canonicalize_hostname = false", "www"),
            ["HTTP/www.example.com@EXAMPLE.COM"]
        );
        assert_eq!(
            tried("dns_canonicalize_hostname = true\nrdns = false", "www"),
            ["HTTP/www-1.example.com@EXAMPLE.COM"]
        );
        assert_eq!(
            tried("dns_canonicalize_hostname = true", "www"),
            ["HTTP/rack7.example.net@"]
        );
    }

    #[test]
    fn falls_back_to_dns_only_after_the_name_as_typed() {
        assert_eq!(
            tried("dns_canonicalize_hostname = fallback\nrdns = false", "www"),
            [
                "HTTP/www.example.com@EXAMPLE.COM",
                "HTTP/www-1.example.com@EXAMPLE.COM"
            ]
        );
        assert_eq!(
            tried("dns_canonicalize_hostname = fallback", "db.example.com"),
            ["HTTP/db.example.com@EXAMPLE.COM"]
        );
    }

    #[test]
    fn keeps_the_instance_behind_a_colon() {
        assert_eq!(
            tried("dns_canonicalize_hostname = false", "db.example.com:1433"),
            ["HTTP/db.example.com:1433@EXAMPLE.COM"]
        );
    }
}
