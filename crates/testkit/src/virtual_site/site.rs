use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::exchange::Transport;
use kerbstone_client::machine::Service;
use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::name::Realm;
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::Vault;
use rand::SeedableRng;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use super::client_host::ClientHost;
use super::clock::Clock;
use super::kdc_host::{KDC_PORT, KPASSWD_PORT, KdcHost};
use super::network::Network;
use super::realm::StoredRealm;
use super::trace::{Overheard, Trace};
use super::{ClientId, Conditions, Health, KdcId, Skew};

/// Realms, KDCs, clients and the network between them.
#[derive(Debug)]
pub struct VirtualSite {
    pub(super) clock: Clock,
    pub(super) network: Network,
    pub(super) realms: Vec<StoredRealm>,
    pub(super) kdcs: Vec<KdcHost>,
    pub(super) clients: Vec<ClientHost>,
    pub(super) trace: Trace,
    pub(super) rng: StdRng,
    pub(super) exchanges: u64,
}

impl VirtualSite {
    /// A site without anybody in it. All that is random in it follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            clock: Clock::new(),
            network: Network::new(StdRng::from_rng(&mut rng)),
            realms: Vec::new(),
            kdcs: Vec::new(),
            clients: Vec::new(),
            trace: Trace::default(),
            rng,
            exchanges: 0,
        }
    }

    /// A realm with its KDC.
    pub fn add_realm(&mut self, name: &str) -> KdcId {
        let stamp = self.stamp();
        let realm = StoredRealm::create(Realm::from(name), &stamp, &mut self.rng);
        self.realms.push(realm);
        self.add_kdc(name)
    }

    /// One more KDC on the realm's store.
    pub fn add_kdc(&mut self, realm: &str) -> KdcId {
        let realm = self.realm_index(realm);
        let vault = Arc::clone(&self.realms[realm].vault);
        self.place_kdc(realm, true, vault)
    }

    /// A KDC on a copy of the realm's store as it is now, like those that are kept by propagation.
    pub fn add_copy(&mut self, realm: &str) -> KdcId {
        let realm = self.realm_index(realm);
        let vault = self.realms[realm].copy();
        self.place_kdc(realm, false, vault)
    }

    fn place_kdc(&mut self, realm: usize, is_primary: bool, vault: Arc<Vault>) -> KdcId {
        let id = KdcId(self.kdcs.len());
        let address = numbered_address([10, 88], self.kdcs.len());
        let rng = StdRng::from_rng(&mut self.rng);
        let now = self.now();
        self.kdcs
            .push(KdcHost::new(address, realm, is_primary, vault, rng, now));
        id
    }

    /// Brings a copy up to date.
    pub fn propagate(&mut self, copy: KdcId) {
        let realm = self.kdcs[copy.0].realm;
        let (vault, now) = (self.realms[realm].copy(), self.now());
        self.kdcs[copy.0].move_to(vault, now);
    }

    /// Ends a KDC's process and starts another, which knows nothing but the store.
    pub fn restart(&mut self, kdc: KdcId) {
        let now = self.now();
        self.kdcs[kdc.0].restart(now);
    }

    /// Changes how a KDC's host does.
    pub fn set_health(&mut self, kdc: KdcId, health: Health) {
        self.kdcs[kdc.0].health = health;
    }

    /// Sets a KDC's clock.
    pub fn set_kdc_clock(&mut self, kdc: KdcId, skew: Skew) {
        self.kdcs[kdc.0].skew = skew;
    }

    /// A host of a user, which knows all realms.
    pub fn add_client(&mut self) -> ClientId {
        let id = ClientId(self.clients.len());
        let address = numbered_address([10, 1], self.clients.len());
        let rng = StdRng::from_rng(&mut self.rng);
        self.clients.push(ClientHost::new(address, rng));
        id
    }

    /// Sets a client's clock.
    pub fn set_clock(&mut self, client: ClientId, skew: Skew) {
        self.clients[client.0].skew = skew;
    }

    /// Gives a client a krb5.conf, of which servers' addresses are not read.
    ///
    /// # Panics
    /// When it is none.
    pub fn configure(&mut self, client: ClientId, krb5_conf: &str) {
        let conf = Krb5Conf::parse(krb5_conf).expect("a krb5.conf");
        self.clients[client.0].conf = conf.into();
    }

    /// Lines that the user of a client will type when asked.
    pub fn types(&mut self, client: ClientId, lines: &[&str]) {
        let lines = lines.iter().map(|line| Zeroizing::new((*line).to_owned()));
        self.clients[client.0].typing.extend(lines);
    }

    /// Changes what the network does from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.network.conditions = conditions;
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How much time has passed since the site began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What a client's clock shows.
    #[must_use]
    pub fn clock_of(&self, client: ClientId) -> Timestamp {
        self.clients[client.0].skew.apply(self.now())
    }

    /// Everything that was sent, lost, answered and decided, with its time: the same for the same seed and the same
    /// calls.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        &self.trace.lines
    }

    /// All that KDCs were asked and said, in order.
    #[must_use]
    pub fn overheard(&self) -> &[Overheard] {
        &self.trace.overheard
    }

    /// Somebody sends bytes to a KDC from the first client's network, now and on a wire of their own.
    pub fn inject(&mut self, kdc: KdcId, service: Service, bytes: &[u8]) -> Vec<u8> {
        let attacker = SocketAddr::from((Ipv4Addr::new(10, 1, 255, 1), 6666));
        let port = port_of(service);
        self.ask(kdc, port, bytes, attacker, Transport::Tcp)
    }

    /// Lets a KDC answer, and writes down what it did.
    pub(super) fn ask(
        &mut self,
        kdc: KdcId,
        port: u16,
        request: &[u8],
        client: SocketAddr,
        transport: Transport,
    ) -> Vec<u8> {
        let now = self.now();
        let host = &mut self.kdcs[kdc.0];
        let answer = host.answer(request, client, port, transport, now);
        let at = self.clock.elapsed();
        let mut line = String::new();
        answer.audit.write_json_line(&mut line);
        self.trace.say(at, line.trim_end());
        self.trace.overheard.push(Overheard {
            at,
            client,
            kdc: host.socket(port),
            request: request.to_vec(),
            reply: answer.reply.clone(),
        });
        answer.reply
    }

    pub(super) fn realm_index(&self, name: &str) -> usize {
        let name = Realm::from(name);
        let found = self.realms.iter().position(|realm| realm.name == name);
        found.unwrap_or_else(|| panic!("the site has no realm {name}"))
    }
}

pub(super) const fn port_of(service: Service) -> u16 {
    match service {
        Service::Kdc => KDC_PORT,
        Service::Kpasswd => KPASSWD_PORT,
    }
}

fn numbered_address([first, second]: [u8; 2], number: usize) -> IpAddr {
    let number = u8::try_from(number + 1).expect("fewer hosts than that");
    Ipv4Addr::new(first, second, 0, number).into()
}
