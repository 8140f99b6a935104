//! Names of hosts: forward, reverse and canonical, and the service principals that clients build of them.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use dns_lookup::lookup_addr;
use kerbstone_client::ticket::{HostNames, candidates};
use kerbstone_client::{Context, SystemNames};
use kerbstone_proto::krb5_conf::{CanonicalizeHostname, Krb5Conf};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use nix::ifaddrs::getifaddrs;

use super::deadline::{Pending, begin};
use super::finding::{Area, Cause, Finding};
use super::target::Target;

/// For all that the name service is asked about one host.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the name service says of a host, on its way.
#[derive(Debug)]
pub(super) struct Lookup {
    target: Target,
    pending: Pending<Looked>,
}

/// What the name service says of a host.
#[derive(Clone, Debug, Default)]
struct Looked {
    addresses: Vec<IpAddr>,
    canonical: Option<String>,
    /// The name of the first address, which is the one that clients look at.
    reverse: Option<String>,
    /// Why there is no address.
    error: Option<String>,
    /// The principals that clients ask for, in order.
    asked: Vec<Principal>,
}

/// A service's names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) target: Target,
    pub(super) findings: Vec<Finding>,
    /// The principals that clients ask for, in order. An empty realm leaves it to the KDC.
    pub(super) asked: Vec<Principal>,
    pub(super) canonical: Option<String>,
    pub(super) reverse: Option<String>,
    /// Whether the host is this one.
    pub(super) is_here: bool,
    /// Where krb5.conf gives the host a realm.
    pub(super) mapped_at: Option<String>,
}

impl Lookup {
    /// Begins to ask about a target's host.
    pub(super) fn of(target: &Target, context: &Arc<Context>) -> Self {
        let (asked, context) = (target.clone(), Arc::clone(context));
        Self {
            target: target.clone(),
            pending: begin(PATIENCE, move || look_up(&asked, context.conf())),
        }
    }

    /// What came of it.
    pub(super) fn read(self, context: &Context) -> Named {
        let (target, conf) = (self.target, context.conf());
        let looked = self.pending.wait();
        let slow = looked.is_none();
        let looked = looked.unwrap_or_else(|| Looked {
            asked: vec![as_typed(&target, conf)],
            error: Some("the name service did not answer in time".to_owned()),
            ..Looked::default()
        });
        let mut findings = vec![forward(&target, &looked, slow)];
        findings.extend(backward(&target, &looked, conf));
        let first = looked.asked.first();
        let relation = first.and_then(|asked| {
            let host = host_of(asked)?;
            conf.host_realm_relation(&host)
        });
        let mapped_at = relation.map(|relation| relation.at.to_string());
        findings.push(spn(&target, &looked, mapped_at.as_deref(), conf));
        Named {
            findings,
            asked: looked.asked,
            canonical: looked.canonical,
            reverse: looked.reverse,
            is_here: looked.addresses.iter().any(is_own),
            mapped_at,
            target,
        }
    }
}

fn look_up(target: &Target, conf: &Krb5Conf) -> Looked {
    let mut looked = Looked::default();
    match (target.host.as_str(), 0).to_socket_addrs() {
        Ok(found) => {
            for address in found.map(|one| one.ip()) {
                if !looked.addresses.contains(&address) {
                    looked.addresses.push(address);
                }
            }
            looked.canonical = SystemNames.canonical(&target.host, false);
        }
        Err(error) => {
            let words = error.to_string();
            let plain = words.strip_prefix("failed to lookup address information: ");
            looked.error = Some(plain.unwrap_or(&words).to_lowercase());
        }
    }
    looked.reverse = looked.addresses.first().and_then(name_of);
    let literal = Principal::new(
        PrincipalName::service(&target.service, &target.host),
        Realm::from(""),
    );
    looked.asked = match conf.libdefaults().dns_canonicalize_hostname() {
        Ok(CanonicalizeHostname::Fallback) => candidates(&literal, conf, &SystemNames).collect(),
        _ => vec![kerbstone_client::service_principal(
            &target.service,
            &target.host,
            conf,
            &SystemNames,
        )],
    };
    looked
}

fn name_of(address: &IpAddr) -> Option<String> {
    let name = lookup_addr(address).ok()?;
    name.parse::<IpAddr>().is_err().then_some(name)
}

/// What clients ask for when the name service is not asked.
fn as_typed(target: &Target, conf: &Krb5Conf) -> Principal {
    let host = target.host.to_ascii_lowercase();
    let realm = conf.host_realm(&host).unwrap_or_else(|| Realm::from(""));
    let name = PrincipalName::new(NameType::SRV_HST, [target.service.as_str(), &host]);
    Principal::new(name, realm)
}

fn forward(target: &Target, looked: &Looked, slow: bool) -> Finding {
    let host = &target.host;
    if let Some(error) = &looked.error {
        let cause = if slow {
            Cause::NotFinished
        } else {
            Cause::HostUnknown
        };
        let help = if slow {
            "see whether the name servers in /etc/resolv.conf answer"
        } else {
            "correct the host's name, or publish its address"
        };
        let says = format!("has no address: {error}");
        return Finding::warning(Area::Names, host, cause, says, help);
    }
    let addresses: Vec<String> = looked.addresses.iter().map(IpAddr::to_string).collect();
    let alias = match &looked.canonical {
        Some(name) if !same_host(name, host) => format!(", under its canonical name {name}"),
        _ => String::new(),
    };
    Finding::ok(
        Area::Names,
        host,
        format!("{}{alias}", addresses.join(", ")),
    )
}

/// The way back from the address. Only clients with `rdns` walk it.
fn backward(target: &Target, looked: &Looked, conf: &Krb5Conf) -> Option<Finding> {
    let address = looked.addresses.first()?;
    let forward = looked.canonical.as_deref().unwrap_or(&target.host);
    let Some(reverse) = &looked.reverse else {
        let says = "has no name by reverse DNS; clients stay with the forward one";
        return Some(Finding::note(Area::Names, address, says));
    };
    if same_host(reverse, forward) {
        return Some(Finding::ok(Area::Names, address, reverse));
    }
    let says = format!("is {reverse} by reverse DNS, not {forward}");
    if reverse_counts(conf) {
        let says = format!("{says}, and clients here go by that (rdns)");
        let help = "set rdns = false under [libdefaults] in krb5.conf, or correct the PTR record";
        return Some(Finding::note(Area::Names, address, says).with_help(help));
    }
    Some(Finding::note(
        Area::Names,
        address,
        format!("{says}; clients here do not look at it"),
    ))
}

/// Whether clients with this configuration take a host's name from its address.
pub(super) fn reverse_counts(conf: &Krb5Conf) -> bool {
    let settings = conf.libdefaults();
    let canonical = settings.dns_canonicalize_hostname();
    !matches!(canonical, Ok(CanonicalizeHostname::No)) && settings.rdns().unwrap_or(true)
}

fn spn(target: &Target, looked: &Looked, mapped_at: Option<&str>, conf: &Krb5Conf) -> Finding {
    let settings = conf.libdefaults();
    let canonicalize = match settings.dns_canonicalize_hostname() {
        Ok(CanonicalizeHostname::No) => "false",
        Ok(CanonicalizeHostname::Fallback) => "fallback",
        _ => "true",
    };
    let rdns = settings.rdns().unwrap_or(true);
    let names: Vec<String> = looked
        .asked
        .iter()
        .map(|asked| asked.name.to_string())
        .collect();
    let realm = match (looked.asked.first(), mapped_at) {
        (Some(asked), Some(at)) => format!("in the realm {} ({at})", asked.realm),
        _ => "in the realm that the KDC refers to, as [domain_realm] says nothing".to_owned(),
    };
    let says = format!(
        "clients here ask for {} {realm}; dns_canonicalize_hostname = {canonicalize}, rdns = {rdns}",
        names.join(", then "),
    );
    Finding::ok(Area::Names, target.shown(), says)
}

/// Whether packets to this address stay on this host.
fn is_own(address: &IpAddr) -> bool {
    let interfaces = getifaddrs().into_iter().flatten();
    let mut own = interfaces.filter_map(|interface| {
        let storage = interface.address?;
        let v4 = storage.as_sockaddr_in().map(|one| IpAddr::from(one.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|one| IpAddr::from(one.ip())))
    });
    address.is_loopback() || own.any(|one| one == *address)
}

/// The host of a service's principal.
pub(super) fn host_of(principal: &Principal) -> Option<String> {
    match principal.name.components.as_slice() {
        [_, host] => Some(host.to_string_lossy().into_owned()),
        _ => None,
    }
}

/// Whether two names of hosts are one.
pub(super) fn same_host(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    plain(one) == plain(other)
}
