//! `kerb kdc init`: a store, its master key and a settings file for the first realm.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerbstone_proto::name::{NameError, Principal, PrincipalName, Realm};
use kerbstone_realm::{
    Attributes, KeyChange, MasterKey, PlainKey, RealmError, RealmSettings, RedbStore, Registrar,
    Stamp, Vault,
};

use super::door;

const STORE: &str = "realm.redb";
const MASTER_KEY: &str = "master.key";

/// Where the first realm's files go and where its KDC listens.
#[derive(Clone, Debug)]
pub(crate) struct FirstRealm {
    /// The realm's name.
    pub(crate) realm: Realm,
    /// The settings file; store and master key go beside it.
    pub(crate) config: PathBuf,
    /// Addresses for tickets; the standard port on every address without them.
    pub(crate) listen: Vec<SocketAddr>,
    /// Addresses for password changes.
    pub(crate) password_listen: Vec<SocketAddr>,
    /// Address of the Prometheus endpoint, if there is to be one.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Somebody who is to be in the new realm from the start.
#[derive(Clone)]
pub(crate) struct Person {
    /// The name without the realm.
    pub(crate) name: String,
    /// The password.
    pub(crate) password: String,
}

/// A service of the new realm and its keys, for a keytab.
#[derive(Debug)]
pub(crate) struct ServiceKeys {
    /// The service.
    pub(crate) principal: Principal,
    /// Its keys.
    pub(crate) keys: Vec<PlainKey>,
}

/// Why nothing, or not everything, was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// Something of that name is there.
    #[error("{path} is there already", path = .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// The store refused.
    #[error(transparent)]
    Realm(#[from] RealmError),
    /// A person or service has a name that is none.
    #[error(transparent)]
    Name(NameError),
}

impl InitError {
    /// What the administrator can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Exists(_) => {
                "nothing was changed; name another place with --config, or add a realm with `kerb admin realm add`"
                    .to_owned()
            }
            Self::Unwritable { path, .. } => format!("look at the folder of {} and who may write there", path.display()),
            Self::Realm(_) | Self::Name(_) => "remove what was made, and start again with a valid realm name".to_owned(),
        }
    }
}

impl FirstRealm {
    /// Makes the files; none of them may exist yet, so that no key is ever written over.
    ///
    /// # Errors
    /// [`InitError`]
    pub(crate) fn make(&self) -> Result<(), InitError> {
        self.make_with(&[], &[]).map(|_| ())
    }

    /// The same, with people and services in the new realm.
    ///
    /// # Errors
    /// [`InitError`]
    pub(crate) fn make_with(
        &self,
        people: &[Person],
        services: &[String],
    ) -> Result<Vec<ServiceKeys>, InitError> {
        let folder = self.config.parent().unwrap_or(Path::new("."));
        let (store, master_key) = (folder.join(STORE), folder.join(MASTER_KEY));
        for path in [&self.config, &store, &master_key] {
            if path.exists() {
                return Err(InitError::Exists(path.clone()));
            }
        }
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| InitError::Unwritable { path, source }
        };
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder).map_err(unwritable(folder))?;
        }
        let (master, bytes) = MasterKey::generate(&mut rand::rng());
        write_new(&master_key, &*bytes, 0o600).map_err(unwritable(&master_key))?;
        let keys = create_realm(&store, master, &self.realm, people, services)?;
        write_new(&self.config, self.text().as_bytes(), 0o644).map_err(unwritable(&self.config))?;
        Ok(keys)
    }

    fn text(&self) -> String {
        let list = |name: &str, addresses: &[SocketAddr]| match addresses {
            [] => String::new(),
            _ => {
                let quoted: Vec<String> = addresses
                    .iter()
                    .map(|address| format!("\"{address}\""))
                    .collect();
                format!("{name} = [{}]\n", quoted.join(", "))
            }
        };
        format!(
            "# Every key is explained in the book, page \"kerbstone.toml\". Relative paths start here.\n\
             [kdc]\nstore = \"{STORE}\"\nmaster_key = \"{MASTER_KEY}\"\nadmin_socket = \"admin.sock\"\n\
             audit = \"audit.jsonl\"\n{}{}{}",
            list("listen", &self.listen),
            list("password_listen", &self.password_listen),
            self.metrics
                .map_or_else(String::new, |address| format!("metrics = \"{address}\"\n")),
        )
    }
}

fn create_realm(
    store: &Path,
    master: MasterKey,
    realm: &Realm,
    people: &[Person],
    services: &[String],
) -> Result<Vec<ServiceKeys>, InitError> {
    let store = Arc::new(RedbStore::create(store)?);
    let vault = Arc::new(Vault::create(store, master)?);
    let stamp = Stamp {
        by: Principal::new(
            PrincipalName::new_principal(&["kerb", "init"]),
            realm.clone(),
        ),
        at: door::now().time,
    };
    let registrar = Registrar::new(vault);
    let settings = RealmSettings::new(realm.clone());
    registrar.create_realm(&settings, &stamp, &mut rand::rng())?;
    let add = |name: &str, keys: &KeyChange<'_>, attributes: Attributes| {
        let principal = Principal::parse(name, Some(realm)).map_err(InitError::Name)?;
        let mut entry = registrar.template(&principal, &stamp)?;
        entry.attributes |= attributes;
        registrar.create(entry, keys, &stamp, &mut rand::rng())?;
        Ok::<Principal, InitError>(principal)
    };
    for person in people {
        add(
            &person.name,
            &KeyChange::password(person.password.as_bytes()),
            settings.user_attributes,
        )?;
    }
    let served = services.iter().map(|service| {
        let principal = add(service, &KeyChange::random(), Attributes::NONE)?;
        let keys = registrar.read_keys(&principal)?;
        Ok(ServiceKeys { principal, keys })
    });
    served.collect()
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::Settings;

    fn first_realm(folder: &Path) -> FirstRealm {
        FirstRealm {
            realm: Realm::from("EXAMPLE.TEST"),
            config: folder.join("kerbstone.toml"),
            listen: vec!["127.0.0.1:8888".parse().unwrap()],
            password_listen: Vec::new(),
            metrics: None,
        }
    }

    #[test]
    fn makes_settings_that_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let first = first_realm(folder.path());
        first.make().unwrap();
        let settings = Settings::read(&first.config).unwrap();
        assert_eq!(settings.kdc.listen, first.listen);
        MasterKey::load(&settings.kdc.master_key).unwrap();
        RedbStore::open(&settings.kdc.store).unwrap();
    }

    #[test]
    fn never_writes_over_a_master_key() {
        let folder = tempfile::tempdir().unwrap();
        let first = first_realm(folder.path());
        first.make().unwrap();
        let before = fs::read(folder.path().join(MASTER_KEY)).unwrap();
        fs::remove_file(&first.config).unwrap();
        assert!(matches!(first.make(), Err(InitError::Exists(_))));
        assert_eq!(fs::read(folder.path().join(MASTER_KEY)).unwrap(), before);
    }
}
