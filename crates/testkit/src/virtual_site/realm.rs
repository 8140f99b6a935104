use std::io::Cursor;
use std::sync::Arc;

use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Realm;
use kerbstone_realm::{
    Keysalt, MasterKey, RealmSettings, RedbStore, Registrar, Stamp, Vault, dump, restore,
};
use rand::rngs::StdRng;
use zeroize::Zeroizing;

/// A realm with a store of its own.
#[derive(Debug)]
pub(super) struct StoredRealm {
    pub(super) name: Realm,
    pub(super) vault: Arc<Vault>,
    pub(super) registrar: Registrar,
    master: Zeroizing<[u8; 32]>,
}

impl StoredRealm {
    /// One kind of key, so that passwords cost little time.
    pub(super) fn create(name: Realm, stamp: &Stamp, rng: &mut StdRng) -> Self {
        let store = Arc::new(RedbStore::in_memory().expect("a store in memory"));
        let (key, master) = MasterKey::generate(rng);
        let vault = Arc::new(Vault::create(store, key).expect("an empty store"));
        let registrar = Registrar::new(Arc::clone(&vault));
        let mut settings = RealmSettings::new(name.clone());
        settings.keysalts = vec![Keysalt::normal(Enctype::Aes256CtsHmacSha1_96)];
        registrar
            .create_realm(&settings, stamp, rng)
            .expect("a new realm");
        Self {
            name,
            vault,
            registrar,
            master,
        }
    }

    /// A store of the same content, which nothing connects with this one.
    pub(super) fn copy(&self) -> Arc<Vault> {
        let mut content = Vec::new();
        dump(&**self.vault.store(), &mut content).expect("a dump");
        let store = RedbStore::in_memory().expect("a store in memory");
        restore(&store, &mut Cursor::new(content)).expect("a restored dump");
        let vault = Vault::open(Arc::new(store), MasterKey::new(&self.master));
        Arc::new(vault.expect("the same master key"))
    }
}
