//! This workspace's own KDC, filled and started.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kerbstone_crypto::Key;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_realm::{
    Attributes, Entry, Keysalt, MasterKey, PlainKey, RealmError, RealmSettings, RedbStore,
    Registrar, Salt, Stamp, Vault,
};
use kerbstone_testkit::lab::Port;
use rand::rngs::ThreadRng;
use tempfile::TempDir;

use crate::request::{ENCTYPE, MODEL, REALM, now, service, user, user_key};
use crate::subject::{loopback, wait_for_udp};

/// A running `kerb kdc` with a store of its own.
pub(crate) struct Ours {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) ready_after: Duration,
    _folder: TempDir,
    _port: Port,
}

impl Ours {
    /// Fills a store and starts the release binary on it, with so many threads for datagrams; 0 for one a core.
    ///
    /// # Errors
    /// A file or process that cannot be had.
    pub(crate) fn start(principals: usize, workers: usize) -> io::Result<Self> {
        let folder = TempDir::with_prefix("kerbstone-bench-")?;
        fill(folder.path(), principals).map_err(io::Error::other)?;
        let port = Port::claim();
        let address = loopback(port.number());
        let settings = folder.path().join("kerbstone.toml");
        fs::write(&settings, configuration(address, workers))?;
        let start = Instant::now();
        let child = Command::new(binary()?)
            .args(["kdc", "--config"])
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut ours = Self {
            child,
            address,
            ready_after: Duration::ZERO,
            _folder: folder,
            _port: port,
        };
        wait_for_answer(&mut ours)?;
        ours.ready_after = start.elapsed();
        Ok(ours)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for_answer(ours: &mut Ours) -> io::Result<()> {
    if let Some(status) = ours.child.try_wait()? {
        return Err(io::Error::other(format!("kerb kdc ended: {status}")));
    }
    wait_for_udp(ours.address)
}

/// The release binary beside this program, for only that is worth measuring.
pub(crate) fn binary() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("kerb");
    if path.is_file() {
        return Ok(path);
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "no kerb beside this program: cargo build --release --bin kerb first",
    ))
}

fn configuration(address: SocketAddr, workers: usize) -> String {
    // The audit log is on, as in production.
    format!(
        "[kdc]\nstore = \"realm.redb\"\nmaster_key = \"master.key\"\nlisten = [\"{address}\"]\n\
         password_listen = []\naudit = \"audit.jsonl\"\n\
         workers = {workers}\n"
    )
}

fn fill(folder: &Path, principals: usize) -> Result<(), RealmError> {
    let mut rng = rand::rng();
    let (master, bytes) = MasterKey::generate(&mut rng);
    write_private(&folder.join("master.key"), &*bytes)
        .map_err(|error| RealmError::Contradiction(error.to_string()))?;
    let store = Arc::new(RedbStore::create(&folder.join("realm.redb"))?);
    let vault = Arc::new(Vault::create(store, master)?);
    let registrar = Registrar::new(Arc::clone(&vault));
    let realm = Realm::from(REALM);
    let stamp = Stamp {
        by: name("admin", &realm),
        at: now().time,
    };
    let mut settings = RealmSettings::new(realm.clone());
    settings.keysalts = vec![Keysalt::normal(ENCTYPE)];
    registrar.create_realm(&settings, &stamp, &mut rng)?;
    let key = user_key()?;
    let mut seal = |name: Principal, key: &Key, attributes: Attributes| {
        entry(&vault, name, key, attributes, &stamp, &mut rng)
    };
    let entries = (0..principals).flat_map(|index| {
        let client = seal(
            name(&user(index), &realm),
            &key,
            Attributes::REQUIRES_PREAUTH,
        );
        let server = seal(name(&service(index), &realm), &key, Attributes::NONE);
        [client, server]
    });
    registrar.load(entries)?;
    Ok(())
}

fn name(text: &str, realm: &Realm) -> Principal {
    let components: Vec<&str> = text.split('/').collect();
    Principal::new(
        kerbstone_proto::name::PrincipalName::new_principal(&components),
        realm.clone(),
    )
}

fn entry(
    vault: &Vault,
    principal: Principal,
    key: &Key,
    attributes: Attributes,
    stamp: &Stamp,
    rng: &mut ThreadRng,
) -> Result<Entry, RealmError> {
    let salt = Salt::Special(format!("{REALM}{MODEL}").into_bytes());
    let plain = PlainKey {
        kvno: 1,
        key: key.clone(),
        salt,
        s2k_params: None,
    };
    let mut entry = Entry::new(principal.clone(), stamp.by.clone(), stamp.at);
    entry.attributes = attributes;
    entry.keys = vec![vault.seal(&principal, plain, rng)?];
    Ok(entry)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(bytes)
}
