//! A realm to try things in.

use std::path::Path;
use std::sync::Arc;

use kerbstone_crypto::{Enctype, IterationLimit, Key};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{
    Directory, KeyChange, Keysalt, MasterKey, RealmSettings, RedbStore, Registrar, Stamp, Store,
    Vault,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) const REALM: &str = "EXAMPLE.ORG";
pub(crate) const MASTER: [u8; 32] = [7; 32];

pub(crate) struct Fixture {
    pub(crate) store: Arc<RedbStore>,
    pub(crate) registrar: Registrar,
    pub(crate) directory: Directory,
    pub(crate) rng: StdRng,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_store(RedbStore::in_memory().unwrap())
    }

    /// A realm that makes one kind of key, so that passwords cost little time.
    pub(crate) fn with_store(store: RedbStore) -> Self {
        let store = Arc::new(store);
        let shared: Arc<dyn Store> = store.clone();
        let vault = Arc::new(Vault::create(shared, MasterKey::new(&MASTER)).unwrap());
        let mut fixture = Self::on(store, vault);
        let mut settings = RealmSettings::new(realm());
        settings.keysalts = vec![aes256()];
        let registrar = &fixture.registrar;
        registrar
            .create_realm(&settings, &stamp(0), &mut fixture.rng)
            .unwrap();
        fixture
    }

    pub(crate) fn reopen(path: &Path) -> Self {
        let store = Arc::new(RedbStore::open(path).unwrap());
        let shared: Arc<dyn Store> = store.clone();
        let vault = Arc::new(Vault::open(shared, MasterKey::new(&MASTER)).unwrap());
        Self::on(store, vault)
    }

    fn on(store: Arc<RedbStore>, vault: Arc<Vault>) -> Self {
        Self {
            store,
            registrar: Registrar::new(vault.clone()),
            directory: Directory::new(vault, 256),
            rng: StdRng::seed_from_u64(1),
        }
    }

    pub(crate) fn add(&mut self, name: &str, password: &str) -> Principal {
        let principal = principal(name);
        let entry = self.registrar.template(&principal, &stamp(0)).unwrap();
        let keys = KeyChange::password(password.as_bytes());
        self.registrar
            .create(entry, &keys, &stamp(0), &mut self.rng)
            .unwrap();
        principal
    }

    /// Whether the KDC would accept the password now.
    pub(crate) fn password_works(&self, principal: &Principal, password: &str) -> bool {
        let entry = self.directory.lookup(principal).unwrap().unwrap();
        let stored = entry.current_keys().next().unwrap();
        let key = Key::from_password(
            stored.key.enctype(),
            password.as_bytes(),
            &stored.salt,
            stored.s2k_params.as_deref(),
            IterationLimit::DEFAULT,
        );
        key.unwrap() == stored.key
    }
}

pub(crate) const fn aes256() -> Keysalt {
    Keysalt::normal(Enctype::Aes256CtsHmacSha1_96)
}

pub(crate) fn realm() -> Realm {
    Realm::from(REALM)
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal::parse(name, Some(&realm())).unwrap()
}

pub(crate) const fn at(seconds: i64) -> KerberosTime {
    KerberosTime::from_unix(1_700_000_000 + seconds)
}

pub(crate) fn stamp(seconds: i64) -> Stamp {
    Stamp {
        by: principal("root/admin"),
        at: at(seconds),
    }
}
