use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{accepts_tcp, has_udp};
use super::directory::Directory;
use super::{Addresses, Daemon, Finished, Krb5ConfText, Port, Setup, find_program, require};

/// A realm of MIT krb5: krb5kdc and kadmind (which also changes passwords) on loopback.
#[derive(Debug)]
pub struct Mit {
    kdc: Option<Daemon>,
    kadmind: Option<Daemon>,
    addresses: Addresses,
    krb5_conf: PathBuf,
    directory: Option<Directory>,
    _ports: [Port; 3],
    folder: TempDir,
}

impl Mit {
    /// Creates the realm and starts its servers; `None` when MIT's programs are not on this machine.
    ///
    /// # Panics
    /// When the realm does not come up, and when the programs are missing although `CI=true`.
    #[must_use]
    pub fn start(setup: &Setup) -> Option<Self> {
        if !require("krb5kdc", "krb5-kdc") || !require("kadmind", "krb5-admin-server") {
            return None;
        }
        let mut mit = Self::prepare(setup);
        mit.create_database();
        mit.start_servers();
        Some(mit)
    }

    /// The same with its principals in an LDAP directory, which can hold what MIT's own database cannot:
    /// [`allow_delegation`](Self::allow_delegation).
    ///
    /// # Panics
    /// As [`Mit::start`].
    #[must_use]
    pub fn start_in_directory(setup: &Setup) -> Option<Self> {
        if !require("krb5kdc", "krb5-kdc") || !require("kadmind", "krb5-admin-server") {
            return None;
        }
        let folder = new_folder();
        let directory = Directory::start(folder.path())?;
        let setup = setup
            .clone()
            .kdc_conf("database_module = directory")
            .krb5_conf(&directory.conf(folder.path()));
        let mut mit = Self::prepare_in(&setup, folder);
        mit.directory = Some(directory);
        mit.create_database();
        mit.start_servers();
        Some(mit)
    }

    /// Lets a service go on to another in users' names (S4U2Proxy). The service must have been added, and the realm be
    /// [in a directory](Self::start_in_directory).
    ///
    /// # Panics
    /// When it is not.
    pub fn allow_delegation(&self, service: &str, target: &str) {
        let directory = self.directory.as_ref().expect("a realm in a directory");
        directory.allow_delegation(&self.addresses.realm, service, target);
    }

    fn prepare(setup: &Setup) -> Self {
        Self::prepare_in(setup, new_folder())
    }

    fn prepare_in(setup: &Setup, folder: TempDir) -> Self {
        let ports = [Port::claim(), Port::claim(), Port::claim()];
        let addresses = Addresses {
            realm: setup.realm.clone(),
            kdc: ports[0].number(),
            kpasswd: ports[1].number(),
            kadmin: Some(ports[2].number()),
        };
        let krb5_conf = Krb5ConfText::new(&[&addresses], &setup.krb5_conf).write(folder.path());
        fs::write(
            folder.path().join("kdc.conf"),
            kdc_conf(setup, &addresses, folder.path()),
        )
        .expect("kdc.conf of the lab");
        fs::write(
            folder.path().join("kadm5.acl"),
            format!("*/admin@{} *\n", setup.realm),
        )
        .expect("kadm5.acl of the lab");
        Self {
            kdc: None,
            kadmind: None,
            addresses,
            krb5_conf,
            directory: None,
            _ports: ports,
            folder,
        }
    }

    fn create_database(&self) {
        let realm = &self.addresses.realm;
        if let Some(directory) = &self.directory {
            let create = [
                "create",
                "-subtrees",
                Directory::subtree(),
                "-r",
                realm,
                "-s",
            ];
            let password = ["-P", "master password"];
            let login = directory.login();
            let words: Vec<&str> = login.into_iter().chain(create).chain(password).collect();
            self.run("kdb5_ldap_util", &words).succeeded();
            return;
        }
        self.run(
            "kdb5_util",
            &["-r", realm, "create", "-s", "-P", "master password"],
        )
        .succeeded();
    }

    /// Starts both servers, at first or after [`stop`](Self::stop).
    ///
    /// # Panics
    /// When one does not come up.
    pub fn start_servers(&mut self) {
        let Addresses {
            kdc,
            kpasswd,
            kadmin,
            ..
        } = self.addresses;
        let kadmin = kadmin.unwrap_or_default();
        self.kdc = Some(Daemon::start(
            self.command("krb5kdc", &["-n"]),
            &self.folder.path().join("krb5kdc.out"),
            || has_udp(kdc) && accepts_tcp(kdc),
        ));
        self.kadmind = Some(Daemon::start(
            self.command("kadmind", &["-nofork"]),
            &self.folder.path().join("kadmind.out"),
            || has_udp(kpasswd) && accepts_tcp(kpasswd) && accepts_tcp(kadmin),
        ));
    }

    /// Ends both servers; the database stays.
    pub fn stop(&mut self) {
        self.kdc = None;
        self.kadmind = None;
    }

    /// The KDC's process, while it runs.
    #[must_use]
    pub fn kdc_id(&self) -> Option<u32> {
        self.kdc.as_ref().map(Daemon::id)
    }

    /// Adds a principal with a password.
    pub fn add_user(&self, name: &str, password: &str) {
        self.admin(&["addprinc", "-pw", password, name]);
    }

    /// Adds a principal with random keys.
    pub fn add_service(&self, name: &str) {
        self.admin(&["addprinc", "-randkey", name]);
    }

    /// Writes a principal's present keys to a keytab of its own.
    #[must_use]
    pub fn keytab(&self, name: &str) -> PathBuf {
        let file = self
            .folder
            .path()
            .join(format!("{}.keytab", name.replace(['/', '@'], "_")));
        let path = file.to_string_lossy().into_owned();
        self.admin(&["ktadd", "-norandkey", "-k", &path, name]);
        file
    }

    /// A trust with another realm in both directions, keyed by a password that the other side is given too.
    pub fn trust(&self, other: &str, password: &str) {
        let realm = &self.addresses.realm;
        self.add_user(&format!("krbtgt/{realm}@{other}"), password);
        self.add_user(&format!("krbtgt/{other}@{realm}"), password);
    }

    /// Runs one command of kadmin.local, for example `["modprinc", "+disallow_svr", "alice"]`, and returns its output.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn admin(&self, arguments: &[&str]) -> String {
        self.run("kadmin.local", arguments).succeeded().stdout
    }

    /// Runs any of MIT's programs as the realm's administrator.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        let name = format!("{program} {}", arguments.join(" "));
        Finished::of(&mut self.command(program, arguments), &name, "")
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let path = find_program(program).unwrap_or_else(|| panic!("no {program} on this machine"));
        let mut command = Command::new(path);
        command.args(arguments).env_clear().envs(self.environment());
        command
    }

    /// What the realm's own programs run with.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let folder = self.folder.path();
        vec![
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".into()),
            ("LC_ALL", "C".into()),
            ("HOME", folder.into()),
            ("TMPDIR", folder.into()),
            ("KRB5RCACHEDIR", folder.into()),
            ("KRB5_CONFIG", self.krb5_conf.clone().into()),
            ("KRB5_KDC_PROFILE", folder.join("kdc.conf").into()),
        ]
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

fn new_folder() -> TempDir {
    TempDir::with_prefix("kerbstone-mit-").expect("a folder for the lab")
}

fn kdc_conf(setup: &Setup, addresses: &Addresses, folder: &Path) -> String {
    let Addresses {
        realm,
        kdc,
        kpasswd,
        kadmin,
    } = addresses;
    let folder = folder.display();
    let kadmin = kadmin.unwrap_or_default();
    let keys: Vec<String> = setup
        .enctypes
        .iter()
        .map(|name| format!("{name}:normal"))
        .collect();
    let enctypes = match setup.enctypes.first() {
        Some(master) => format!(
            "supported_enctypes = {}\nmaster_key_type = {master}\n",
            keys.join(" ")
        ),
        None => String::new(),
    };
    format!(
        "[realms]\n\
         {realm} = {{\n\
         database_name = {folder}/principal\n\
         key_stash_file = {folder}/stash\n\
         acl_file = {folder}/kadm5.acl\n\
         kdc_listen = 127.0.0.1:{kdc}\n\
         kdc_tcp_listen = 127.0.0.1:{kdc}\n\
         kpasswd_listen = 127.0.0.1:{kpasswd}\n\
         kadmind_listen = 127.0.0.1:{kadmin}\n\
         max_life = 24h\n\
         max_renewable_life = 7d\n\
         default_principal_flags = +preauth\n\
         {enctypes}{}\
         }}\n\
         [logging]\n\
         kdc = FILE:{folder}/kdc.log\n\
         admin_server = FILE:{folder}/kadmind.log\n",
        setup.kdc_conf
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_of_mit_comes_up_with_the_principals_it_was_given_and_goes_away() {
        let Some(mit) = Mit::start(&Setup::realm("LAB.EXAMPLE").enctypes(&["aes256-sha2"])) else {
            return;
        };
        mit.add_user("alice", "correct horse");
        mit.add_service("host/www.lab.example");
        let shown = mit.admin(&["getprinc", "alice"]);
        assert!(shown.contains("aes256-cts-hmac-sha384-192"), "{shown}");
        assert!(shown.contains("REQUIRES_PRE_AUTH"), "{shown}");
        let keytab = fs::read(mit.keytab("host/www.lab.example")).expect("the keytab was written");
        assert_eq!(keytab.first_chunk(), Some(&[5, 2]));
        let (folder, port) = (mit.folder().to_path_buf(), mit.addresses().kdc);
        drop(mit);
        assert!(!folder.exists() && !has_udp(port));
    }
}
