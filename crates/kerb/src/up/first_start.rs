//! The first start makes the whole site, or nothing.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kerbstone_client::SystemNames;
use kerbstone_client::ticket::HostNames;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::name::Realm;
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::RealmError;
use rand::RngExt;

use super::addresses::{self, Addresses};
use super::certificates;
use super::folder::{replace, unusable};
use super::role::{self, METRICS, PASSWORDS, TICKETS};
use super::site::{KERBSTONE_TOML, KEYTABS, KRB5_CONF, PASSWORDS_FILE, SETTINGS, Settings, TLS};
use super::site_lock::SiteLock;
use crate::failure::Failure;
use crate::serve::{FirstRealm, InitError, Person, ServiceKeys};

/// The realm, unless another is asked for.
pub(super) const REALM: &str = "EXAMPLE.TEST";
/// Whom a site begins with; the first of them administers.
pub(super) const PEOPLE: [&str; 2] = ["alice", "bob"];
/// Kinds of services, each with a keytab of its own and a principal for each name of the host.
const SERVICES: [&str; 2] = ["host", "HTTP"];
/// Where everything is made before it is moved to its place.
const UNFINISHED: &str = ".unfinished";
/// What the first start makes, in the order in which it is moved; the settings say that the site is whole.
const PRODUCTS: [&str; 8] = [
    KERBSTONE_TOML,
    "realm.redb",
    "master.key",
    KRB5_CONF,
    PASSWORDS_FILE,
    KEYTABS,
    TLS,
    SETTINGS,
];
/// A broken name service shall not delay the first start.
const NAME_SERVICE: Duration = Duration::from_millis(300);

/// Makes a site in the lock's folder.
///
/// # Errors
/// Something of the site's names is there already, or cannot be written; nothing of the site is left then.
pub(super) fn make(lock: &SiteLock, realm: &str) -> Result<Settings, Failure> {
    let folder = lock.folder();
    let unfinished = folder.join(UNFINISHED);
    if unfinished.exists() {
        remove_remains(folder);
    }
    if let Some(name) = PRODUCTS.iter().find(|name| folder.join(name).exists()) {
        return Err(Failure::refused(
            "cannot set up the site",
            format!(
                "{} is there already, and no whole site with it",
                folder.join(name).display()
            ),
            "nothing was changed; name another folder: kerb up DIR",
        ));
    }
    let made = make_folder(&unfinished)
        .map_err(|error| unusable(folder, &error))
        .and_then(|()| Making::begin(folder, realm)?.finish());
    if made.is_err() {
        remove_remains(folder);
    }
    made
}

/// Removes what an interrupted first start has made. While its folder is there, everything of these names is its own.
fn remove_remains(folder: &Path) {
    for path in PRODUCTS.iter().map(|name| folder.join(name)) {
        let _absent = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
    }
    let _ = fs::remove_dir_all(folder.join(UNFINISHED));
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(path)
}

/// A site that is being made.
struct Making<'a> {
    folder: &'a Path,
    settings: Settings,
}

impl<'a> Making<'a> {
    fn begin(folder: &'a Path, realm: &str) -> Result<Self, Failure> {
        let mut chosen = Addresses::new();
        addresses::settle(role::addresses(), &mut chosen)
            .map_err(|error| unusable(folder, &error))?;
        let settings = Settings {
            realm: realm.to_owned(),
            hosts: host_names(),
            addresses: chosen,
        };
        Ok(Self { folder, settings })
    }

    fn finish(self) -> Result<Settings, Failure> {
        let people = PEOPLE.map(|name| Person {
            name: name.to_owned(),
            password: password(),
        });
        let keys = self.make_realm(&people)?;
        self.write(&people, &keys)
            .and_then(|()| self.move_into_place())
            .map_err(|error| unusable(self.folder, &error))?;
        Ok(self.settings)
    }

    fn make_realm(&self, people: &[Person]) -> Result<Vec<ServiceKeys>, Failure> {
        let listen = |name| self.settings.address(role::KDC, name);
        let first = FirstRealm {
            realm: Realm::from(self.settings.realm.as_str()),
            config: self.folder.join(UNFINISHED).join(KERBSTONE_TOML),
            listen: listen(TICKETS).into_iter().collect(),
            password_listen: listen(PASSWORDS).into_iter().collect(),
            metrics: listen(METRICS),
        };
        let hosts = &self.settings.hosts;
        let services: Vec<String> = SERVICES
            .iter()
            .flat_map(|service| hosts.iter().map(move |host| format!("{service}/{host}")))
            .collect();
        first
            .make_with(people, &services)
            .map_err(|error| self.no_realm(error))
    }

    fn no_realm(&self, error: InitError) -> Failure {
        match error {
            InitError::Unwritable { source, .. } => unusable(self.folder, &source),
            InitError::Realm(RealmError::DiskFull { .. }) => {
                unusable(self.folder, &io::ErrorKind::StorageFull.into())
            }
            other => Failure::refused(
                format!("cannot make the realm {}", self.settings.realm),
                other.to_string(),
                "nothing was made; by custom a realm is a domain in capitals: kerb up --realm EXAMPLE.COM",
            ),
        }
    }

    fn write(&self, people: &[Person], keys: &[ServiceKeys]) -> io::Result<()> {
        let folder = self.folder.join(UNFINISHED);
        let realm = &self.settings.realm;
        let passwords: String = people
            .iter()
            .map(|person| format!("{}@{realm} {}\n", person.name, person.password))
            .collect();
        replace(&folder.join(PASSWORDS_FILE), 0o600, passwords.as_bytes())?;
        replace(
            &folder.join(KRB5_CONF),
            0o644,
            krb5_conf(&self.settings).as_bytes(),
        )?;
        make_folder(&folder.join(KEYTABS))?;
        for service in SERVICES {
            let path = folder.join(KEYTABS).join(format!("{service}.keytab"));
            replace(&path, 0o600, &keytab(service, keys)?)?;
        }
        certificates::make(&folder.join(TLS), realm, &self.settings.hosts)?;
        replace(
            &folder.join(SETTINGS),
            0o644,
            self.settings.text()?.as_bytes(),
        )
    }

    fn move_into_place(&self) -> io::Result<()> {
        let unfinished = self.folder.join(UNFINISHED);
        for name in PRODUCTS {
            fs::rename(unfinished.join(name), self.folder.join(name))?;
        }
        fs::remove_dir(unfinished)
    }
}

/// `localhost`, and what this host and its name service call it.
fn host_names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    let own = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let (say, said) = mpsc::channel();
    let asked = own.clone();
    thread::spawn(move || say.send(SystemNames.canonical(&asked, false)));
    let canonical = said.recv_timeout(NAME_SERVICE).ok().flatten();
    for name in [Some(own), canonical].into_iter().flatten() {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if is_host_name(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_host_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    !name.is_empty() && name.chars().all(is_letter)
}

/// Twelve letters and digits that are not mistaken for each other: 59 bits.
fn password() -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    (0..12)
        .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
        .map(|letter| char::from(*letter))
        .collect()
}

fn keytab(service: &str, keys: &[ServiceKeys]) -> io::Result<Vec<u8>> {
    let mut keytab = Keytab::new();
    let own = keys.iter().filter(|one| {
        let first = one.principal.name.components.first();
        first.is_some_and(|first| first.as_bytes() == service.as_bytes())
    });
    for ServiceKeys { principal, keys } in own {
        for key in keys {
            let entry = KeytabEntry {
                principal: principal.clone(),
                timestamp: KerberosTime::from_unix(jiff::Timestamp::now().as_second()),
                kvno: key.kvno,
                key: KeyBlock::new(key.key.enctype().number(), key.key.bytes()),
            };
            keytab.add(entry).map_err(io::Error::other)?;
        }
    }
    Ok(keytab.to_bytes().to_vec())
}

fn krb5_conf(settings: &Settings) -> String {
    let Settings { realm, hosts, .. } = settings;
    let address = |name| {
        let address = settings.address(role::KDC, name);
        address
            .map(|address| address.to_string())
            .unwrap_or_default()
    };
    let (tickets, passwords) = (address(TICKETS), address(PASSWORDS));
    let domains: String = hosts
        .iter()
        .map(|host| format!("    {host} = {realm}\n"))
        .collect();
    format!(
        "[libdefaults]\n    default_realm = {realm}\n    dns_lookup_kdc = false\n    dns_lookup_realm = false\n    \
         rdns = false\n    dns_canonicalize_hostname = false\n\n[realms]\n    {realm} = {{\n        kdc = {tickets}\n        \
         kpasswd_server = {passwords}\n        admin_server = {passwords}\n    }}\n\n[domain_realm]\n{domains}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_hold_no_letters_that_look_alike() {
        let (one, other) = (password(), password());
        assert_ne!(one, other);
        assert_eq!(one.len(), 12);
        assert!(!one.contains(['l', 'o', '0', '1']));
    }

    #[test]
    fn what_an_interrupted_first_start_left_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let lock = SiteLock::take(folder.path()).unwrap();
        make_folder(&folder.path().join(UNFINISHED)).unwrap();
        for half in ["realm.redb", ".unfinished/master.key"] {
            fs::write(folder.path().join(half), "half").unwrap();
        }
        let settings = make(&lock, REALM).unwrap();
        assert_eq!(settings.hosts[0], "localhost");
        assert!(
            fs::metadata(folder.path().join("realm.redb"))
                .unwrap()
                .len()
                > 4
        );
        assert!(!folder.path().join(UNFINISHED).exists());
    }

    #[test]
    fn what_somebody_else_put_there_is_neither_used_nor_changed() {
        let folder = tempfile::tempdir().unwrap();
        let lock = SiteLock::take(folder.path()).unwrap();
        let theirs = folder.path().join(KRB5_CONF);
        fs::write(&theirs, "theirs").unwrap();
        let refused = make(&lock, REALM).unwrap_err();
        assert!(
            refused.why.contains("krb5.conf is there already"),
            "{refused}"
        );
        assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
        assert!(!folder.path().join("realm.redb").exists());
    }
}
