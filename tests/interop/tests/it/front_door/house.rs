//! The shipped example, with a realm, a back end and people.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{
    Daemon, Finished, Haproxy, Kerb, Openstack, Port, Session, Setup, Suite, kerb_binary, require,
};
use tempfile::TempDir;

use super::back_end::{BackEnd, Behind, Ground};
use super::certificates::Authority;

pub(super) const REALM: &str = "EXAMPLE.COM";
pub(super) const PASSWORD: &str = "correct-horse-7";
/// Knows the realm and no cloud.
pub(super) const STRANGER: &str = "mallory";
const EXAMPLE: &str = "packaging/examples/keystone.toml";

/// A cloud's front door: `alice` is a member of the project `demo`, `admin` administers, `mallory` has only a ticket.
pub(super) struct House {
    pub(super) behind: Behind,
    pub(super) authority: Authority,
    gateway: Daemon,
    realm: Kerb,
    folder: TempDir,
    doors: [Port; 2],
    _old: Haproxy,
}

impl House {
    /// `None` when a peer is not on this machine.
    pub(super) fn build(back_end: BackEnd) -> Option<Self> {
        if !require("curl", "curl") || !Openstack::is_here() {
            return None;
        }
        let realm = Kerb::start(&Setup::realm(REALM));
        for person in ["alice", "admin", STRANGER] {
            realm.add_user(person, PASSWORD);
        }
        realm.add_service("HTTP/localhost");
        let folder = TempDir::with_prefix("kerbstone-house-").expect("a folder for the house");
        let doors = [Port::claim(), Port::claim()];
        let authority = Authority::make(&folder.path().join("tls"));
        let public = format!("https://localhost:{}/main", doors[0].number());
        let keytab = realm.keytab("HTTP/localhost");
        fs::rename(keytab, folder.path().join("HTTP.keytab")).expect("the gateway's keytab");
        let ground = Ground {
            realm: &realm,
            folder: folder.path(),
            public: &public,
        };
        let behind = Behind::start(back_end, &ground)?;
        let old = Haproxy::start(
            "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             frontend old\n bind 127.0.0.1:PORT\n http-request return status 200 content-type application/json \
             string \"{\\\"version\\\":{\\\"id\\\":\\\"v2.0\\\"}}\" \n",
            &[],
        )?;
        let settings = folder.path().join("kerbstone.toml");
        let text = example(&doors, &behind.member(), old.port());
        fs::write(&settings, text).expect("the gateway's settings");
        let log = folder.path().join("gateway.log");
        let mut command = Command::new(kerb_binary());
        command
            .args(["gateway", "--config"])
            .arg(&settings)
            .env_clear()
            .env("KRB5_CONFIG", realm.krb5_conf());
        let gateway = Daemon::start(command, &log, || {
            fs::read_to_string(&log).is_ok_and(|said| said.contains("ready"))
        });
        let house = Self {
            behind,
            authority,
            gateway,
            realm,
            folder,
            doors,
            _old: old,
        };
        house
            .behind
            .populate(&house.administrator(), house.folder.path());
        Some(house)
    }

    /// The openstack command as the cloud's administrator.
    fn administrator(&self) -> Openstack {
        self.openstack("/main/v3", "v3password").and([
            ("OS_USERNAME", "admin"),
            ("OS_PASSWORD", self.behind.password()),
            ("OS_USER_DOMAIN_ID", "default"),
            ("OS_PROJECT_NAME", "admin"),
        ])
    }

    /// The folder of the gateway's settings.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a shell must know in which pages of the manual are played.
    pub(super) fn shell(&self) -> Vec<(&'static str, String)> {
        let kerb = kerb_binary();
        let own = kerb.parent().unwrap_or(Path::new("/")).display();
        vec![
            ("PATH", format!("{own}:/usr/bin:/bin")),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("KRB5_CONFIG", self.realm.krb5_conf().display().to_string()),
            ("KRB5CCNAME", "FILE:tickets".to_owned()),
            ("OS_CACERT", self.authority.file().display().to_string()),
            ("OS_IDENTITY_API_VERSION", "3".to_owned()),
            ("OS_PROJECT_NAME", "demo".to_owned()),
            ("OS_PROJECT_DOMAIN_ID", "default".to_owned()),
            ("SITE", self.url("")),
            ("CERTIFIED", self.url("/x509").replace("/x509", "")),
        ]
    }

    /// A way in: `/krb/v3` and the like.
    pub(super) fn url(&self, path: &str) -> String {
        let certified = ["/x509", "/tokenless"];
        let is_certified = certified.iter().any(|prefix| path.starts_with(prefix));
        let port = self.doors[usize::from(is_certified)].number();
        format!("https://localhost:{port}{path}")
    }

    /// Somebody's own place for tickets.
    pub(super) fn session(&self) -> Session {
        Session::new(Suite::Mit, self.realm.krb5_conf())
    }

    /// Somebody who has signed in.
    pub(super) fn signed_in(&self, person: &str) -> Session {
        let session = self.session();
        session.sign_in(person, PASSWORD, &[]).succeeded();
        session
    }

    /// The openstack command at a way in.
    pub(super) fn openstack(&self, path: &str, kind: &str) -> Openstack {
        Openstack::new([
            ("OS_AUTH_URL", self.url(path)),
            ("OS_AUTH_TYPE", kind.to_owned()),
            ("OS_CACERT", self.authority.file().display().to_string()),
        ])
        .and([
            ("OS_PROJECT_NAME", "demo"),
            ("OS_PROJECT_DOMAIN_ID", "default"),
        ])
    }

    /// The openstack command with somebody's tickets.
    pub(super) fn with_tickets(&self, path: &str, session: &Session) -> Openstack {
        let conf = self.realm.krb5_conf().as_os_str();
        self.openstack(path, "v3kerberos").and([
            ("KRB5_CONFIG", conf),
            ("KRB5CCNAME", session.cache().as_os_str()),
        ])
    }

    /// Runs curl as somebody; its output ends with a line that is the status.
    pub(super) fn curl(&self, session: &Session, path: &str, arguments: &[&str]) -> Finished {
        let (authority, url) = (self.authority.file(), self.url(path));
        let fixed = [
            "-sS",
            "-i",
            "--max-time",
            "60",
            "--noproxy",
            "*",
            "-w",
            "\n%{http_code}",
        ];
        let trust = ["--cacert", authority.to_str().expect("a plain path"), &url];
        session.run("curl", &[&fixed[..], arguments, &trust].concat(), "")
    }

    /// What the gateway has logged and noted.
    pub(super) fn books(&self) -> String {
        let audit = fs::read_to_string(self.folder.path().join("gateway.jsonl"));
        self.gateway.output() + &audit.unwrap_or_default()
    }
}

/// The example with this machine's addresses in the place of the site's.
fn example(doors: &[Port; 2], member: &str, old: u16) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(EXAMPLE);
    let mut text = fs::read_to_string(path).expect("the example");
    for (theirs, ours) in [
        ("0.0.0.0:443", format!("127.0.0.1:{}", doors[0].number())),
        ("0.0.0.0:5443", format!("127.0.0.1:{}", doors[1].number())),
        (
            "proxy = \"/run/kerbstone/proxy\"",
            "keytab = \"HTTP.keytab\"\nreplay_cache = \"replay\"".to_owned(),
        ),
        ("krb5_conf = \"/etc/krb5.conf\"\n", String::new()),
        (
            "/var/log/kerbstone/gateway.jsonl",
            "gateway.jsonl".to_owned(),
        ),
        ("HTTP/keystone.example.com", "HTTP/localhost".to_owned()),
        ("tls/clients-ca.pem", "tls/ca.pem".to_owned()),
        ("EXAMPLE.COM", REALM.to_owned()),
        (
            "\"uwsgi://keystone1.example.com:5000\", \"uwsgi://keystone2.example.com:5000\"",
            format!("\"{member}\""),
        ),
        (
            "http://old-keystone.example.com:5000",
            format!("http://127.0.0.1:{old}"),
        ),
    ] {
        assert!(text.contains(theirs), "the example has no {theirs}");
        text = text.replace(theirs, &ours);
    }
    text
}
