//! What stands behind the front door: OpenStack's Keystone, or ours.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{
    Daemon, Finished, Kerb, Keystone, KeystoneSetup, Openstack, kerb_binary,
};

use super::house::PASSWORD;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BackEnd {
    Keystone,
    Ours,
}

/// A running one.
pub(super) enum Behind {
    Keystone(Keystone),
    Ours { service: Daemon, socket: PathBuf },
}

/// Where it is to run, and what it needs.
pub(super) struct Ground<'a> {
    pub(super) realm: &'a Kerb,
    /// The folder of the gateway's settings, with its keytab.
    pub(super) folder: &'a Path,
    /// What clients know it by, without `/v3`.
    pub(super) public: &'a str,
}

/// People and projects, as an administrator makes them.
const PROJECT: &str = "project create demo\n";
const USER: &str = "user create alice";
const MEMBER: &str = "role add --user alice --project demo member\n";
/// Whoever shows a certificate of the lab's authority is the local user that its common name says.
const MAPPING: &str = r#"[{"local": [{"user": {"name": "{0}", "domain": {"id": "default"}, "type": "local"}}],
"remote": [{"type": "SSL_CLIENT_S_DN_CN"}]}]"#;
const TOKENLESS: &str = "[tokenless_auth]\n\
                         trusted_issuer = CN=Lab CA\n\
                         issuer_attribute = SSL_CLIENT_I_DN\n";
/// SHA-256 of the issuer's name, by which Keystone knows the identity provider.
const PROVIDER: &str = "e63bb36b2397c55771cb30cda87d1c0da94714808a3ca23f29dd6b597001e248";

impl Behind {
    /// Starts it. `None` when it is not on this machine.
    pub(super) fn start(back_end: BackEnd, ground: &Ground<'_>) -> Option<Self> {
        match back_end {
            BackEnd::Keystone => Keystone::start(&KeystoneSetup {
                public: Some(ground.public),
                methods: &[
                    "password",
                    "token",
                    "kerberos",
                    "external",
                    "application_credential",
                ],
                settings: TOKENLESS,
            })
            .map(Self::Keystone),
            BackEnd::Ours => Some(ours(ground)),
        }
    }

    /// How a pool names it.
    pub(super) fn member(&self) -> String {
        match self {
            Self::Keystone(keystone) => format!("uwsgi://127.0.0.1:{}", keystone.uwsgi_port()),
            Self::Ours { socket, .. } => format!("unix:{}", socket.display()),
        }
    }

    /// The password of its user `admin`.
    pub(super) const fn password(&self) -> &'static str {
        match self {
            Self::Keystone(_) => Keystone::PASSWORD,
            Self::Ours { .. } => PASSWORD,
        }
    }

    /// Lets the administrator make people and projects.
    pub(super) fn populate(&self, administrator: &Openstack, folder: &Path) {
        let rules = folder.join("mapping.json");
        fs::write(&rules, MAPPING).expect("the mapping's rules");
        let tokenless = format!(
            "identity provider create {PROVIDER}\n\
             mapping create certificates --rules {}\n\
             federation protocol create x509 --identity-provider {PROVIDER} --mapping certificates\n",
            rules.display()
        );
        // Ours asks the KDC about passwords and takes none.
        let (password, further) = match self {
            Self::Keystone(_) => (format!(" --password {PASSWORD}"), tokenless.as_str()),
            Self::Ours { .. } => (String::new(), ""),
        };
        let made = administrator
            .script(&format!("{PROJECT}{USER}{password}\n{MEMBER}{further}"))
            .succeeded();
        assert!(made.stdout.contains("| demo"), "{made}\n{}", self.log());
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        match self {
            Self::Keystone(keystone) => keystone.log(),
            Self::Ours { service, .. } => service.output(),
        }
    }
}

/// `kerb identity`, which believes the gateway at its socket.
fn ours(ground: &Ground<'_>) -> Behind {
    let Ground {
        realm,
        folder,
        public,
    } = ground;
    let socket = folder.join("identity.sock");
    let settings = folder.join("identity.toml");
    let text = format!(
        "[identity]\nsocket = \"identity.sock\"\nkeytab = \"HTTP.keytab\"\npublic_endpoint = \"{public}\"\n\
         trusted_issuers = [\"CN=Lab CA\"]\naudit = \"identity.jsonl\"\n\
         [identity.domains]\n\"{}\" = \"Default\"\n",
        realm.realm()
    );
    fs::write(&settings, text).expect("the identity service's settings");
    let kerb = |words: &[&str]| {
        let mut command = Command::new(kerb_binary());
        command
            .arg("identity")
            .args(words)
            .arg("--config")
            .arg(&settings)
            .env_clear()
            .env("KRB5_CONFIG", realm.krb5_conf());
        command
    };
    let (admin, url) = (format!("admin@{}", realm.realm()), format!("{public}/v3"));
    for words in [
        &["fernet", "setup"][..],
        &[
            "bootstrap",
            "--admin",
            &admin,
            "--public-url",
            &url,
            "--region",
            "RegionOne",
        ],
    ] {
        Finished::of(&mut kerb(words), "kerb identity", "").succeeded();
    }
    let log = folder.join("identity.log");
    let service = Daemon::start(kerb(&["serve"]), &log, || {
        UnixStream::connect(&socket).is_ok()
    });
    Behind::Ours { service, socket }
}
