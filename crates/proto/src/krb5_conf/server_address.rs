//! Where a KDC or another server of a realm is.

use std::path::PathBuf;

/// How messages travel to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP or TCP, as the message's size suggests.
    Any,
    /// Only UDP (`udp/host`, as Heimdal writes it).
    Udp,
    /// Only TCP (`tcp/host`).
    Tcp,
    /// Through a KDC proxy (MS-KKDCP) at this path of an HTTPS server.
    Https {
        /// The path, without its leading slash.
        path: String,
    },
}

/// A value of `kdc`, `admin_server` and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    /// A host by name or address.
    Host {
        /// Its name or address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// How to reach it.
        transport: Transport,
    },
    /// A socket on this machine.
    Socket(PathBuf),
}

impl ServerAddress {
    /// Reads `host`, `host:port`, `[v6]:port`, `tcp/host`, `https://host/path` or `/socket`.
    ///
    /// `None` when there is no host, or the port is no number below 65536.
    #[must_use]
    pub fn parse(text: &str, default_port: u16) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Socket(PathBuf::from(text)));
        }
        let (transport, rest, default_port) = transport(text, default_port);
        let (host, port) = host_and_port(rest)?;
        Some(Self::Host {
            host: host.to_owned(),
            port: match port {
                None => default_port,
                Some(port) => port.trim_start_matches([' ', '\t']).parse().ok()?,
            },
            transport,
        })
    }
}

fn transport(text: &str, default_port: u16) -> (Transport, &str, u16) {
    if let Some(rest) = text.strip_prefix("https://") {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.to_owned();
        return (Transport::Https { path }, host, 443);
    }
    if let Some(rest) = text.strip_prefix("tcp/") {
        return (Transport::Tcp, rest, default_port);
    }
    if let Some(rest) = text.strip_prefix("udp/") {
        return (Transport::Udp, rest, default_port);
    }
    (Transport::Any, text, default_port)
}

/// As MIT's `k5_parse_host_string`: a bare number would be a port, which is no server.
fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.is_empty() || text.starts_with(':') || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return Some((host, rest.strip_prefix(':')));
    }
    let end = text.find([' ', '\t', ':']).unwrap_or(text.len());
    let (host, rest) = text.split_at_checked(end)?;
    (!host.is_empty()).then_some((host, rest.strip_prefix(':')))
}
