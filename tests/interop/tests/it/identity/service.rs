use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{
    Daemon, Finished, Kerb, Openstack, Port, Setup, find_program, kerb_binary,
};

/// The administrator, and somebody else.
pub(super) const ALICE: &str = "alice";
pub(super) const BOB: &str = "bob";
pub(super) const PASSWORD: &str = "correct horse";

/// `kerb identity serve` on loopback, with a realm of ours behind it whose people are its users.
pub(super) struct Identity {
    daemon: Option<Daemon>,
    port: Port,
    pub(super) realm: Kerb,
}

impl Identity {
    /// With its administrator. `None` when the openstack command is not on this machine.
    pub(super) fn start() -> Option<Self> {
        let mut identity = Self::prepare()?;
        identity.bootstrap();
        identity.serve();
        Some(identity)
    }

    /// Settings and keys, and an empty store.
    pub(super) fn prepare() -> Option<Self> {
        if !Openstack::is_here() || find_program("curl").is_none() {
            return None;
        }
        let realm = Kerb::start(&Setup::realm("CLOUD.EXAMPLE"));
        for person in [ALICE, BOB] {
            realm.add_user(person, PASSWORD);
        }
        realm.add_service("HTTP/localhost");
        let keytab = realm.keytab("HTTP/localhost");
        let port = Port::claim();
        append(&settings(&realm), &section(&realm, &keytab, port.number()));
        Some(Self {
            daemon: None,
            port,
            realm,
        })
    }

    pub(super) fn bootstrap(&self) {
        let url = self.url();
        let words = [
            "identity",
            "bootstrap",
            "--admin",
            ALICE,
            "--public-url",
            &url,
        ];
        self.realm.run(&words, "").succeeded();
    }

    pub(super) fn serve(&mut self) {
        let log = self.realm.folder().join("identity.out");
        let port = self.port.number();
        self.daemon = Some(Daemon::start(served(&self.realm), &log, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        }));
    }

    /// A command of `kerb identity` with a token in its environment.
    pub(super) fn with_token(&self, token: &str, arguments: &[&str]) -> Finished {
        let mut command = Command::new(kerb_binary());
        command
            .arg("identity")
            .args(arguments)
            .arg("--config")
            .arg(settings(&self.realm))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("OS_TOKEN", token);
        Finished::of(&mut command, "kerb identity", "")
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v3", self.port.number())
    }

    /// The openstack command with a plugin and no more.
    pub(super) fn openstack(&self, plugin: &str) -> Openstack {
        Openstack::new([
            ("OS_AUTH_URL", self.url().as_str()),
            ("OS_AUTH_TYPE", plugin),
        ])
    }

    /// The openstack command as somebody with their password, on the project `admin`.
    pub(super) fn somebody(&self, name: &str) -> Openstack {
        self.openstack("v3password").and([
            ("OS_USERNAME", name),
            ("OS_PASSWORD", PASSWORD),
            ("OS_USER_DOMAIN_ID", "default"),
            ("OS_PROJECT_NAME", "admin"),
            ("OS_PROJECT_DOMAIN_ID", "default"),
        ])
    }

    /// Status and body of an answer to curl.
    pub(super) fn curl(&self, path: &str, arguments: &[&str]) -> (String, String) {
        curl(&format!("{}{path}", self.url()), arguments)
    }

    /// What the service has logged, for messages.
    pub(super) fn log(&self) -> String {
        let audit = fs::read_to_string(self.realm.folder().join("identity.jsonl"));
        let said = self.daemon.as_ref().map(Daemon::output);
        said.unwrap_or_default() + &audit.unwrap_or_default()
    }
}

/// Status and body of an answer to curl.
pub(super) fn curl(url: &str, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(arguments)
        .arg(url);
    let said = Finished::of(&mut command, "curl", "").succeeded().stdout;
    let (body, status) = said.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

fn section(realm: &Kerb, keytab: &Path, port: u16) -> String {
    format!(
        "\n[identity]\nlisten = [\"127.0.0.1:{port}\"]\nkeytab = \"{}\"\nkrb5_conf = \"{}\"\n\
         audit = \"identity.jsonl\"\n[identity.domains]\n\"{}\" = \"Default\"\n",
        keytab.display(),
        realm.krb5_conf().display(),
        realm.realm(),
    )
}

fn settings(realm: &Kerb) -> PathBuf {
    realm.folder().join("kerbstone.toml")
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .expect("the settings");
    file.write_all(text.as_bytes())
        .expect("settings for the service");
}

fn served(realm: &Kerb) -> Command {
    let mut command = Command::new(kerb_binary());
    command
        .args(["identity", "serve", "--config"])
        .arg(settings(realm))
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command
}
