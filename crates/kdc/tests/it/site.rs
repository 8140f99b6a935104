//! Realms in memory, and a KDC for them.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_kdc::{Kdc, KdcConfig, PasswordAuthority, Peer, Transport};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{
    Attributes, Directory, Entry, KeyChange, MasterKey, RealmSettings, RedbStore, Registrar, Stamp,
    Trust, Vault,
};
use kerbstone_testkit::lab::{Addresses, Port};
use rand::rngs::StdRng;
use rand::{SeedableRng, rng};

pub(crate) const REALM: &str = "KERBSTONE.TEST";
pub(crate) const PASSWORD: &str = "correct horse";

/// Realms in memory with the KDC that serves them.
pub(crate) struct Site {
    pub(crate) registrar: Registrar,
    pub(crate) directory: Arc<Directory>,
    pub(crate) now: Timestamp,
}

impl Site {
    /// One realm with alice, who pre-authenticates, and the service host/www.
    pub(crate) fn new() -> Self {
        Self::at(Timestamp::from_unix_duration(Duration::from_secs(
            1_800_000_000,
        )))
    }

    /// The same, made at a time of the caller's choice.
    pub(crate) fn at(now: Timestamp) -> Self {
        let store = Arc::new(RedbStore::in_memory().unwrap());
        let (master_key, _) = MasterKey::generate(&mut rng());
        let vault = Arc::new(Vault::create(store, master_key).unwrap());
        let site = Self {
            registrar: Registrar::new(Arc::clone(&vault)),
            directory: Arc::new(Directory::new(vault, 100)),
            now,
        };
        site.add_realm(REALM);
        site.add_user("alice");
        site.add_service("host/www.kerbstone.test");
        site
    }

    pub(crate) fn now_by_the_wall() -> Timestamp {
        Timestamp::from_unix_duration(SystemTime::now().duration_since(UNIX_EPOCH).unwrap())
    }

    pub(crate) fn kdc(&self) -> Kdc {
        self.kdc_with(KdcConfig::default())
    }

    pub(crate) fn kdc_with(&self, config: KdcConfig) -> Kdc {
        Kdc::new(Arc::clone(&self.directory), config, self.now)
    }

    pub(crate) fn add_realm(&self, name: &str) {
        let settings = RealmSettings::new(Realm::from(name));
        self.registrar
            .create_realm(&settings, &self.stamp(), &mut rng())
            .unwrap();
    }

    pub(crate) fn modify_realm(&self, name: &str, adjust: impl FnOnce(&mut RealmSettings)) {
        let mut settings = self.registrar.realm(&Realm::from(name)).unwrap();
        adjust(&mut settings.value);
        self.registrar.modify_realm(&settings).unwrap();
    }

    pub(crate) fn add_user(&self, name: &str) -> Principal {
        self.add(name, &KeyChange::password(PASSWORD.as_bytes()), |_| {})
    }

    pub(crate) fn add_service(&self, name: &str) -> Principal {
        self.add(name, &KeyChange::random(), |_| {})
    }

    /// Adds a principal, its record changed by `adjust`.
    pub(crate) fn add(
        &self,
        name: &str,
        keys: &KeyChange<'_>,
        adjust: impl FnOnce(&mut Entry),
    ) -> Principal {
        let name = principal(name);
        let mut entry = self.registrar.template(&name, &self.stamp()).unwrap();
        adjust(&mut entry);
        self.registrar
            .create(entry, keys, &self.stamp(), &mut rng())
            .unwrap();
        name
    }

    /// Changes a principal's record.
    pub(crate) fn modify(&self, name: &str, adjust: impl Fn(&mut Entry)) {
        self.registrar
            .modify(&principal(name), None, &self.stamp(), |entry| {
                adjust(entry);
                Ok(())
            })
            .unwrap();
    }

    pub(crate) fn set(&self, name: &str, attribute: Attributes) {
        self.modify(name, |entry| entry.attributes |= attribute);
    }

    /// Lets users of `from` come to `to`, both realms of this store.
    pub(crate) fn trust(&self, from: &str, to: &str) {
        let trust = Trust {
            realm: Realm::from(to),
            inbound: false,
            outbound: true,
        };
        self.registrar
            .add_trust(
                &Realm::from(from),
                &trust,
                &KeyChange::password(b"between realms"),
                &self.stamp(),
                &mut rng(),
            )
            .unwrap();
    }

    /// Trust in both directions with a realm that somebody else serves.
    pub(crate) fn trust_stranger(&self, ours: &str, theirs: &str, password: &str) {
        let trust = Trust {
            realm: Realm::from(theirs),
            inbound: true,
            outbound: true,
        };
        let keys = KeyChange::password(password.as_bytes());
        self.registrar
            .add_trust(&Realm::from(ours), &trust, &keys, &self.stamp(), &mut rng())
            .unwrap();
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            by: principal("admin/admin"),
            at: self.now.time,
        }
    }
}

/// A principal of the first realm, unless the name says another.
pub(crate) fn principal(name: &str) -> Principal {
    Principal::parse(name, Some(&Realm::from(REALM))).unwrap()
}

/// Administrators may set every password.
#[derive(Debug)]
pub(crate) struct Administrators;

impl PasswordAuthority for Administrators {
    fn may_set_password(&self, who: &Principal, _whose: &Principal) -> bool {
        who.name
            .components
            .get(1)
            .is_some_and(|part| part == "admin")
    }
}

/// A KDC behind two UDP sockets of loopback, by the wall clock.
pub(crate) struct Server {
    pub(crate) addresses: Addresses,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _ports: [Port; 2],
}

impl Server {
    pub(crate) fn start(kdc: Kdc) -> Self {
        let ports = [Port::claim(), Port::claim()];
        let kdc = Arc::new(kdc);
        let stop = Arc::new(AtomicBool::new(false));
        let threads = ports
            .iter()
            .zip([false, true])
            .map(|(port, passwords)| {
                let (kdc, stop) = (Arc::clone(&kdc), Arc::clone(&stop));
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
                thread::spawn(move || serve(&kdc, &socket, passwords, &stop))
            })
            .collect();
        Self {
            addresses: Addresses {
                realm: REALM.to_owned(),
                kdc: ports[0].number(),
                kpasswd: ports[1].number(),
                kadmin: None,
            },
            stop,
            threads,
            _ports: ports,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(kdc: &Kdc, socket: &UdpSocket, passwords: bool, stop: &AtomicBool) {
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut random = StdRng::from_rng(&mut rng());
    let mut buffer = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let peer = Peer::new(Some(from.ip()), from.port(), Transport::Udp);
        let now = Site::now_by_the_wall();
        let request = &buffer[..length];
        let answer = if passwords {
            kdc.answer_password(request, now, &peer, &mut random)
        } else {
            kdc.answer(request, now, &peer, &mut random)
        };
        let mut line = String::new();
        answer.audit.write_json_line(&mut line);
        eprint!("{line}");
        if !answer.reply.is_empty() {
            socket.send_to(&answer.reply, from).unwrap();
        }
    }
}
