//! Realms in memory, made once per process, and KDCs for them.

use std::sync::{Arc, OnceLock};

use kerbstone_crypto::Enctype;
use kerbstone_kdc::{Kdc, KdcConfig};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{
    Attributes, Delegation, Directory, Entry, KeyChange, Keysalt, MasterKey, OpenEntry,
    RealmSettings, RedbStore, Registrar, Stamp, Trust, Vault,
};

use crate::clock::{NOW, random};

/// The first realm.
pub const REALM: &str = "HOME.TEST";
/// A realm of the same store that trusts the first and is trusted by it.
pub const OTHER: &str = "OTHER.TEST";
/// Everybody's password.
pub const PASSWORD: &[u8] = b"wonderland";
/// The bytes of the master key.
pub const MASTER: [u8; 32] = [7; 32];

/// What the realms hold, for inputs to name by number.
pub const PRINCIPALS: [&str; 15] = [
    "alice@HOME.TEST",
    "krbtgt/HOME.TEST@HOME.TEST",
    "host/www@HOME.TEST",
    "carol@HOME.TEST",
    "krbtgt/OTHER.TEST@HOME.TEST",
    "al@HOME.TEST",
    "kadmin/changepw@HOME.TEST",
    "late@HOME.TEST",
    "barred@HOME.TEST",
    "krbtgt/HOME.TEST@OTHER.TEST",
    "krbtgt/OTHER.TEST@OTHER.TEST",
    "bob@OTHER.TEST",
    "nfs/files@OTHER.TEST",
    "HTTP/front@HOME.TEST",
    "HTTP/back@HOME.TEST",
];

/// The realms.
#[derive(Debug)]
pub struct Site {
    /// Where KDCs look principals up.
    pub directory: Arc<Directory>,
    /// The store.
    pub store: Arc<RedbStore>,
}

/// The realms of this process.
pub fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(Site::new)
}

impl Site {
    fn new() -> Self {
        let store = Arc::new(RedbStore::in_memory().expect("memory"));
        let vault = Vault::create(store.clone(), MasterKey::new(&MASTER)).expect("an empty store");
        let vault = Arc::new(vault);
        let registrar = Registrar::new(Arc::clone(&vault));
        for realm in [REALM, OTHER] {
            add_realm(&registrar, realm);
        }
        trust(&registrar, REALM, OTHER);
        trust(&registrar, OTHER, REALM);
        add_principals(&registrar);
        Self {
            directory: Arc::new(Directory::new(vault, 64)),
            store,
        }
    }

    /// A KDC that remembers nothing yet.
    pub fn kdc(&self) -> Kdc {
        let config = KdcConfig {
            lookaside_bytes: 64 << 10,
            ..KdcConfig::default()
        };
        Kdc::new(Arc::clone(&self.directory), config, NOW)
    }

    /// The open record of a principal.
    pub fn entry(&self, name: &Principal) -> Option<Arc<OpenEntry>> {
        self.directory.lookup(name).expect("a whole store")
    }
}

fn add_realm(registrar: &Registrar, name: &str) {
    let mut settings = RealmSettings::new(Realm::from(name));
    // One cheap key for each password; services have keys of all kinds.
    settings.keysalts = vec![Keysalt::normal(Enctype::Aes256CtsHmacSha1_96)];
    registrar
        .create_realm(&settings, &stamp(), &mut random())
        .expect("a new realm");
}

fn trust(registrar: &Registrar, from: &str, to: &str) {
    let trust = Trust {
        realm: Realm::from(to),
        inbound: false,
        outbound: true,
    };
    let keys = KeyChange::password(b"between realms");
    registrar
        .add_trust(&Realm::from(from), &trust, &keys, &stamp(), &mut random())
        .expect("both realms are there");
}

fn add_principals(registrar: &Registrar) {
    let user = KeyChange::password(PASSWORD);
    let service = KeyChange::random().with_keysalts(
        Enctype::DEFAULT
            .iter()
            .copied()
            .map(Keysalt::normal)
            .collect(),
    );
    add(registrar, "alice@HOME.TEST", &user, |_| {});
    add(registrar, "carol@HOME.TEST", &user, |entry| {
        entry.attributes = Attributes::DISALLOW_SVR;
    });
    add(registrar, "late@HOME.TEST", &user, |entry| {
        entry.password_expiration = Some(KerberosTime::from_unix(1));
    });
    add(registrar, "barred@HOME.TEST", &user, |entry| {
        entry.attributes |= Attributes::LOCKED;
    });
    add(registrar, "bob@OTHER.TEST", &user, |_| {});
    add(registrar, "host/www@HOME.TEST", &service, |entry| {
        entry.attributes |= Attributes::OK_AS_DELEGATE;
    });
    add(registrar, "nfs/files@OTHER.TEST", &service, |_| {});
    add(registrar, "HTTP/front@HOME.TEST", &service, |entry| {
        entry.set_delegation(&Delegation {
            targets: vec![principal("HTTP/back@HOME.TEST")],
            fronts: Vec::new(),
        });
    });
    add(registrar, "HTTP/back@HOME.TEST", &service, |entry| {
        entry.set_delegation(&Delegation {
            targets: Vec::new(),
            fronts: vec![
                principal("host/www@HOME.TEST"),
                principal("nfs/files@OTHER.TEST"),
            ],
        });
    });
    registrar
        .add_alias(
            &principal("al@HOME.TEST"),
            &principal("alice@HOME.TEST"),
            &stamp(),
        )
        .expect("a new alias");
}

fn add(registrar: &Registrar, name: &str, keys: &KeyChange<'_>, adjust: impl FnOnce(&mut Entry)) {
    let name = principal(name);
    let mut entry = registrar
        .template(&name, &stamp())
        .expect("a realm of ours");
    adjust(&mut entry);
    registrar
        .create(entry, keys, &stamp(), &mut random())
        .expect("a new principal");
}

fn stamp() -> Stamp {
    Stamp {
        by: principal("root@HOME.TEST"),
        at: NOW.time,
    }
}

/// The principal of that name, which is written with its realm.
pub fn principal(name: &str) -> Principal {
    Principal::parse(name, None).expect("a name of ours")
}
