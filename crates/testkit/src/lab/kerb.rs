use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{accepts_tcp, has_udp};
use super::{Addresses, Daemon, Finished, Krb5ConfText, Port, Setup, kerb_binary};

/// A realm of ours: `kerb kdc` on loopback, administered by `kerb admin`.
#[derive(Debug)]
pub struct Kerb {
    kdc: Option<Daemon>,
    addresses: Addresses,
    krb5_conf: PathBuf,
    _ports: [Port; 2],
    folder: TempDir,
}

impl Kerb {
    /// Creates the realm and starts its KDC.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(setup: &Setup) -> Self {
        let mut kerb = Self::prepare(setup);
        kerb.create_realm(setup);
        kerb.start_servers();
        kerb.choose_enctypes(&setup.enctypes);
        kerb
    }

    fn prepare(setup: &Setup) -> Self {
        let folder = TempDir::with_prefix("kerbstone-kerb-").expect("a folder for the lab");
        let ports = [Port::claim(), Port::claim()];
        let addresses = Addresses {
            realm: setup.realm.clone(),
            kdc: ports[0].number(),
            kpasswd: ports[1].number(),
            kadmin: None,
        };
        let krb5_conf = Krb5ConfText::new(&[&addresses], &setup.krb5_conf).write(folder.path());
        Self {
            kdc: None,
            addresses,
            krb5_conf,
            _ports: ports,
            folder,
        }
    }

    fn create_realm(&self, setup: &Setup) {
        let Addresses {
            realm,
            kdc,
            kpasswd,
            ..
        } = &self.addresses;
        let line = format!(
            "kdc init --realm {realm} --listen 127.0.0.1:{kdc} --password-listen 127.0.0.1:{kpasswd}"
        );
        let words: Vec<&str> = line.split(' ').collect();
        self.run(&words, "").succeeded();
        let settings = fs::read_to_string(self.settings()).expect("the settings that were made");
        fs::write(self.settings(), settings + &setup.kdc_conf)
            .expect("settings with the test's additions");
    }

    /// Starts the KDC, at first or after [`stop`](Self::stop).
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_servers(&mut self) {
        let Addresses { kdc, kpasswd, .. } = self.addresses;
        self.kdc = Some(Daemon::start(
            self.command(&["kdc"]),
            &self.folder.path().join("kdc.out"),
            || {
                [kdc, kpasswd]
                    .into_iter()
                    .all(|port| has_udp(port) && accepts_tcp(port))
            },
        ));
    }

    /// Ends the KDC; the store stays. For SIGKILL there is [`id`](Self::id).
    pub fn stop(&mut self) {
        self.kdc = None;
    }

    /// For principals to come, and for the ticket-granting service, which is there already.
    fn choose_enctypes(&self, enctypes: &[String]) {
        if enctypes.is_empty() {
            return;
        }
        let realm = self.realm();
        self.admin(&["realm", "modify", realm, "--enctypes", &enctypes.join(",")]);
        self.admin(&["principal", "random-keys", &format!("krbtgt/{realm}")]);
    }

    /// Adds a principal with a password.
    pub fn add_user(&self, name: &str, password: &str) {
        self.admin_with(&["principal", "add", name, "--password-stdin"], password);
    }

    /// Adds a principal with random keys.
    pub fn add_service(&self, name: &str) {
        self.admin(&["principal", "add", name, "--random-key"]);
    }

    /// Writes a principal's present keys to a keytab of its own.
    #[must_use]
    pub fn keytab(&self, name: &str) -> PathBuf {
        let file = self
            .folder
            .path()
            .join(format!("{}.keytab", name.replace(['/', '@'], "_")));
        self.admin(&[
            "keytab",
            "write",
            &file.to_string_lossy(),
            name,
            "--keep-keys",
        ]);
        file
    }

    /// A trust with another realm in both directions, keyed by a password that the other side is given too.
    pub fn trust(&self, other: &str, password: &str) {
        self.admin_with(&["trust", "add", other, "--password-stdin"], password);
    }

    /// Runs one command of `kerb admin` and returns its output.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn admin(&self, arguments: &[&str]) -> String {
        self.admin_with(arguments, "")
    }

    /// Runs one command of `kerb admin` that reads a line of standard input.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn admin_with(&self, arguments: &[&str], line: &str) -> String {
        self.run(&[&["admin"], arguments].concat(), &format!("{line}\n"))
            .succeeded()
            .stdout
    }

    /// Runs `kerb` as the realm's administrator, with `input` as standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str], input: &str) -> Finished {
        Finished::of(
            &mut self.command(arguments),
            &format!("kerb {}", arguments.join(" ")),
            input,
        )
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(kerb_binary());
        command
            .args(arguments)
            .arg("--config")
            .arg(self.settings())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .env("HOME", folder)
            .env("KRB5_CONFIG", &self.krb5_conf);
        command
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("kerbstone.toml")
    }

    /// The realm's name.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.addresses.realm
    }

    /// Where the KDC listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// A `krb5.conf` for clients of this realm.
    #[must_use]
    pub fn krb5_conf(&self) -> &Path {
        &self.krb5_conf
    }

    /// The lab's folder, for files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the KDC has logged for people.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("kdc.out")).unwrap_or_default()
    }

    /// The audit log: one JSON object a line.
    #[must_use]
    pub fn audit(&self) -> String {
        fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap_or_default()
    }

    /// The KDC's process id.
    ///
    /// # Panics
    /// When it is stopped.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.kdc.as_ref().expect("a running KDC").id()
    }
}
