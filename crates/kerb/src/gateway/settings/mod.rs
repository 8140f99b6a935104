//! The section `[gateway]` of `kerbstone.toml`.

mod certificates;
mod entries;
mod listeners;
mod pools;
mod rates;
mod sessions;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderName;
use kerbstone_gateway::Limits;
use kerbstone_gateway::entry_point::EntryPoints;
use kerbstone_gateway::identity_headers::IdentityHeaders;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::settings_file::{self, SettingsError, duration};
pub(crate) use entries::BadEntry;
use entries::EntrySettings;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    gateway: GatewaySettings,
    /// `kerb kdc` reads these two.
    #[serde(default, rename = "kdc")]
    _kdc: IgnoredAny,
    #[serde(default, rename = "admin")]
    _admin: IgnoredAny,
}

/// The section `[gateway]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySettings {
    /// Addresses for HTTPS.
    #[serde(default = "default_listen")]
    pub(crate) listen: Vec<SocketAddr>,
    /// The certificate and its chain, in PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, in PEM.
    pub(crate) key: PathBuf,
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
    /// Address of the Prometheus endpoint.
    pub(crate) metrics: Option<SocketAddr>,
    /// Where the settings file is.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    #[serde(default)]
    headers: HeaderSettings,
    #[serde(default)]
    limits: LimitSettings,
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
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HeaderSettings {
    #[serde(deserialize_with = "header_name")]
    user: HeaderName,
    /// An empty name means: none.
    #[serde(deserialize_with = "optional_header_name")]
    principal: Option<HeaderName>,
    #[serde(deserialize_with = "optional_header_name")]
    method: Option<HeaderName>,
    /// Further headers to take away from clients.
    #[serde(deserialize_with = "header_names")]
    strip: Vec<HeaderName>,
}

/// The section `[gateway.limits]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitSettings {
    connections: usize,
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
        let required = [
            &mut gateway.certificate,
            &mut gateway.key,
            &mut gateway.replay_cache,
        ];
        let optional = [
            &mut gateway.keytab,
            &mut gateway.proxy,
            &mut gateway.krb5_conf,
            &mut gateway.audit,
        ];
        for path in required.into_iter().chain(optional.into_iter().flatten()) {
            *path = folder.join(&*path);
        }
        gateway.folder = folder.to_owned();
        Ok(gateway)
    }

    /// The table of entry points.
    ///
    /// # Errors
    /// [`BadEntry`] names the one that cannot be meant so.
    pub(crate) fn entry_points(&self) -> Result<EntryPoints, BadEntry> {
        let points: Result<Vec<_>, _> = self.entry.iter().map(EntrySettings::point).collect();
        EntryPoints::new(points?).map_err(|error| BadEntry {
            path: "table".to_owned(),
            why: error.to_string(),
        })
    }

    pub(crate) fn headers(&self) -> IdentityHeaders {
        let HeaderSettings {
            user,
            principal,
            method,
            strip,
        } = self.headers.clone();
        IdentityHeaders::new(user, principal, method, &strip)
    }

    pub(crate) const fn limits(&self) -> Limits {
        let LimitSettings {
            connections,
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

impl Default for HeaderSettings {
    fn default() -> Self {
        Self {
            user: HeaderName::from_static("remote_user"),
            principal: Some(HeaderName::from_static("gss_name")),
            method: Some(HeaderName::from_static("auth_type")),
            strip: Vec::new(),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let Limits {
            connections,
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

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    parse_header_name(&String::deserialize(deserializer)?)
}

fn optional_header_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<HeaderName>, D::Error> {
    let name = String::deserialize(deserializer)?;
    match name.as_str() {
        "" => Ok(None),
        name => parse_header_name(name).map(Some),
    }
}

fn header_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HeaderName>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().map(|name| parse_header_name(name)).collect()
}

fn parse_header_name<E: serde::de::Error>(name: &str) -> Result<HeaderName, E> {
    let wrong = |_| E::custom(format!("`{name}` cannot be the name of a header"));
    HeaderName::from_bytes(name.as_bytes()).map_err(wrong)
}

fn default_listen() -> Vec<SocketAddr> {
    vec![
        (Ipv4Addr::UNSPECIFIED, 443).into(),
        (Ipv6Addr::UNSPECIFIED, 443).into(),
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
    }

    #[test]
    fn the_minimal_file_serves_http_at_port_443_with_two_threads() {
        let settings = parsed(MINIMAL).unwrap();
        assert_eq!(settings.listen[0].port(), 443);
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
        let tls = "[[gateway.entry]]\npath = \"/\"\nback_end = \"https://127.0.0.1\"\n";
        assert!(
            table(tls)
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
    fn header_names_are_checked_when_the_file_is_read() {
        let bad = format!("{MINIMAL}[gateway.headers]\nuser = \"REMOTE USER\"\n");
        assert!(
            parsed(&bad)
                .unwrap_err()
                .to_string()
                .contains("cannot be the name of a header")
        );
        let none = parsed(&format!("{MINIMAL}[gateway.headers]\nprincipal = \"\"\n")).unwrap();
        assert_eq!(none.headers.principal, None);
    }
}
