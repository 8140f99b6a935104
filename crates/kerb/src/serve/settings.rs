//! `kerbstone.toml` as typed by the administrator, and the checked settings that the program sees.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::settings_file::{self, SettingsError, duration};

/// The whole of `kerbstone.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) kdc: KdcSettings,
    #[serde(default)]
    pub(crate) admin: AdminSettings,
    /// `kerb gateway` reads it.
    #[serde(default, rename = "gateway")]
    _gateway: IgnoredAny,
    #[serde(default, rename = "identity")]
    _identity: IgnoredAny,
}

/// The section `[kdc]`: the store, the sockets and what is written beside them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KdcSettings {
    /// The redb file that holds every realm of this KDC.
    pub(crate) store: PathBuf,
    /// The master key's file (mode 0600); it lives outside the store.
    pub(crate) master_key: PathBuf,
    /// Addresses for AS and TGS, each over UDP and TCP.
    #[serde(default = "default_listen")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Addresses for password changes (RFC 3244), each over UDP and TCP. Empty: none.
    #[serde(default = "default_password_listen")]
    pub(crate) password_listen: Vec<SocketAddr>,
    /// The unix socket behind `kerb admin`.
    pub(crate) admin_socket: Option<PathBuf>,
    /// Address of the Prometheus endpoint.
    pub(crate) metrics: Option<SocketAddr>,
    /// The append-only audit log, one JSON object a line.
    pub(crate) audit: Option<PathBuf>,
    /// Threads that read each UDP address; 0 means one per core.
    #[serde(default)]
    pub(crate) workers: usize,
    /// Opened principals kept ready, with their keys' schedules.
    #[serde(default = "default_cache_entries")]
    pub(crate) cache_entries: usize,
    /// Where hot dumps go; none are made without it.
    pub(crate) dump_directory: Option<PathBuf>,
    /// Time between two hot dumps.
    #[serde(default = "default_dump_interval", deserialize_with = "duration")]
    pub(crate) dump_interval: Duration,
    /// Hot dumps that stay; older ones are removed.
    #[serde(default = "default_dump_keep")]
    pub(crate) dump_keep: usize,
    /// How far clients' clocks may be off.
    #[serde(default = "default_clock_skew", deserialize_with = "duration")]
    pub(crate) clock_skew: Duration,
    /// Hosts and domains of other realms, for referrals: `".other.test" = "OTHER.TEST"`.
    #[serde(default)]
    pub(crate) domain_realm: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tcp: TcpSettings,
}

/// The section `[kdc.tcp]`: what one stream may cost.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TcpSettings {
    /// Connections open at once over all addresses; further ones are closed unread.
    pub(crate) max_connections: usize,
    /// Time that a client has for sending one request or taking one reply.
    #[serde(deserialize_with = "duration")]
    pub(crate) deadline: Duration,
    /// The longest request, in octets.
    pub(crate) max_request: u32,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            deadline: Duration::from_secs(10),
            max_request: 128 << 10,
        }
    }
}

/// The section `[admin]`: who may do what through the admin socket and kpasswd's set request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminSettings {
    /// Local users (by name or number) who may do everything; root and the KDC's own user always may.
    pub(crate) users: Vec<String>,
    /// The group whose members may open the admin socket; without it, root and the KDC's own user alone.
    pub(crate) socket_group: Option<String>,
    /// File of rules by principal, in the format of MIT's `kadm5.acl`.
    pub(crate) acl: Option<PathBuf>,
}

fn default_listen() -> Vec<SocketAddr> {
    any_address(88)
}

fn default_password_listen() -> Vec<SocketAddr> {
    any_address(464)
}

fn any_address(port: u16) -> Vec<SocketAddr> {
    use std::net::{Ipv4Addr, Ipv6Addr};
    vec![
        (Ipv4Addr::UNSPECIFIED, port).into(),
        (Ipv6Addr::UNSPECIFIED, port).into(),
    ]
}

const fn default_clock_skew() -> Duration {
    Duration::from_secs(300)
}

const fn default_cache_entries() -> usize {
    4096
}

const fn default_dump_keep() -> usize {
    24
}

const fn default_dump_interval() -> Duration {
    Duration::from_secs(3600)
}

impl Settings {
    /// Reads and checks a settings file.
    ///
    /// Relative paths are taken from the file's own folder.
    ///
    /// # Errors
    /// [`SettingsError`] names the file, the line and, for an unknown key, the nearest known one.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = settings_file::read(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        settings.kdc.resolve(folder);
        if let Some(acl) = &mut settings.admin.acl {
            *acl = folder.join(&*acl);
        }
        Ok(settings)
    }
}

impl KdcSettings {
    pub(super) fn resolve(&mut self, folder: &Path) {
        for path in [&mut self.store, &mut self.master_key] {
            *path = folder.join(&*path);
        }
        let optional = [
            &mut self.admin_socket,
            &mut self.audit,
            &mut self.dump_directory,
        ];
        for path in optional.into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "[kdc]\nstore = \"realm.redb\"\nmaster_key = \"master.key\"\n";

    fn refused(text: &str) -> SettingsError {
        settings_file::parse::<Settings>(text, Path::new("kerbstone.toml")).expect_err("refused")
    }

    #[test]
    fn the_minimal_file_has_the_standard_ports() {
        let settings = settings_file::parse::<Settings>(MINIMAL, Path::new("k.toml")).unwrap();
        assert_eq!(settings.kdc.listen[0].port(), 88);
        assert_eq!(settings.kdc.password_listen[0].port(), 464);
        assert_eq!(settings.kdc.tcp.deadline, Duration::from_secs(10));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
        let error = refused(&format!("{MINIMAL}lissten = []\n"));
        assert!(error.to_string().contains("line 4"), "{error}");
        assert_eq!(error.help(), "did you mean `listen`?");
    }

    #[test]
    fn a_far_off_key_gets_no_guess() {
        let error = refused(&format!("{MINIMAL}zzzzzzzzzzzz = 1\n"));
        assert!(!error.help().contains("did you mean"), "{}", error.help());
    }

    #[test]
    fn durations_are_written_as_in_krb5_conf() {
        let text = format!("{MINIMAL}[kdc.tcp]\ndeadline = \"2m\"\n");
        let settings = settings_file::parse::<Settings>(&text, Path::new("k.toml")).unwrap();
        assert_eq!(settings.kdc.tcp.deadline, Duration::from_secs(120));
        refused(&format!("{MINIMAL}[kdc.tcp]\ndeadline = \"soon\"\n"));
    }

    #[test]
    fn paths_are_taken_from_the_files_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kerbstone.toml");
        std::fs::write(&file, MINIMAL).unwrap();
        let settings = Settings::read(&file).unwrap();
        assert_eq!(settings.kdc.store, folder.path().join("realm.redb"));
    }
}
