//! Which servers a realm has: krb5.conf first, DNS when it says nothing.

#[cfg(feature = "dns")]
use std::net::IpAddr;

use kerbstone_proto::krb5_conf::{self, ConfError, Krb5Conf, RealmSettings, ServerAddress};
use kerbstone_proto::name::{Principal, Realm};

use crate::error::ClientError;
use crate::exchange::{Server, Transport};
use crate::machine::Service;

const KPASSWD_PORT: u16 = 464;
#[cfg(feature = "dns")]
const KDC_PORT: u16 = 88;

/// The servers of a realm, in the order in which they are to be asked. `primary_only` leaves those that learn of password
/// changes later.
pub(super) fn servers(
    conf: &Krb5Conf,
    realm: &Realm,
    service: Service,
    primary_only: bool,
) -> Result<Vec<Server>, ClientError> {
    let name = realm.to_string_lossy();
    let configured = configured(&conf.realm(&name), service, primary_only)
        .map_err(|error| super::configuration(&error))?;
    if !configured.is_empty() {
        return Ok(configured);
    }
    let (found, looked) = published(conf, &name, service, primary_only);
    if found.is_empty() {
        return Err(ClientError::NoServers {
            realm: realm.clone(),
            looked,
        });
    }
    Ok(found)
}

fn configured(
    settings: &RealmSettings<'_>,
    service: Service,
    primary_only: bool,
) -> Result<Vec<Server>, ConfError> {
    let (addresses, primary, port) = match (service, primary_only) {
        (Service::Kdc, false) => (settings.kdcs()?, None, None),
        (Service::Kdc, true) => (settings.primary_kdcs()?, Some(true), None),
        (Service::Kpasswd, _) => {
            let own = settings.kpasswd_servers()?;
            if own.is_empty() {
                (settings.admin_servers()?, Some(true), Some(KPASSWD_PORT))
            } else {
                (own, Some(true), None)
            }
        }
    };
    let mut servers: Vec<Server> = addresses
        .into_iter()
        .filter_map(|address| server(address, port, primary))
        .collect();
    if primary.is_none() {
        let primaries: Vec<Server> = settings
            .primary_kdcs()?
            .into_iter()
            .filter_map(|address| server(address, None, None))
            .collect();
        for server in &mut servers {
            server.primary = (!primaries.is_empty()).then(|| {
                primaries
                    .iter()
                    .any(|p| p.host == server.host && p.port == server.port)
            });
        }
    }
    Ok(servers)
}

/// Sockets of this machine and HTTPS proxies are not spoken to.
fn server(
    address: ServerAddress,
    port_instead: Option<u16>,
    primary: Option<bool>,
) -> Option<Server> {
    let ServerAddress::Host {
        host,
        port,
        transport,
    } = address
    else {
        return None;
    };
    let transport = match transport {
        krb5_conf::Transport::Any => None,
        krb5_conf::Transport::Udp => Some(Transport::Udp),
        krb5_conf::Transport::Tcp => Some(Transport::Tcp),
        krb5_conf::Transport::Https { .. } => return None,
    };
    Some(Server {
        host,
        port: port_instead.unwrap_or(port),
        transport,
        primary,
    })
}

#[cfg(feature = "dns")]
fn published(
    conf: &Krb5Conf,
    realm: &str,
    service: Service,
    primary_only: bool,
) -> (Vec<Server>, String) {
    use super::dns;

    let settings = conf.libdefaults();
    if !settings.dns_lookup_kdc().unwrap_or(true) {
        return (
            Vec::new(),
            "krb5.conf names none, and dns_lookup_kdc is off".to_owned(),
        );
    }
    let (uri_name, srv_name, port) = match (service, primary_only) {
        (Service::Kdc, false) => ("kerberos", "kerberos", KDC_PORT),
        (Service::Kdc, true) => ("kerberos", "kerberos-master", KDC_PORT),
        (Service::Kpasswd, _) => ("kpasswd", "kpasswd", KPASSWD_PORT),
    };
    if settings.dns_uri_lookup().unwrap_or(true) {
        let mut found = dns::uri_servers(uri_name, realm, port);
        if primary_only {
            found.retain(|server| server.primary == Some(true));
        }
        if !found.is_empty() {
            return (found, String::new());
        }
    }
    let primary = (primary_only || service == Service::Kpasswd).then_some(true);
    let looked = format!(
        "krb5.conf names none, and DNS has neither _{uri_name}.{realm} URI nor _{srv_name}._udp.{realm} SRV records"
    );
    (dns::srv_servers(srv_name, realm, primary), looked)
}

/// The realm that TXT records give the host of a service whose realm is not known: its own record, or that of the nearest
/// domain above it. Whoever answers for DNS chooses the realm, so `dns_lookup_realm` has to allow it.
#[cfg(feature = "dns")]
pub(super) fn host_realm(conf: &Krb5Conf, service: &Principal) -> Option<Realm> {
    let wanted = conf.libdefaults().dns_lookup_realm().unwrap_or(false);
    let [_, host] = service.name.components.as_slice() else {
        return None;
    };
    if !wanted || !service.realm.is_empty() {
        return None;
    }
    let whole = host.to_str()?;
    let host = whole.split(':').next()?;
    if [whole, host]
        .iter()
        .any(|text| text.parse::<IpAddr>().is_ok())
    {
        return None;
    }
    let parents = host
        .match_indices('.')
        .filter_map(|(dot, _)| host.get(dot.saturating_add(1)..));
    std::iter::once(host)
        .chain(parents)
        .filter(|name| !name.is_empty())
        .find_map(super::dns::realm_of)
}

#[cfg(not(feature = "dns"))]
pub(super) fn host_realm(_: &Krb5Conf, _: &Principal) -> Option<Realm> {
    None
}

#[cfg(not(feature = "dns"))]
fn published(_: &Krb5Conf, _: &str, _: Service, _: bool) -> (Vec<Server>, String) {
    (Vec::new(), "krb5.conf names none".to_owned())
}

/// `host`, `host:port` or `[address]:port`.
#[cfg(feature = "dns")]
pub(super) fn split_host(text: &str, default_port: u16) -> Option<(String, u16)> {
    match ServerAddress::parse(text, default_port)? {
        ServerAddress::Host { host, port, .. } => Some((host, port)),
        ServerAddress::Socket(_) => None,
    }
}
