//! What stands behind the front door: OpenStack's Keystone, or ours.

use std::fs;
use std::path::Path;

use kerbstone_testkit::lab::{Kerb, Keystone, KeystoneSetup};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BackEnd {
    Keystone,
}

/// A running one.
pub(super) enum Behind {
    Keystone(Keystone),
}

/// People and projects, as an administrator makes them.
const PEOPLE: &str = "project create demo\n\
                      user create alice --password \"correct horse 7\"\n\
                      role add --user alice --project demo member\n";
/// Whoever shows a certificate of the lab's authority is the local user that its common name says.
const TOKENLESS: &str = "[tokenless_auth]\n\
                         trusted_issuer = CN=Lab CA\n\
                         issuer_attribute = SSL_CLIENT_I_DN\n";
const MAPPING: &str = r#"[{"local": [{"user": {"name": "{0}", "domain": {"id": "default"}, "type": "local"}}],
"remote": [{"type": "SSL_CLIENT_S_DN_CN"}]}]"#;
/// SHA-256 of the issuer's name, by which Keystone knows the identity provider.
const PROVIDER: &str = "e63bb36b2397c55771cb30cda87d1c0da94714808a3ca23f29dd6b597001e248";

impl Behind {
    /// Starts it; `public` is what clients know it by. `None` when it is not on this machine.
    pub(super) fn start(
        back_end: BackEnd,
        _realm: &Kerb,
        folder: &Path,
        public: &str,
    ) -> Option<Self> {
        match back_end {
            BackEnd::Keystone => {
                let keystone = Keystone::start(&KeystoneSetup {
                    public: Some(public),
                    methods: &[
                        "password",
                        "token",
                        "kerberos",
                        "external",
                        "application_credential",
                    ],
                    settings: TOKENLESS,
                })?;
                let rules = folder.join("mapping.json");
                fs::write(&rules, MAPPING).expect("the mapping's rules");
                let tokenless = format!(
                    "identity provider create {PROVIDER}\n\
                     mapping create certificates --rules {}\n\
                     federation protocol create x509 --identity-provider {PROVIDER} --mapping certificates\n",
                    rules.display()
                );
                let made = keystone
                    .administrator()
                    .script(&(PEOPLE.to_owned() + &tokenless));
                let made = made.succeeded();
                assert!(made.stdout.contains("| demo"), "{made}");
                Some(Self::Keystone(keystone))
            }
        }
    }

    /// How a pool names it.
    pub(super) fn member(&self) -> String {
        match self {
            Self::Keystone(keystone) => format!("uwsgi://127.0.0.1:{}", keystone.uwsgi_port()),
        }
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        match self {
            Self::Keystone(keystone) => keystone.log(),
        }
    }
}
