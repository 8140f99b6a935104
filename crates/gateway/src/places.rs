//! How many connections there may be, together and of one client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;
use crate::outbound::ClientAddress;

/// The connections of all workers together.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    most_of_one: usize,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    places: Arc<Places>,
    client: Option<IpAddr>,
    _within_all: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            most_of_one: limits.connections_per_client,
            clients: Mutex::default(),
        }
    }

    /// A place for one more connection of that client, if there is any.
    pub(crate) fn take(self: &Arc<Self>, client: ClientAddress) -> Option<Taken> {
        let within_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let client = match client {
            ClientAddress::Internet(address) => Some(network(address.ip().to_canonical())),
            // Whoever is at a unix socket stands for many.
            ClientAddress::Local => None,
        };
        if let Some(client) = client {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            let count = clients.entry(client).or_default();
            if *count >= self.most_of_one {
                return None;
            }
            *count += 1;
        }
        Some(Taken {
            places: Arc::clone(self),
            client,
            _within_all: within_all,
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(client) = self.client else { return };
        let clients = self.places.clients.lock();
        let mut clients = clients.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// The address, or the network of 64 bits that one client of IPv6 has for itself.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            const NETWORK: u128 = (u64::MAX as u128) << 64;
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> ClientAddress {
        ClientAddress::Internet(address.parse().unwrap())
    }

    #[test]
    fn one_client_does_not_get_everybodys_places() {
        let places = Arc::new(Places::new(&Limits {
            connections: 4,
            connections_per_client: 2,
            ..Limits::default()
        }));
        let first = places.take(at("[2001:db8::1]:1")).unwrap();
        let _second = places.take(at("[2001:db8::2]:1")).unwrap();
        assert!(places.take(at("[2001:db8::3]:1")).is_none());
        let _other = places.take(at("192.0.2.1:1")).unwrap();
        drop(first);
        let _third = places.take(at("[2001:db8::3]:1")).unwrap();
        let _near = places.take(ClientAddress::Local).unwrap();
        assert!(places.take(ClientAddress::Local).is_none());
        assert_eq!(places.clients.lock().unwrap().len(), 2);
    }
}
