//! The section `[identity]` of `kerbstone.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use kerbstone_identity::auth::{AuthSettings, CatalogView, FirstSight, RealmOfDomain};
use kerbstone_identity::server::Limits;
use kerbstone_identity::service::Settings as ServiceSettings;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::settings_file::{self, SettingsError, duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    identity: IdentitySettings,
    /// Other roles read these.
    #[serde(default, rename = "kdc")]
    _kdc: IgnoredAny,
    #[serde(default, rename = "admin")]
    _admin: IgnoredAny,
    #[serde(default, rename = "gateway")]
    _gateway: IgnoredAny,
}

/// The section `[identity]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentitySettings {
    /// Who there is, and who may do what where.
    #[serde(default = "default_store")]
    pub(crate) store: PathBuf,
    /// The folder of the keys that tokens are made with; a Keystone may share it.
    #[serde(default = "default_keys")]
    pub(crate) keys: PathBuf,
    /// Addresses for HTTP. Nobody is believed there about others; a gateway stands in front, or it is loopback.
    #[serde(default)]
    pub(crate) listen: Vec<SocketAddr>,
    /// A unix socket for HTTP, for the gateway.
    pub(crate) socket: Option<PathBuf>,
    /// Who may open the socket, as for chmod.
    #[serde(default = "default_socket_mode", deserialize_with = "mode")]
    pub(crate) socket_mode: u32,
    /// Users, by name or number, whose processes are believed about who the client is; our own is one of them.
    #[serde(default)]
    pub(crate) trusted_peers: Vec<String>,
    /// The folder of the keys that other services' secrets are sealed with.
    #[serde(default = "default_credential_keys")]
    pub(crate) credential_keys: PathBuf,
    /// Where clients reach the service, without `/v3`. Without it links lead where the gateway says that clients are.
    pub(crate) public_endpoint: Option<String>,
    /// The longest list that is given; without it as long as it is.
    pub(crate) list_limit: Option<usize>,
    /// Realms, and the names of the domains in which their principals are users.
    #[serde(default)]
    pub(crate) domains: BTreeMap<String, String>,
    /// Whether a principal of a realm in `domains` becomes a user when it comes for the first time.
    #[serde(default)]
    pub(crate) create_users: bool,
    /// What such users get; nothing without it.
    #[serde(default)]
    pub(crate) new_users: NewUsers,
    /// Issuers of certificates whose holders need no token, as the gateway writes them (RFC 2253).
    #[serde(default)]
    pub(crate) trusted_issuers: Vec<String>,
    /// Name and domain of the project in which being an administrator counts everywhere.
    pub(crate) admin_project: Option<AdminProject>,
    /// What clients who come by one entry of the gateway are not told of.
    #[serde(default)]
    pub(crate) catalog_view: Vec<CatalogViewSettings>,
    /// How long a token lasts.
    #[serde(default = "default_token_lifetime", deserialize_with = "duration")]
    pub(crate) token_lifetime: Duration,
    /// How long after its end a service may still ask about a token.
    #[serde(default = "default_allow_expired", deserialize_with = "duration")]
    pub(crate) allow_expired: Duration,
    /// How long the receipt of a first factor lasts.
    #[serde(default = "default_receipt_lifetime", deserialize_with = "duration")]
    pub(crate) receipt_lifetime: Duration,
    /// How many keys the folder holds when keys are rotated.
    #[serde(default = "default_max_active_keys")]
    pub(crate) max_active_keys: usize,
    /// The ways to earn a token, in Keystone's order: tokens hold their sum by position.
    #[serde(default = "default_methods")]
    pub(crate) methods: Vec<String>,
    /// Whether a token earns one for another project.
    #[serde(default = "default_true")]
    pub(crate) allow_rescope: bool,
    /// Keys with which a password's ticket is proved.
    pub(crate) keytab: Option<PathBuf>,
    /// The socket of the proxy that has those keys instead.
    pub(crate) proxy: Option<PathBuf>,
    /// The service that those keys are for: `HTTP`, or `HTTP/host`. Behind a proxy it is this host's, unless one is named.
    #[serde(default = "default_service")]
    pub(crate) service: String,
    /// Where KDCs are; that of the environment without it.
    pub(crate) krb5_conf: Option<PathBuf>,
    /// The append-only audit log, one JSON object a line.
    pub(crate) audit: Option<PathBuf>,
    /// Address of the Prometheus endpoint.
    pub(crate) metrics: Option<SocketAddr>,
    /// Threads.
    #[serde(default = "default_workers")]
    pub(crate) workers: usize,
    #[serde(default)]
    limits: LimitSettings,
    /// Where the settings file is.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// The section `[identity.new_users]`: what a user gets who comes for the first time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewUsers {
    /// Domains of which users are made; all in `domains` without it.
    pub(crate) domains: Vec<String>,
    /// Their default project: its id, or its name in their domain.
    pub(crate) project: Option<String>,
    /// The names of their roles there.
    pub(crate) roles: Vec<String>,
}

/// A project by its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminProject {
    pub(crate) name: String,
    pub(crate) domain: String,
}

/// A section `[[identity.catalog_view]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogViewSettings {
    /// How the path under which clients see the service begins: `/main`.
    pub(crate) entry: String,
    /// Endpoints whose URL contains one of these texts are left out.
    pub(crate) leave_out: Vec<String>,
}

/// The section `[identity.limits]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitSettings {
    connections: usize,
    #[serde(deserialize_with = "duration")]
    headers: Duration,
    #[serde(deserialize_with = "duration")]
    answer: Duration,
    #[serde(deserialize_with = "duration")]
    stop: Duration,
}

impl IdentitySettings {
    /// Reads and checks a settings file; relative paths are taken from its folder.
    ///
    /// # Errors
    /// [`SettingsError`] names the file, the line and, for an unknown key, the nearest known one.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let File { mut identity, .. } = settings_file::read(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let required = [
            &mut identity.store,
            &mut identity.keys,
            &mut identity.credential_keys,
        ];
        let optional = [
            &mut identity.socket,
            &mut identity.keytab,
            &mut identity.proxy,
            &mut identity.krb5_conf,
            &mut identity.audit,
        ];
        for path in required.into_iter().chain(optional.into_iter().flatten()) {
            *path = folder.join(&*path);
        }
        identity.folder = folder.to_owned();
        Ok(identity)
    }

    /// How people sign in, where the principals of these realms are users of these domains.
    pub(crate) fn auth(&self, realms: &[(String, String)]) -> AuthSettings {
        let realms = realms.iter().map(|(realm, domain)| RealmOfDomain {
            realm: realm.clone(),
            domain: domain.clone(),
        });
        let views = self.catalog_view.iter().map(|view| CatalogView {
            entry: view.entry.clone(),
            leave_out: view.leave_out.clone(),
        });
        let admin_project = self.admin_project.as_ref();
        AuthSettings {
            methods: self.methods.clone(),
            expiration: signed(self.token_lifetime),
            allow_expired_window: signed(self.allow_expired),
            allow_rescope_scoped_token: self.allow_rescope,
            receipt_expiration: signed(self.receipt_lifetime),
            realms: realms.collect(),
            first_sight: self.create_users.then(|| FirstSight {
                domains: self.new_users.domains.clone(),
                project: self.new_users.project.clone(),
                roles: self.new_users.roles.clone(),
            }),
            trusted_issuers: self.trusted_issuers.clone(),
            catalog_views: views.collect(),
            admin_project: admin_project
                .map(|project| (project.name.clone(), project.domain.clone())),
            ..AuthSettings::default()
        }
    }

    /// How the service is reached.
    pub(crate) fn service(&self) -> ServiceSettings {
        ServiceSettings {
            public_endpoint: self.public_endpoint.clone(),
            list_limit: self.list_limit,
            ..ServiceSettings::default()
        }
    }

    pub(crate) const fn limits(&self) -> Limits {
        let LimitSettings {
            connections,
            headers,
            answer,
            stop,
        } = self.limits;
        Limits {
            connections,
            headers,
            answer,
            stop,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let Limits {
            connections,
            headers,
            answer,
            stop,
        } = Limits::default();
        Self {
            connections,
            headers,
            answer,
            stop,
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(D::Error::custom(format!(
            "`{text}` is no mode of a file; write it as for chmod: \"0660\""
        ))),
    }
}

fn default_store() -> PathBuf {
    PathBuf::from("identity.redb")
}

fn default_keys() -> PathBuf {
    PathBuf::from("fernet-keys")
}

fn default_credential_keys() -> PathBuf {
    PathBuf::from("credential-keys")
}

const fn default_receipt_lifetime() -> Duration {
    Duration::from_secs(300)
}

const fn default_socket_mode() -> u32 {
    0o600
}

const fn default_token_lifetime() -> Duration {
    Duration::from_secs(3600)
}

const fn default_allow_expired() -> Duration {
    Duration::from_secs(2 * 24 * 3600)
}

const fn default_max_active_keys() -> usize {
    3
}

/// Keystone's own list, with what a Kerberos site needs.
fn default_methods() -> Vec<String> {
    let names = [
        "external",
        "password",
        "token",
        "application_credential",
        "kerberos",
        "x509",
    ];
    names.map(str::to_owned).to_vec()
}

fn default_service() -> String {
    "HTTP".to_owned()
}

const fn default_true() -> bool {
    true
}

const fn default_workers() -> usize {
    2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<IdentitySettings, SettingsError> {
        settings_file::parse::<File>(text, Path::new("kerbstone.toml")).map(|file| file.identity)
    }

    #[test]
    fn an_empty_section_is_a_service_that_nobody_but_us_reaches() {
        let settings = parsed("[identity]\n").unwrap();
        assert!(settings.listen.is_empty());
        assert_eq!(settings.socket_mode, 0o600);
        assert_eq!(settings.token_lifetime, Duration::from_secs(3600));
        assert!(!settings.create_users);
        assert_eq!(settings.limits(), Limits::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_name() {
        for (text, nearest) in [
            ("[identity]\npublic_endpont = \"x\"\n", "public_endpoint"),
            ("[identity.limits]\nconections = 1\n", "connections"),
        ] {
            assert_eq!(
                parsed(text).unwrap_err().help(),
                format!("did you mean `{nearest}`?")
            );
        }
    }

    #[test]
    fn a_sockets_mode_is_written_as_for_chmod() {
        let mode = |text: &str| parsed(&format!("[identity]\nsocket_mode = \"{text}\"\n"));
        assert_eq!(mode("0660").unwrap().socket_mode, 0o660);
        for wrong in ["rw", "999", "7777"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
    }
}
