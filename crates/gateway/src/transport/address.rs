//! Where a member is, and what is spoken there.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a member is, and what is spoken there.
///
/// `http://HOST:PORT`, `https://HOST:PORT`, `unix:PATH` (HTTP), `uwsgi://HOST:PORT` or `uwsgi+unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberAddress {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where.
    pub place: Place,
}

/// What is spoken to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// The uwsgi protocol.
    Uwsgi,
}

/// Where a member listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A host, by name or address, and a port.
    Internet {
        /// The host; an IPv6 address without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write an address as http://HOST:PORT, https://HOST:PORT, unix:PATH, uwsgi://HOST:PORT or uwsgi+unix:PATH, and nothing after it"
)]
pub struct BadAddress;

impl FromStr for MemberAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let (scheme, rest) = text.split_once(':').ok_or(BadAddress)?;
        let scheme = scheme.to_ascii_lowercase();
        let (protocol, usual_port) = match scheme.as_str() {
            "http" => (Protocol::Http, Some(80)),
            "https" => (Protocol::Https, Some(443)),
            "uwsgi" => (Protocol::Uwsgi, None),
            "unix" => return unix(Protocol::Http, rest),
            "uwsgi+unix" => return unix(Protocol::Uwsgi, rest),
            _ => return Err(BadAddress),
        };
        let authority = rest.strip_prefix("//").ok_or(BadAddress)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = host_and_port(authority)?;
        let port = port.or(usual_port).ok_or(BadAddress)?;
        let place = Place::Internet { host, port };
        Ok(Self { protocol, place })
    }
}

fn unix(protocol: Protocol, path: &str) -> Result<MemberAddress, BadAddress> {
    let path = Path::new(path);
    // The length of `sun_path`, with the NUL after it.
    if path.as_os_str().is_empty() || path.as_os_str().len() > 107 {
        return Err(BadAddress);
    }
    let place = Place::Unix(path.to_owned());
    Ok(MemberAddress { protocol, place })
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), BadAddress> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(BadAddress)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| BadAddress)?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(BadAddress)?),
            };
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (named(host)?, Some(port)),
            None => (named(authority)?, None),
        },
    };
    let number = |port: &str| match port.bytes().all(|octet| octet.is_ascii_digit()) {
        true => port.parse().ok().filter(|&port: &u16| port != 0),
        false => None,
    };
    let port = port
        .map(|port| number(port).ok_or(BadAddress))
        .transpose()?;
    Ok((host.to_owned(), port))
}

fn named(host: &str) -> Result<&str, BadAddress> {
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    match !host.is_empty() && host.bytes().all(is_name) {
        true => Ok(host),
        false => Err(BadAddress),
    }
}

impl MemberAddress {
    /// The same, with the path of a socket taken from a folder when it is relative.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        let place = match self.place {
            Place::Unix(path) => Place::Unix(folder.join(path)),
            place => place,
        };
        Self { place, ..self }
    }
}

impl Display for MemberAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Uwsgi => "uwsgi",
        };
        match &self.place {
            Place::Internet { host, port } if host.contains(':') => {
                write!(f, "{scheme}://[{host}]:{port}")
            }
            Place::Internet { host, port } => write!(f, "{scheme}://{host}:{port}"),
            Place::Unix(path) if self.protocol == Protocol::Uwsgi => {
                write!(f, "uwsgi+unix:{}", path.display())
            }
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_spoken_and_where() {
        for (text, shown) in [
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://www.example.test", "http://www.example.test:80"),
            ("HTTPS://keystone", "https://keystone:443"),
            ("https://[::1]:5000", "https://[::1]:5000"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:run/app.sock", "unix:run/app.sock"),
            ("uwsgi://127.0.0.1:5000", "uwsgi://127.0.0.1:5000"),
            ("uwsgi+unix:/run/k.sock", "uwsgi+unix:/run/k.sock"),
        ] {
            let address: MemberAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_address_is_refused() {
        let long = format!("unix:/{}", "x".repeat(107));
        for bad in [
            "",
            "127.0.0.1:80",
            "ftp://h:21",
            "http://h/app",
            "http://u:p@h:80",
            "http://:80",
            "http://h:0",
            "http://h:+80",
            "http://h:65536",
            "http://h:80?x",
            "uwsgi://h",
            "unix:",
            "https://[::1",
            "https://[h]:1",
            &long,
        ] {
            assert_eq!(bad.parse::<MemberAddress>(), Err(BadAddress), "{bad}");
        }
    }
}
