//! SRV and URI records, looked up only when krb5.conf names no server.
//!
//! The resolver is asynchronous inside; a single-threaded runtime lives as long as one question.

use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::proto::rr::{RData, RecordType};
use kerbstone_proto::name::Realm;
use tokio::runtime::Builder;

use crate::exchange::{Server, Transport};

/// The type number of URI records (RFC 7553).
const URI: u16 = 256;
const PATIENCE: Duration = Duration::from_secs(10);

/// The servers that `_service._udp` and `_service._tcp` SRV records of the domain name, the best first.
pub(super) fn srv_servers(service: &str, domain: &str, primary: Option<bool>) -> Vec<Server> {
    let mut servers = Vec::new();
    for (label, transport) in [("_udp", Transport::Udp), ("_tcp", Transport::Tcp)] {
        let mut records: Vec<(u16, u16, Server)> =
            query(&format!("_{service}.{label}.{domain}."), RecordType::SRV)
                .into_iter()
                .filter_map(|data| match data {
                    RData::SRV(srv) => {
                        let host = srv.target.to_utf8().trim_end_matches('.').to_owned();
                        (!host.is_empty()).then_some((
                            srv.priority,
                            srv.weight,
                            Server {
                                host,
                                port: srv.port,
                                transport: Some(transport),
                                primary,
                            },
                        ))
                    }
                    _ => None,
                })
                .collect();
        records.sort_by_key(|(priority, weight, _)| (*priority, std::cmp::Reverse(*weight)));
        servers.extend(records.into_iter().map(|(_, _, server)| server));
    }
    servers
}

/// The servers that `_service` URI records of the domain name, the best first.
pub(super) fn uri_servers(service: &str, domain: &str, default_port: u16) -> Vec<Server> {
    let name = format!("_{service}.{domain}.");
    let mut records: Vec<(u16, u16, Server)> = query(&name, RecordType::Unknown(URI))
        .into_iter()
        .filter_map(|data| match data {
            RData::Unknown { rdata, .. } => uri_record(&rdata.anything, default_port),
            _ => None,
        })
        .collect();
    records.sort_by_key(|(priority, weight, _)| (*priority, std::cmp::Reverse(*weight)));
    records.into_iter().map(|(_, _, server)| server).collect()
}

/// The realm that a `_kerberos` TXT record of the domain name holds.
pub(super) fn realm_of(domain: &str) -> Option<Realm> {
    let records = query(&format!("_kerberos.{domain}."), RecordType::TXT);
    records.into_iter().find_map(|data| match data {
        RData::TXT(txt) => realm_text(txt.txt_data.first()?),
        _ => None,
    })
}

fn realm_text(text: &[u8]) -> Option<Realm> {
    let text = text.trim_ascii();
    let text = text.strip_suffix(b".").unwrap_or(text);
    (!text.is_empty()).then(|| Realm::from(text.to_vec()))
}

fn uri_record(rdata: &[u8], default_port: u16) -> Option<(u16, u16, Server)> {
    let (priority, rest) = rdata.split_first_chunk::<2>()?;
    let (weight, target) = rest.split_first_chunk::<2>()?;
    let server = uri_target(std::str::from_utf8(target).ok()?, default_port)?;
    Some((
        u16::from_be_bytes(*priority),
        u16::from_be_bytes(*weight),
        server,
    ))
}

/// Reads `krb5srv:flags:transport:host[:port]`. Targets of other kinds (kkdcp) and other schemes give nothing.
pub(super) fn uri_target(uri: &str, default_port: u16) -> Option<Server> {
    let mut parts = uri.splitn(4, ':');
    if !parts.next()?.eq_ignore_ascii_case("krb5srv") {
        return None;
    }
    let primary = parts.next()?.contains(['m', 'M']);
    let transport = match parts.next()?.to_ascii_lowercase().as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        _ => return None,
    };
    let (host, port) = super::locate::split_host(parts.next()?, default_port)?;
    Some(Server {
        host,
        port,
        transport: Some(transport),
        primary: Some(primary),
    })
}

fn query(name: &str, kind: RecordType) -> Vec<RData> {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let lookup = async {
        let resolver = Resolver::builder_tokio().ok()?.build().ok()?;
        let answer = resolver.lookup(name, kind).await.ok()?;
        Some(
            answer
                .answers()
                .iter()
                .map(|record| record.data.clone())
                .collect(),
        )
    };
    let limited = async { tokio::time::timeout(PATIENCE, lookup).await };
    runtime.block_on(limited).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Option<Server> {
        uri_target(uri, 88)
    }

    #[test]
    fn reads_the_targets_that_mit_publishes() {
        assert_eq!(
            target("krb5srv:m:udp:kdc1.example.com"),
            Some(Server {
                host: "kdc1.example.com".into(),
                port: 88,
                transport: Some(Transport::Udp),
                primary: Some(true),
            })
        );
        assert_eq!(
            target("KRB5SRV::TCP:192.0.2.1:8888"),
            Some(Server {
                host: "192.0.2.1".into(),
                port: 8888,
                transport: Some(Transport::Tcp),
                primary: Some(false),
            })
        );
        assert_eq!(
            target("krb5srv::tcp:[2001:db8::1]:750").map(|s| (s.host, s.port)),
            Some(("2001:db8::1".to_owned(), 750))
        );
    }

    #[test]
    fn takes_a_realm_without_the_dot_and_blanks_behind_it() {
        assert_eq!(realm_text(b"EXAMPLE.COM"), Some(Realm::from("EXAMPLE.COM")));
        assert_eq!(
            realm_text(b"EXAMPLE.COM. "),
            Some(Realm::from("EXAMPLE.COM"))
        );
        assert_eq!(realm_text(b"."), None);
    }

    #[test]
    fn leaves_out_targets_that_it_cannot_speak_to() {
        for uri in [
            "krb5srv::kkdcp:https://proxy/KdcProxy",
            "http://example.com",
            "krb5srv:m:udp",
            "krb5srv::udp:host:port",
            "",
        ] {
            assert_eq!(target(uri), None, "{uri}");
        }
    }
}
