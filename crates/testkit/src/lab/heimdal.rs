use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{accepts_tcp, has_udp};
use super::presence::absent;
use super::{Addresses, Daemon, Finished, Krb5ConfText, Port, Setup};

/// A realm of Heimdal: kdc and kpasswdd on loopback, its database administered by `kadmin -l`.
///
/// Heimdal's Debian packages exclude MIT's, so its programs come from `target/peers/heimdal`, where
/// `cargo xtask peers` unpacks them, or from the folder that `KERBSTONE_HEIMDAL` names.
#[derive(Debug)]
pub struct Heimdal {
    kdc: Option<Daemon>,
    kpasswdd: Option<Daemon>,
    addresses: Addresses,
    krb5_conf: PathBuf,
    _ports: [Port; 2],
    folder: TempDir,
}

impl Heimdal {
    /// Creates the realm and starts its servers; `None` when Heimdal's programs have not been unpacked.
    ///
    /// # Panics
    /// When the realm does not come up, and when the programs are missing although `CI=true`.
    #[must_use]
    pub fn start(setup: &Setup) -> Option<Self> {
        if !is_unpacked() {
            return None;
        }
        let mut heimdal = Self::prepare(setup);
        heimdal.create_database();
        heimdal.start_servers();
        Some(heimdal)
    }

    fn prepare(setup: &Setup) -> Self {
        let folder = TempDir::with_prefix("kerbstone-heimdal-").expect("a folder for the lab");
        let ports = [Port::claim(), Port::claim()];
        let addresses = Addresses {
            realm: setup.realm.clone(),
            kdc: ports[0].number(),
            kpasswd: ports[1].number(),
            kadmin: None,
        };
        let krb5_conf = Krb5ConfText::new(&[&addresses], &setup.krb5_conf).write(folder.path());
        fs::write(
            folder.path().join("kdc.conf"),
            kdc_conf(setup, folder.path()),
        )
        .expect("kdc.conf of the lab");
        fs::write(folder.path().join("kadmind.acl"), "").expect("kadmind.acl of the lab");
        Self {
            kdc: None,
            kpasswdd: None,
            addresses,
            krb5_conf,
            _ports: ports,
            folder,
        }
    }

    fn create_database(&self) {
        let realm = self.addresses.realm.clone();
        let lives = [
            "--realm-max-ticket-life=1day",
            "--realm-max-renewable-life=1week",
        ];
        self.admin(&["init", lives[0], lives[1], &realm]);
    }

    /// Starts both servers, at first or after [`stop`](Self::stop).
    ///
    /// # Panics
    /// When one does not come up.
    pub fn start_servers(&mut self) {
        let Addresses { kdc, kpasswd, .. } = self.addresses;
        let config = format!("--config-file={}", self.kdc_conf().display());
        let ports = format!("--ports={kdc}/udp {kdc}/tcp");
        self.kdc = Some(Daemon::start(
            self.command("kdc", &[&config, "--addresses=127.0.0.1", &ports]),
            &self.folder.path().join("kdc.out"),
            || has_udp(kdc) && accepts_tcp(kdc),
        ));
        let (port, realm) = (
            format!("--port={kpasswd}"),
            format!("--realm={}", self.realm()),
        );
        self.kpasswdd = Some(Daemon::start(
            self.command(
                "kpasswdd",
                &[&config, "--addresses=127.0.0.1", &port, &realm],
            ),
            &self.folder.path().join("kpasswdd.out"),
            || has_udp(kpasswd),
        ));
    }

    /// Ends both servers; the database stays.
    pub fn stop(&mut self) {
        self.kdc = None;
        self.kpasswdd = None;
    }

    /// The KDC's process, while it runs.
    #[must_use]
    pub fn kdc_id(&self) -> Option<u32> {
        self.kdc.as_ref().map(Daemon::id)
    }

    /// Adds a principal with a password.
    pub fn add_user(&self, name: &str, password: &str) {
        self.admin(&["add", "--use-defaults", "-p", password, name]);
    }

    /// Adds a principal with random keys.
    pub fn add_service(&self, name: &str) {
        self.admin(&["add", "--use-defaults", "-r", name]);
    }

    /// Writes a principal's present keys to a keytab of its own.
    #[must_use]
    pub fn keytab(&self, name: &str) -> PathBuf {
        let file = self
            .folder
            .path()
            .join(format!("{}.keytab", name.replace(['/', '@'], "_")));
        self.admin(&["ext_keytab", "-k", &file.to_string_lossy(), name]);
        file
    }

    /// A trust with another realm in both directions, keyed by a password that the other side is given too.
    pub fn trust(&self, other: &str, password: &str) {
        let realm = &self.addresses.realm;
        self.add_user(&format!("krbtgt/{realm}@{other}"), password);
        self.add_user(&format!("krbtgt/{other}@{realm}"), password);
    }

    /// Runs one command of `kadmin -l`, for example `["modify", "--attributes=locked-out", "alice"]`, and returns its output.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn admin(&self, arguments: &[&str]) -> String {
        let config = format!("--config-file={}", self.kdc_conf().display());
        let realm = format!("--realm={}", self.realm());
        let local = ["-l", config.as_str(), realm.as_str()];
        self.run("kadmin.heimdal", &[&local, arguments].concat())
            .succeeded()
            .stdout
    }

    /// Runs any of Heimdal's programs as the realm's administrator.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        let name = format!("{program} {}", arguments.join(" "));
        Finished::of(&mut self.command(program, arguments), &name, "")
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let folder = self.folder.path();
        let mut command = heimdal_command(program);
        command
            .args(arguments)
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .env("KRB5_CONFIG", &self.krb5_conf);
        command
    }

    fn kdc_conf(&self) -> PathBuf {
        self.folder.path().join("kdc.conf")
    }

    /// The realm's name.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.addresses.realm
    }

    /// Where the servers listen.
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

    /// What the KDC has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("kdc.log")).unwrap_or_default()
    }
}

fn kdc_conf(setup: &Setup, folder: &Path) -> String {
    let folder = folder.display();
    let keys: Vec<String> = setup
        .enctypes
        .iter()
        .map(|name| format!("{name}:pw-salt"))
        .collect();
    let keys = match keys.is_empty() {
        true => String::new(),
        false => format!("[kadmin]\ndefault_keys = {}\n", keys.join(" ")),
    };
    format!(
        "[kdc]\n\
         database = {{\n\
         dbname = {folder}/heimdal\n\
         realm = {}\n\
         mkey_file = {folder}/mkey\n\
         acl_file = {folder}/kadmind.acl\n\
         log_file = {folder}/iprop.log\n\
         }}\n\
         {}\
         [logging]\n\
         kdc = 0-/FILE:{folder}/kdc.log\n\
         {keys}",
        setup.realm, setup.kdc_conf
    )
}

/// The folder with Heimdal's unpacked packages; `None` when there are none, with a panic when `CI=true`.
#[must_use]
pub fn heimdal_folder() -> Option<PathBuf> {
    is_unpacked().then(home)
}

/// Whether Heimdal's programs have been unpacked; says what to do when not, and panics when `CI=true`.
pub(super) fn is_unpacked() -> bool {
    let there = home().join("usr/lib/heimdal-servers/kdc").is_file();
    if !there {
        absent("heimdal", "cargo xtask peers");
    }
    there
}

/// A program of Heimdal with its own libraries and no other environment than that.
pub(super) fn heimdal_command(program: &str) -> Command {
    let path = ["usr/bin", "usr/sbin", "usr/lib/heimdal-servers"]
        .iter()
        .map(|folder| home().join(folder).join(program))
        .find(|candidate| candidate.exists())
        .unwrap_or_else(|| panic!("Heimdal's packages have no {program}"));
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("LD_LIBRARY_PATH", library_path());
    command
}

fn home() -> PathBuf {
    match env::var_os("KERBSTONE_HEIMDAL") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/heimdal"),
    }
}

/// `usr/lib/<architecture>` of the unpacked packages: the folder that holds libkrb5.
fn library_path() -> OsString {
    let lib = home().join("usr/lib");
    fs::read_dir(&lib)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|folder| folder.join("libkrb5.so.26").exists())
        .unwrap_or(lib)
        .into_os_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_of_heimdal_comes_up_with_the_principals_it_was_given_and_goes_away() {
        let setup = Setup::realm("LAB.EXAMPLE").enctypes(&["aes256-cts-hmac-sha384-192"]);
        let Some(heimdal) = Heimdal::start(&setup) else {
            return;
        };
        heimdal.add_user("alice", "correct horse");
        heimdal.add_service("host/www.lab.example");
        let shown = heimdal.admin(&["get", "alice"]);
        assert!(
            shown.contains("aes256-cts-hmac-sha384-192(pw-salt"),
            "{shown}"
        );
        let keytab =
            fs::read(heimdal.keytab("host/www.lab.example")).expect("the keytab was written");
        assert_eq!(keytab.first_chunk(), Some(&[5, 2]));
        let (folder, port) = (heimdal.folder().to_path_buf(), heimdal.addresses().kdc);
        drop(heimdal);
        assert!(!folder.exists() && !has_udp(port));
    }
}
