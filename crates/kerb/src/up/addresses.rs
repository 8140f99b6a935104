//! Where the roles of a site listen: ports of the loopback that nobody else has.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt;

/// Tickets, over UDP and TCP.
pub(super) const TICKETS: &str = "tickets";
/// Password changes, over UDP and TCP.
pub(super) const PASSWORDS: &str = "passwords";
/// The KDC's counters.
pub(super) const METRICS: &str = "metrics";

/// Above the well-known services and below what Linux hands out to outgoing connections (32768 and more), so that
/// a port stays free while the site is stopped.
const PORTS: std::ops::Range<u16> = 10_000..20_000;
/// How long the processes of a site that was killed may take to let go of their ports.
const LETTING_GO: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);

/// Addresses by what listens there.
pub(super) type Addresses = BTreeMap<String, SocketAddr>;

/// An address that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// What listens there.
    pub(super) name: String,
    /// Where it listened before.
    pub(super) from: SocketAddr,
    /// Where it listens now.
    pub(super) to: SocketAddr,
}

/// Gives each name an address that is free now. Those that are taken by somebody else are changed, and returned.
///
/// # Errors
/// There is no free port.
pub(super) fn settle(names: &[&str], addresses: &mut Addresses) -> io::Result<Vec<Moved>> {
    let mut moved = Vec::new();
    for &name in names {
        let before = addresses.get(name).copied();
        if before.is_some_and(becomes_free) {
            continue;
        }
        let to = choose(addresses)?;
        addresses.insert(name.to_owned(), to);
        moved.extend(before.map(|from| Moved {
            name: name.to_owned(),
            from,
            to,
        }));
    }
    Ok(moved)
}

fn choose(taken: &Addresses) -> io::Result<SocketAddr> {
    let mut rng = rand::rng();
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    (0..1000)
        .map(|_| at(rng.random_range(PORTS)))
        .find(|address| taken.values().all(|other| other != address) && is_free(*address))
        .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "no port of 127.0.0.1 is free"))
}

fn becomes_free(address: SocketAddr) -> bool {
    let deadline = Instant::now() + LETTING_GO;
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
        let names = ["one", "other"];
        let mut addresses = Addresses::new();
        assert_eq!(settle(&names, &mut addresses).unwrap(), []);
        assert_ne!(addresses["one"], addresses["other"]);
        let before = addresses.clone();
        assert_eq!(settle(&names, &mut addresses).unwrap(), []);
        assert_eq!(addresses, before);

        let _somebody = UdpSocket::bind(addresses["one"]).unwrap();
        let moved = settle(&names, &mut addresses).unwrap();
        assert_eq!(moved.len(), 1);
        assert_eq!(
            (moved[0].from, moved[0].to),
            (before["one"], addresses["one"])
        );
        assert_eq!(addresses["other"], before["other"]);
    }
}
