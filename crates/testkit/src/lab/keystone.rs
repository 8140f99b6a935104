use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{getgid, getuid};
use tempfile::TempDir;

use super::presence::{require, require_file};
use super::{Daemon, Finished, Openstack, Port};

const WSGI: &str = "/usr/bin/keystone-wsgi-public";
const PYTHON: &str = "/usr/bin/python3";
/// Keystone answers its first request after it has read a hundred Python modules.
const PATIENCE: Duration = Duration::from_secs(30);

/// OpenStack's Keystone on loopback: `SQLite` and uwsgi, which serves HTTP at one port and the uwsgi protocol at another.
///
/// It is set up by `keystone-manage bootstrap`: the user `admin` in the domain `default`, the project `admin`, the roles
/// `admin`, `member` and `reader`, and the service `identity` in the region `RegionOne`.
#[derive(Debug)]
pub struct Keystone {
    server: Daemon,
    http: Port,
    uwsgi: Port,
    folder: TempDir,
}

/// What a Keystone is to be like.
#[derive(Debug, Clone)]
pub struct KeystoneSetup<'a> {
    /// Where clients reach it, without `/v3`; its own port when there is none.
    pub public: Option<&'a str>,
    /// `[auth] methods`.
    pub methods: &'a [&'a str],
    /// Further text for `keystone.conf`.
    pub settings: &'a str,
}

impl Default for KeystoneSetup<'_> {
    fn default() -> Self {
        Self {
            public: None,
            methods: &[
                "password",
                "token",
                "kerberos",
                "x509",
                "application_credential",
            ],
            settings: "",
        }
    }
}

impl Keystone {
    /// The password of its user `admin`.
    pub const PASSWORD: &'static str = "correct horse battery";

    /// Sets one up and starts it. `None` when Keystone or uwsgi is not on this machine.
    ///
    /// # Panics
    /// When it does not come up, and when it is missing although `CI=true`.
    #[must_use]
    pub fn start(setup: &KeystoneSetup<'_>) -> Option<Self> {
        let plugin = Path::new("/usr/lib/uwsgi/plugins/python3_plugin.so");
        if !require("keystone-manage", "python3-keystone")
            || !require("uwsgi", "uwsgi-core")
            || !require_file(plugin, "uwsgi-plugin-python3")
        {
            return None;
        }
        let folder = TempDir::with_prefix("kerbstone-keystone-").expect("a folder for Keystone");
        let (http, uwsgi) = (Port::claim(), Port::claim());
        let own = format!("http://127.0.0.1:{}", http.number());
        let public = setup.public.unwrap_or(&own);
        let settings = folder.path().join("keystone.conf");
        fs::write(&settings, conf(folder.path(), public, setup)).expect("keystone.conf");
        manage(&settings, &["db_sync"]);
        let (user, group) = (getuid().to_string(), getgid().to_string());
        for keys in ["fernet_setup", "credential_setup"] {
            manage(
                &settings,
                &[keys, "--keystone-user", &user, "--keystone-group", &group],
            );
        }
        write_ahead(folder.path());
        let url = format!("{public}/v3");
        manage(
            &settings,
            &[
                "bootstrap",
                "--bootstrap-password",
                Self::PASSWORD,
                "--bootstrap-public-url",
                &url,
                "--bootstrap-internal-url",
                &url,
                "--bootstrap-admin-url",
                &url,
                "--bootstrap-region-id",
                "RegionOne",
            ],
        );
        let server = Daemon::start(
            served(&settings, http.number(), uwsgi.number()),
            &folder.path().join("uwsgi.out"),
            || answers(http.number()),
        );
        Some(Self {
            server,
            http,
            uwsgi,
            folder,
        })
    }

    /// Its API without a gateway in front: `http://127.0.0.1:PORT/v3`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v3", self.http.number())
    }

    /// The port at which it speaks HTTP.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http.number()
    }

    /// The port at which it speaks the uwsgi protocol: what stands in a request's variables is its WSGI environment.
    #[must_use]
    pub fn uwsgi_port(&self) -> u16 {
        self.uwsgi.number()
    }

    /// The process that its others descend from.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Its folder: `fernet` in it is its key repository, `keystone.conf` its settings.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The openstack command as its administrator, with a password.
    #[must_use]
    pub fn administrator(&self) -> Openstack {
        Openstack::new([
            ("OS_AUTH_URL", self.url().as_str()),
            ("OS_AUTH_TYPE", "v3password"),
            ("OS_USERNAME", "admin"),
            ("OS_PASSWORD", Self::PASSWORD),
            ("OS_USER_DOMAIN_ID", "default"),
            ("OS_PROJECT_NAME", "admin"),
            ("OS_PROJECT_DOMAIN_ID", "default"),
        ])
    }

    /// What it and uwsgi have logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name| fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&[read("uwsgi.out"), read("keystone.log")].concat()).into_owned()
    }
}

fn conf(folder: &Path, public: &str, setup: &KeystoneSetup<'_>) -> String {
    let path = folder.display();
    format!(
        "[DEFAULT]\n\
         log_file = {path}/keystone.log\n\
         public_endpoint = {public}\n\
         [database]\n\
         connection = sqlite:///{path}/keystone.db\n\
         [fernet_tokens]\n\
         key_repository = {path}/fernet\n\
         [credential]\n\
         key_repository = {path}/credential\n\
         [fernet_receipts]\n\
         key_repository = {path}/fernet\n\
         [token]\n\
         provider = fernet\n\
         [auth]\n\
         methods = {}\n\
         {}",
        setup.methods.join(","),
        setup.settings
    )
}

/// With its rollback journal, `SQLite` refuses to write while another connection of the same process reads.
fn write_ahead(folder: &Path) {
    const SCRIPT: &str =
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('pragma journal_mode=wal')";
    let mut command = Command::new(PYTHON);
    command.args(["-c", SCRIPT]).arg(folder.join("keystone.db"));
    Finished::of(&mut command, "python3", "").succeeded();
}

/// Its keys belong to whoever runs the test.
fn manage(settings: &Path, arguments: &[&str]) {
    let mut command = Command::new(PYTHON);
    command
        .arg("/usr/bin/keystone-manage")
        .arg("--config-file")
        .arg(settings)
        .args(arguments)
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    Finished::of(&mut command, "keystone-manage", "").succeeded();
}

fn served(settings: &Path, http: u16, uwsgi: u16) -> Command {
    let mut command = Command::new("uwsgi");
    command
        .args(["--plugin", "python3", "--wsgi-file", WSGI])
        .args(["--http-socket", &format!("127.0.0.1:{http}")])
        .args(["--socket", &format!("127.0.0.1:{uwsgi}")])
        // One process: several lock each other out of SQLite.
        .args([
            "--master",
            "--processes",
            "1",
            "--lazy-apps",
            "--die-on-term",
        ])
        .args(["--buffer-size", "65535", "--disable-logging"])
        .env("OS_KEYSTONE_CONFIG_FILES", settings)
        .env_remove("PYTHONPATH");
    command
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let mut answer = [0; 12];
    stream.set_read_timeout(Some(PATIENCE)).is_ok()
        && stream
            .write_all(b"GET /v3 HTTP/1.0\r\nHost: lab\r\n\r\n")
            .is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b" 200")
}
