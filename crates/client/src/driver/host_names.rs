//! The system's name service, through libc.

use std::net::IpAddr;

use dns_lookup::{AddrInfoHints, getaddrinfo, lookup_addr};
use nix::libc;

use crate::ticket::HostNames;

/// What `getaddrinfo`, `getnameinfo` and resolv.conf say.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl HostNames for SystemNames {
    fn canonical(&self, host: &str, reverse: bool) -> Option<String> {
        let hints = AddrInfoHints {
            flags: libc::AI_CANONNAME,
            ..AddrInfoHints::default()
        };
        let first = getaddrinfo(Some(host), None, Some(hints))
            .ok()?
            .next()?
            .ok()?;
        let forward = first.canonname.unwrap_or_else(|| host.to_owned());
        if !reverse {
            return Some(forward);
        }
        let address = first.sockaddr.ip();
        Some(name_of(address).unwrap_or(forward))
    }

    fn search_domain(&self) -> Option<String> {
        let content = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        content.lines().rev().find_map(|line| {
            let mut words = line.split_whitespace();
            match words.next()? {
                "search" | "domain" => words.next().map(str::to_owned),
                _ => None,
            }
        })
    }
}

/// The name of an address, unless it has none and comes back as it was.
fn name_of(address: IpAddr) -> Option<String> {
    let name = lookup_addr(&address).ok()?;
    name.parse::<IpAddr>().is_err().then_some(name)
}
