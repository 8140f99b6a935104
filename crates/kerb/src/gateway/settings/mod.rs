//! The section `[gateway]` of `kerbstone.toml`.

mod books;
mod certificates;
mod entries;
mod listeners;
mod passwords;
mod pools;
mod rates;
mod sessions;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderName;
use kerbstone_gateway::Limits;
use kerbstone_gateway::entry_points::EntryPoints;
use kerbstone_gateway::groups::Groups;
use kerbstone_gateway::identity_headers::IdentityHeaders;
use kerbstone_gateway::pattern::Pattern;
use kerbstone_gateway::pool::PoolSettings;
use kerbstone_gateway::variables::Variable;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::settings_file::{self, SettingsError, duration};
pub(crate) use books::{AccessLogFormat, AccessLogSettings};
pub(crate) use certificates::BadMap;
use certificates::CertificateSettings;
pub(crate) use entries::BadEntry;
use entries::EntrySettings;
pub(crate) use listeners::BadListener;
use listeners::{
    Hsts, ListenerSettings, TypedAddress, TypedCertificate, TypedClientCertificates, TypedVersion,
};
use passwords::{TypedDelegation, TypedPasswords};
pub(crate) use pools::BadMember;
use pools::TypedPool;
use rates::TypedRates;
pub(crate) use sessions::BadSessions;
use sessions::TypedSessions;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    gateway: GatewaySettings,
    /// `kerb kdc` reads these two.
    #[serde(default, rename = "kdc")]
    _kdc: IgnoredAny,
    #[serde(default, rename = "admin")]
    _admin: IgnoredAny,
    /// `kerb identity` reads this one.
    #[serde(default, rename = "identity")]
    _identity: IgnoredAny,
}

/// The section `[gateway]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySettings {
    /// Where the listener `main` is.
    #[serde(default = "default_listen")]
    pub(crate) listen: Vec<TypedAddress>,
    /// Permissions of its unix sockets.
    #[serde(default, deserialize_with = "listeners::mode")]
    mode: Option<u32>,
    /// Whether it speaks TLS.
    tls: Option<bool>,
    /// The certificate and its chain, in PEM, for all listeners that have none of their own.
    certificate: Option<PathBuf>,
    /// Its key, in PEM.
    key: Option<PathBuf>,
    /// Certificates for other hosts.
    #[serde(default)]
    more_certificates: Vec<TypedCertificate>,
    /// Whether the listener `main` asks clients for certificates.
    #[serde(default)]
    client_certificates: TypedClientCertificates,
    /// `Strict-Transport-Security`.
    hsts: Option<Hsts>,
    /// The oldest TLS that is spoken.
    oldest_tls: Option<TypedVersion>,
    /// Who issued clients' certificates, and whom they stand for.
    #[serde(default)]
    pub(crate) certificates: CertificateSettings,
    /// Further listeners.
    #[serde(default)]
    listener: Vec<ListenerSettings>,
    /// Keys of the service.
    pub(crate) keytab: Option<PathBuf>,
    /// The socket of the proxy that has the keys instead, and the memory of tokens.
    pub(crate) proxy: Option<PathBuf>,
    /// The service; keys of others in the keytab are not used.
    #[serde(default = "default_service")]
    pub(crate) service: String,
    /// Which principal is which user; that of the environment without it.
    pub(crate) krb5_conf: Option<PathBuf>,
    /// The memory of tokens that were accepted, which outlives the process.
    #[serde(default = "default_replay_cache")]
    pub(crate) replay_cache: PathBuf,
    /// What to do about tokens that are not bound to the TLS channel.
    #[serde(default)]
    pub(crate) channel_bindings: Bindings,
    /// How far clients' clocks may be off.
    #[serde(default = "default_clock_skew", deserialize_with = "duration")]
    pub(crate) clock_skew: Duration,
    /// Threads.
    #[serde(default = "default_workers")]
    pub(crate) workers: usize,
    /// The append-only audit log, one JSON object a line.
    pub(crate) audit: Option<PathBuf>,
    /// The access log, a line for each request.
    pub(crate) access_log: Option<AccessLogSettings>,
    /// The socket over which the running gateway is asked and told.
    pub(crate) control: Option<PathBuf>,
    /// Address of the Prometheus endpoint.
    pub(crate) metrics: Option<SocketAddr>,
    /// Where the settings file is.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// The settings file itself.
    #[serde(skip)]
    pub(crate) file: PathBuf,
    /// Groups and their members.
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    /// Realms and the domains of their people.
    #[serde(default)]
    pub(crate) domains: BTreeMap<String, String>,
    #[serde(default)]
    headers: HeaderSettings,
    #[serde(default)]
    limits: LimitSettings,
    /// The cookie that stands for a proof.
    #[serde(default)]
    pub(crate) sessions: TypedSessions,
    /// Whose passwords are checked.
    #[serde(default)]
    pub(crate) passwords: TypedPasswords,
    /// Where tickets go that people send along.
    pub(crate) delegation: Option<TypedDelegation>,
    /// How often who may come.
    #[serde(default)]
    pub(crate) rates: TypedRates,
    /// Back ends.
    #[serde(default)]
    pool: Vec<TypedPool>,
    /// The ways in.
    #[serde(default)]
    entry: Vec<EntrySettings>,
}

/// What to do about tokens that are not bound to the TLS channel.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bindings {
    /// Accept them; check those that are bound.
    #[default]
    Verify,
    /// Refuse them.
    Require,
}

/// The section `[gateway.headers]`: what back ends are told, and what clients may not say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HeaderSettings {
    user: Option<TypedHeader>,
    /// The former name of `auth_type`.
    method: Option<TypedHeader>,
    auth_type: Option<TypedHeader>,
    domain: Option<TypedHeader>,
    principal: Option<TypedHeader>,
    realm: Option<TypedHeader>,
    mechanism: Option<TypedHeader>,
    groups: Option<TypedHeader>,
    subject_dn: Option<TypedHeader>,
    subject_dn_slash: Option<TypedHeader>,
    common_name: Option<TypedHeader>,
    subject_alt_names: Option<TypedHeader>,
    issuer_dn: Option<TypedHeader>,
    issuer_dn_slash: Option<TypedHeader>,
    serial: Option<TypedHeader>,
    fingerprint: Option<TypedHeader>,
    delegated_cache: Option<TypedHeader>,
    /// Further headers to take away from clients.
    strip: Vec<TypedHeader>,
}

/// A header as typed; an empty name means: none.
#[derive(Clone, Debug)]
struct TypedHeader(Option<HeaderName>);

/// The section `[gateway.limits]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitSettings {
    connections: usize,
    connections_per_client: usize,
    streams: u32,
    #[serde(deserialize_with = "duration")]
    handshake: Duration,
    #[serde(deserialize_with = "duration")]
    headers: Duration,
    #[serde(deserialize_with = "duration")]
    idle: Duration,
    #[serde(deserialize_with = "duration")]
    body: Duration,
    #[serde(deserialize_with = "duration")]
    tunnel: Duration,
    #[serde(deserialize_with = "duration")]
    connect: Duration,
    #[serde(deserialize_with = "duration")]
    answer: Duration,
    #[serde(deserialize_with = "duration")]
    stop: Duration,
    header_octets: u32,
    authorization_octets: usize,
}

impl GatewaySettings {
    /// Reads and checks a settings file; relative paths are taken from its folder.
    ///
    /// # Errors
    /// [`SettingsError`] names the file, the line and, for an unknown key, the nearest known one.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let File { mut gateway, .. } = settings_file::read(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let required = [&mut gateway.replay_cache];
        let optional = [
            &mut gateway.keytab,
            &mut gateway.proxy,
            &mut gateway.krb5_conf,
            &mut gateway.audit,
            &mut gateway.control,
        ];
        for path in required.into_iter().chain(optional.into_iter().flatten()) {
            *path = folder.join(&*path);
        }
        if let Some(log) = &mut gateway.access_log {
            log.place_in(folder);
        }
        gateway.folder = folder.to_owned();
        gateway.file = path.to_owned();
        Ok(gateway)
    }

    /// Pools of back ends, one after the other; the certificates that they name are read. [`BadMember`] names what cannot
    /// be meant so.
    pub(crate) fn each_pool(&self) -> impl Iterator<Item = Result<PoolSettings, BadMember>> {
        self.pool.iter().map(|pool| pool.pool(&self.folder))
    }

    /// The table of entry points.
    ///
    /// # Errors
    /// [`BadEntry`] for everything that cannot be meant so.
    pub(crate) fn entry_points(&self) -> Result<EntryPoints, Vec<BadEntry>> {
        let mut points = Vec::new();
        let mut faults = Vec::new();
        for entry in &self.entry {
            match entry.point() {
                Ok(point) => points.push(point),
                Err(found) => faults.extend(found),
            }
        }
        // An entry that is missing is no fault of the table.
        if faults.is_empty() || !points.is_empty() {
            let found = EntryPoints::faults(&points).into_iter();
            faults.extend(found.map(|fault| BadEntry {
                path: "table".to_owned(),
                why: fault.to_string(),
            }));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        EntryPoints::new(points).map_err(|fault| {
            vec![BadEntry {
                path: "table".to_owned(),
                why: fault.to_string(),
            }]
        })
    }

    /// The entries as they were typed.
    pub(crate) fn entries(&self) -> &[EntrySettings] {
        &self.entry
    }

    /// Who is in which group by the settings.
    pub(crate) fn groups(&self) -> Groups {
        let table = self.groups.iter().map(|(group, members)| {
            let members = members.iter().map(Pattern::new).collect();
            (group.clone(), members)
        });
        Groups::new(table.collect())
    }

    pub(crate) fn headers(&self) -> IdentityHeaders {
        let typed = &self.headers;
        let mut names = BTreeMap::new();
        for variable in Variable::ALL {
            let named = match variable {
                Variable::User => &typed.user,
                Variable::AuthType if typed.auth_type.is_none() => &typed.method,
                Variable::AuthType => &typed.auth_type,
                Variable::Domain => &typed.domain,
                Variable::Principal => &typed.principal,
                Variable::Realm => &typed.realm,
                Variable::Mechanism => &typed.mechanism,
                Variable::Groups => &typed.groups,
                Variable::SubjectDn => &typed.subject_dn,
                Variable::SubjectDnSlash => &typed.subject_dn_slash,
                Variable::CommonName => &typed.common_name,
                Variable::SubjectAltNames => &typed.subject_alt_names,
                Variable::IssuerDn => &typed.issuer_dn,
                Variable::IssuerDnSlash => &typed.issuer_dn_slash,
                Variable::Serial => &typed.serial,
                Variable::Fingerprint => &typed.fingerprint,
                Variable::DelegatedCache => &typed.delegated_cache,
            };
            let usual = HeaderName::from_bytes(variable.environment().as_bytes()).ok();
            let name = named.as_ref().map_or(usual, |typed| typed.0.clone());
            names.extend(name.map(|name| (variable, name)));
        }
        let strip: Vec<HeaderName> = typed.strip.iter().filter_map(|one| one.0.clone()).collect();
        IdentityHeaders::new(names, &strip)
    }

    pub(crate) const fn limits(&self) -> Limits {
        let LimitSettings {
            connections,
            connections_per_client,
            streams,
            handshake,
            headers,
            idle,
            body,
            tunnel,
            connect,
            answer,
            stop,
            header_octets,
            authorization_octets,
        } = self.limits;
        Limits {
            connections,
            connections_per_client,
            streams,
            handshake,
            headers,
            idle,
            body,
            tunnel,
            connect,
            answer,
            stop,
            header_octets,
            authorization_octets,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let Limits {
            connections,
            connections_per_client,
            streams,
            handshake,
            headers,
            idle,
            body,
            tunnel,
            connect,
            answer,
            stop,
            header_octets,
            authorization_octets,
        } = Limits::default();
        Self {
            connections,
            connections_per_client,
            streams,
            handshake,
            headers,
            idle,
            body,
            tunnel,
            connect,
            answer,
            stop,
            header_octets,
            authorization_octets,
        }
    }
}

impl<'de> Deserialize<'de> for TypedHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name.is_empty() {
            return Ok(Self(None));
        }
        let wrong = |_| D::Error::custom(format!("`{name}` cannot be the name of a header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(wrong)?;
        Ok(Self(Some(name)))
    }
}

fn default_listen() -> Vec<TypedAddress> {
    vec![
        TypedAddress::Tcp((Ipv4Addr::UNSPECIFIED, 443).into()),
        TypedAddress::Tcp((Ipv6Addr::UNSPECIFIED, 443).into()),
    ]
}

fn default_service() -> String {
    "HTTP".to_owned()
}

fn default_replay_cache() -> PathBuf {
    PathBuf::from("gateway.replay")
}

const fn default_clock_skew() -> Duration {
    Duration::from_secs(300)
}

const fn default_workers() -> usize {
    2
}

#[cfg(test)]
mod tests {
    use kerbstone_gateway::way::Way;

    use super::*;

    const MINIMAL: &str =
        "[gateway]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nkeytab = \"http.keytab\"\n";

    fn parsed(text: &str) -> Result<GatewaySettings, SettingsError> {
        settings_file::parse::<File>(text, Path::new("kerbstone.toml")).map(|file| file.gateway)
    }

    fn table(entries: &str) -> Result<EntryPoints, BadEntry> {
        parsed(&format!("{MINIMAL}{entries}"))
            .unwrap()
            .entry_points()
            .map_err(|mut faults| faults.remove(0))
    }

    #[test]
    fn the_minimal_file_serves_http_at_port_443_with_two_threads() {
        let settings = parsed(MINIMAL).unwrap();
        assert_eq!(settings.listen, default_listen());
        assert_eq!(settings.service, "HTTP");
        assert_eq!(settings.workers, 2);
        assert_eq!(settings.channel_bindings, Bindings::Verify);
        assert_eq!(settings.limits(), Limits::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_name() {
        for (text, nearest) in [
            (format!("{MINIMAL}keytap = \"x\"\n"), "keytab"),
            (
                format!("{MINIMAL}[gateway.limits]\nconections = 1\n"),
                "connections",
            ),
            (
                format!("{MINIMAL}[[gateway.entry]]\npath = \"/\"\nbackend = \"x\"\n"),
                "back_end",
            ),
            (
                format!("{MINIMAL}channel_bindings = \"required\"\n"),
                "require",
            ),
        ] {
            let error = parsed(&text).unwrap_err();
            assert_eq!(
                error.help(),
                format!("did you mean `{nearest}`?"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_kdcs_sections_may_stand_in_the_same_file() {
        parsed(&format!(
            "[kdc]\nstore = \"s\"\nmaster_key = \"m\"\n[admin]\n{MINIMAL}"
        ))
        .unwrap();
    }

    #[test]
    fn an_entry_leads_to_one_place() {
        let whoami = "[[gateway.entry]]\npath = \"/whoami\"\npage = \"whoami\"\n";
        assert_eq!(table(whoami).unwrap().iter().count(), 1);
        let nowhere = "[[gateway.entry]]\npath = \"/\"\n";
        assert!(
            table(nowhere)
                .unwrap_err()
                .to_string()
                .contains("to one of them")
        );
        let unknown = "[[gateway.entry]]\npath = \"/\"\nback_end = \"ftp://127.0.0.1\"\n";
        assert!(
            table(unknown)
                .unwrap_err()
                .to_string()
                .contains("http://HOST:PORT")
        );
        assert!(
            table("")
                .unwrap_err()
                .to_string()
                .contains("no entry point")
        );
    }

    #[test]
    fn an_entry_has_ways_places_rules_and_words_of_its_own() {
        let entry = "[[gateway.entry]]\npath = \"/krb/v3\"\nrewrite = \"/v3\"\nmethods = \"POST\"\n\
                     hosts = [\"*.example.test\"]\nways = [\"negotiate\", \"token\"]\n\
                     users = [\"*@EXAMPLE.TEST\"]\ngroups = [\"staff\"]\ncertificate = { issuer = \"CN=CA\" }\n\
                     tell = [\"user\", \"auth-type\", \"domain\"]\ndomain = \"Default\"\nunknown_user = 403\n\
                     back_end = \"http://127.0.0.1:5000\"\n";
        let points = table(entry).unwrap();
        let point = points.iter().next().unwrap();
        assert_eq!(point.to_string(), "POST *.example.test/krb/v3");
        assert_eq!(point.ways, [Way::Negotiate, Way::Token]);
        assert_eq!(point.tell.last(), Some(&Variable::Domain));
        assert_eq!(point.unknown_user.unwrap().as_u16(), 403);
    }

    #[test]
    fn everything_that_is_wrong_with_the_entries_is_told_at_once() {
        let bad = "[[gateway.entry]]\npath = \"/a/../b\"\nhosts = \"h:1\"\nback_end = \"ftp://h\"\nunknown_user = 200\n\
                   [[gateway.entry]]\npath = \"/c\"\nways = [\"none\"]\nusers = [\"alice\"]\nback_end = \"http://h:1\"\n";
        let settings = parsed(&format!("{MINIMAL}{bad}")).unwrap();
        let faults = settings.entry_points().unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
    }

    #[test]
    fn header_names_are_checked_when_the_file_is_read() {
        let bad = format!("{MINIMAL}[gateway.headers]\nuser = \"REMOTE USER\"\n");
        assert!(
            parsed(&bad)
                .unwrap_err()
                .to_string()
                .contains("cannot be the name of a header")
        );
        let none = parsed(&format!("{MINIMAL}[gateway.headers]\nprincipal = \"\"\n")).unwrap();
        assert_eq!(none.headers().name(Variable::Principal), None);
        let user = "[gateway.headers]\nuser = \"X-Remote-User\"\n";
        let own = parsed(&format!("{MINIMAL}{user}")).unwrap().headers();
        assert_eq!(own.name(Variable::User).unwrap(), "x-remote-user");
        assert_eq!(own.name(Variable::Domain).unwrap(), "remote_domain");
    }
}
