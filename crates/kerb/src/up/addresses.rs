//! Where the roles of a site listen: ports of the loopback that nobody else has.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt;

/// Above the well-known services and below what Linux hands out to outgoing connections (32768 and more), so that
/// a port stays free while the site is stopped.
const PORTS: std::ops::Range<u16> = 10_000..20_000;
/// How long the processes of a site that was killed may take to let go of their ports.
const LETTING_GO: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// Addresses by role, and by what listens there.
pub(super) type Addresses = BTreeMap<String, BTreeMap<String, SocketAddr>>;

/// An address that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Whose.
    pub(super) role: &'static str,
    /// What listens there.
    pub(super) name: &'static str,
    /// Where it listened before.
    pub(super) from: SocketAddr,
    /// Where it listens now.
    pub(super) to: SocketAddr,
}

/// Gives each role and name an address that is free now. Those that are taken by somebody else are changed, and
/// returned.
///
/// # Errors
/// There is no free port.
pub(super) fn settle(
    names: impl IntoIterator<Item = (&'static str, &'static str)>,
    addresses: &mut Addresses,
) -> io::Result<Vec<Moved>> {
    let deadline = Instant::now() + LETTING_GO;
    let mut moved = Vec::new();
    for (role, name) in names {
        let own = addresses.get(role).and_then(|own| own.get(name)).copied();
        if own.is_some_and(|own| is_free_by(own, deadline)) {
            continue;
        }
        let to = choose(addresses)?;
        let of_role = addresses.entry(role.to_owned()).or_default();
        of_role.insert(name.to_owned(), to);
        moved.extend(own.map(|from| Moved {
            role,
            name,
            from,
            to,
        }));
    }
    Ok(moved)
}

fn choose(taken: &Addresses) -> io::Result<SocketAddr> {
    let mut rng = rand::rng();
    let is_taken = |address| {
        let mut others = taken.values().flat_map(BTreeMap::values);
        others.any(|other| *other == address)
    };
    (0..1000)
        .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, rng.random_range(PORTS))))
        .find(|address| !is_taken(*address) && is_free(*address))
        .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "no port of 127.0.0.1 is free"))
}

fn is_free_by(address: SocketAddr, deadline: Instant) -> bool {
    while !is_free(address) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_while_it_is_free_and_moves_when_somebody_has_it() {
        let names = [("role", "one"), ("role", "other")];
        let mut addresses = Addresses::new();
        assert_eq!(settle(names, &mut addresses).unwrap(), []);
        assert_ne!(addresses["role"]["one"], addresses["role"]["other"]);
        let before = addresses.clone();
        assert_eq!(settle(names, &mut addresses).unwrap(), []);
        assert_eq!(addresses, before);

        let _somebody = UdpSocket::bind(before["role"]["one"]).unwrap();
        let moved = settle(names, &mut addresses).unwrap();
        let expected = Moved {
            role: "role",
            name: "one",
            from: before["role"]["one"],
            to: addresses["role"]["one"],
        };
        assert_eq!(moved, [expected]);
        assert_eq!(addresses["role"]["other"], before["role"]["other"]);
    }
}
