use std::collections::{BTreeMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::exchange::Exchange;
use kerbstone_proto::krb5_conf::Krb5Conf;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use super::Skew;

/// How long a server that did not answer is asked last.
const SUSPICION: Duration = Duration::from_secs(60);

/// Names a client's host of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub(super) usize);

/// A host where somebody signs in.
#[derive(Debug)]
pub(super) struct ClientHost {
    pub(super) address: IpAddr,
    pub(super) skew: Skew,
    pub(super) conf: Arc<Krb5Conf>,
    pub(super) rng: StdRng,
    /// What the user will type, one line for each prompt.
    pub(super) typing: VecDeque<Zeroizing<String>>,
    suspects: BTreeMap<SocketAddr, Duration>,
}

impl ClientHost {
    pub(super) fn new(address: IpAddr, rng: StdRng) -> Self {
        Self {
            address,
            skew: Skew::default(),
            conf: Arc::new(Krb5Conf::parse("").expect("an empty configuration")),
            rng,
            typing: VecDeque::new(),
            suspects: BTreeMap::new(),
        }
    }

    pub(super) fn suspects(&mut self, now: Duration) -> HashSet<SocketAddr> {
        self.suspects
            .retain(|_, since| now.saturating_sub(*since) < SUSPICION);
        self.suspects.keys().copied().collect()
    }

    pub(super) fn remember(&mut self, exchange: &Exchange, now: Duration) {
        self.suspects
            .extend(exchange.silent().map(|address| (address, now)));
        if let Some(address) = exchange.answered() {
            self.suspects.remove(&address);
        }
    }
}
