//! The addresses that packets of this host may come from.

use std::net::IpAddr;

use kerbstone_proto::message::HostAddress;
use nix::ifaddrs::getifaddrs;

/// Every address of this host but those that mean something here alone: loopback, and IPv6's link-local ones.
pub(super) fn of_this_host() -> Vec<HostAddress> {
    let Ok(interfaces) = getifaddrs() else {
        return Vec::new();
    };
    let mut addresses: Vec<HostAddress> = Vec::new();
    for interface in interfaces {
        let Some(socket) = interface.address else {
            continue;
        };
        let v4 = socket.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let v6 = socket.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()));
        let Some(address) = v4.or(v6).filter(is_of_the_world) else {
            continue;
        };
        let address = HostAddress::from(address);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn is_of_the_world(address: &IpAddr) -> bool {
    let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    !address.is_loopback() && !address.is_unspecified() && !link_local
}
