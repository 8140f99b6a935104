use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::exchange::Transport;
use kerbstone_kdc::{Answer, Kdc, KdcConfig, PasswordAuthority, Peer, Transport as PeerTransport};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{Directory, Vault};
use rand::rngs::StdRng;

use super::Skew;

/// Tickets.
pub(super) const KDC_PORT: u16 = 88;
/// Passwords (RFC 3244).
pub(super) const KPASSWD_PORT: u16 = 464;
/// A longer reply does not go into one datagram.
const LONGEST_DATAGRAM: usize = 1400;
/// Principals kept open.
const CACHE_ENTRIES: usize = 64;

/// Names a KDC of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KdcId(pub(super) usize);

/// How a KDC's host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers at once.
    Up,
    /// It takes this long for an answer.
    Slow(Duration),
    /// Packets to it vanish.
    Silent,
    /// The host is there and the KDC is not running.
    Refusing,
}

/// One KDC on its host.
#[derive(Debug)]
pub(super) struct KdcHost {
    pub(super) address: IpAddr,
    /// The site's index of the realm it serves.
    pub(super) realm: usize,
    /// Whether it stands on the realm's own store, and so may change passwords, rather than on a copy.
    pub(super) is_primary: bool,
    pub(super) health: Health,
    pub(super) skew: Skew,
    kdc: Kdc,
    vault: Arc<Vault>,
    rng: StdRng,
}

impl KdcHost {
    pub(super) fn new(
        address: IpAddr,
        realm: usize,
        is_primary: bool,
        vault: Arc<Vault>,
        rng: StdRng,
        now: Timestamp,
    ) -> Self {
        Self {
            address,
            realm,
            is_primary,
            health: Health::Up,
            skew: Skew::default(),
            kdc: start(&vault, now),
            vault,
            rng,
        }
    }

    /// The process ends and a new one begins, with nothing but the store.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.kdc = start(&self.vault, self.skew.apply(now));
    }

    /// From now on it stands on another store.
    pub(super) fn move_to(&mut self, vault: Arc<Vault>, now: Timestamp) {
        self.vault = vault;
        self.restart(now);
    }

    pub(super) fn socket(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    pub(super) fn answer(
        &mut self,
        request: &[u8],
        from: SocketAddr,
        port: u16,
        transport: Transport,
        now: Timestamp,
    ) -> Answer {
        let now = self.skew.apply(now);
        let is_datagram = transport == Transport::Udp;
        let carried = if is_datagram {
            PeerTransport::Udp
        } else {
            PeerTransport::Tcp
        };
        let peer = Peer::new(Some(from.ip()), from.port(), carried);
        if port == KPASSWD_PORT {
            return self.kdc.answer_password(request, now, &peer, &mut self.rng);
        }
        let mut answer = self.kdc.answer(request, now, &peer, &mut self.rng);
        if is_datagram && answer.reply.len() > LONGEST_DATAGRAM {
            answer.reply = self.kdc.too_big(request, now);
        }
        answer
    }
}

fn start(vault: &Arc<Vault>, now: Timestamp) -> Kdc {
    let directory = Arc::new(Directory::new(Arc::clone(vault), CACHE_ENTRIES));
    Kdc::new(directory, KdcConfig::default(), now).with_password_authority(Arc::new(Administrators))
}

/// `somebody/admin` may set every password.
#[derive(Debug)]
struct Administrators;

impl PasswordAuthority for Administrators {
    fn may_set_password(&self, who: &Principal, _whose: &Principal) -> bool {
        let second = who.name.components.get(1);
        second.is_some_and(|part| part == "admin")
    }
}
