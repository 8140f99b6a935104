//! A site: a folder with a realm, keys, certificates and the settings of every role.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::addresses::{self, Addresses, Moved};
use super::first_start::PEOPLE;
use super::folder::{VARIABLE, replace, unusable};
use super::role::{self, PASSWORDS, ROLES, Role, TICKETS};
use super::site_lock::{RUN, SiteLock};
use super::{certificates, cloud, first_start};
use crate::failure::Failure;

/// The site's own settings. A folder that has them holds a whole site.
pub(super) const SETTINGS: &str = "site.toml";
pub(super) const KERBSTONE_TOML: &str = "kerbstone.toml";
pub(crate) const KRB5_CONF: &str = "krb5.conf";
pub(crate) const PASSWORDS_FILE: &str = "demo-passwords";
pub(super) const KEYTABS: &str = "keytabs";
pub(super) const TLS: &str = "tls";
const LOGS: &str = "log";
/// What a site's gateway said before there was a proxy for its keys, and what it says since.
const OWN_KEYS: &str = "keytab = \"keytabs/HTTP.keytab\"";
const PROXIED_KEYS: &str = "proxy = \"run/proxy\"";

const PREAMBLE: &str = "# Made by `kerb up`. What stands under [addresses] is written into kerbstone.toml and krb5.conf \
                        at each start;\n# an address that another program has by then is changed.\n\n";

/// What `site.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The realm.
    pub(super) realm: String,
    /// The names of this host that services and certificates have, `localhost` first.
    pub(super) hosts: Vec<String>,
    /// Where the roles listen.
    #[serde(default)]
    pub(super) addresses: Addresses,
}

impl Settings {
    /// Where something of a role listens.
    pub(super) fn address(&self, role: &str, name: &str) -> Option<SocketAddr> {
        self.addresses.get(role)?.get(name).copied()
    }

    /// The file's text.
    pub(super) fn text(&self) -> io::Result<String> {
        let settings = toml::to_string(self).map_err(io::Error::other)?;
        Ok(format!("{PREAMBLE}{settings}"))
    }
}

/// A site that has been made.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    settings: Settings,
}

impl Site {
    /// The site in the lock's folder; it is made if there is none.
    ///
    /// # Errors
    /// It cannot be made or read, or is one of another realm than the one asked for.
    pub(crate) fn open_or_make(lock: &SiteLock, realm: Option<&str>) -> Result<Self, Failure> {
        let Some(site) = Self::open(lock.folder())? else {
            let settings = first_start::make(lock, realm.unwrap_or(first_start::REALM))?;
            let folder = lock.folder().to_owned();
            return Ok(Self { folder, settings });
        };
        match realm.filter(|asked| *asked != site.realm()) {
            None => Ok(site),
            Some(asked) => Err(Failure::refused(
                format!("cannot make the realm {asked}"),
                format!(
                    "the site in {} has the realm {}",
                    site.folder.display(),
                    site.realm()
                ),
                format!("name another folder for it: kerb up --realm {asked} DIR"),
            )),
        }
    }

    /// The site in a folder, if there is one.
    ///
    /// # Errors
    /// Its settings cannot be read or are none.
    pub(crate) fn open(folder: &Path) -> Result<Option<Self>, Failure> {
        let path = folder.join(SETTINGS);
        let unreadable = |why: String| {
            let help = "mend the file, or name another folder to start a new site: kerb up DIR";
            Failure::refused(format!("cannot read {}", path.display()), why, help)
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let settings = toml::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let folder = folder
            .canonicalize()
            .map_err(|error| unusable(folder, &error))?;
        Ok(Some(Self { folder, settings }))
    }

    /// The site in a folder, for a command that needs one.
    ///
    /// # Errors
    /// As [`open`](Self::open), or there is none.
    pub(crate) fn find(folder: &Path, what: &str) -> Result<Self, Failure> {
        Self::open(folder)?.ok_or_else(|| {
            let folder = folder.display();
            Failure::refused(
                what,
                format!("there is no site in {folder}"),
                format!("start one: kerb up {folder}"),
            )
        })
    }

    /// Makes sure that every role has addresses which nobody else uses, and that every settings file says so. The
    /// addresses that had to change are returned.
    ///
    /// # Errors
    /// The files cannot be written.
    pub(crate) fn settle(&mut self) -> Result<Vec<Moved>, Failure> {
        let moved = addresses::settle(role::addresses(), &mut self.settings.addresses);
        let written = moved.and_then(|moved| {
            self.write_settings()?;
            certificates::refresh(&self.path(TLS), self.realm(), self.hosts())?;
            certificates::make_for_people(&self.path(TLS), self.realm(), &PEOPLE)?;
            Ok(moved)
        });
        let moved = written.map_err(|error| unusable(&self.folder, &error))?;
        cloud::settle(self)?;
        Ok(moved)
    }

    fn write_settings(&self) -> io::Result<()> {
        self.update(SETTINGS, |_| self.settings.text())?;
        self.update(KERBSTONE_TOML, |text| {
            let text = with_proxied_keys(text);
            Ok(ROLES
                .iter()
                .fold(text, |text, role| self.with_section(text, role)))
        })?;
        self.write_proxy_settings()?;
        self.update(KRB5_CONF, |text| {
            let at = |name| self.address(role::KDC, name).map(|at| at.to_string());
            let lines = [
                ("kdc", at(TICKETS)),
                ("kpasswd_server", at(PASSWORDS)),
                ("admin_server", at(PASSWORDS)),
            ];
            Ok(with_lines(text, "realms", &lines))
        })
    }

    /// Who may use which keys: the user who runs the site those of the gateway. The file holds absolute paths, so that it
    /// is written at each start.
    fn write_proxy_settings(&self) -> io::Result<()> {
        let uid = nix::unistd::geteuid();
        let keytab = self.keytab("HTTP");
        let keytab = keytab.display();
        let text = format!(
            "# Written by `kerb up` at each start.\n[gssproxy]\n\n[service/{}]\n  mechs = krb5 spnego\n  euid = {uid}\n  \
             cred_usage = accept\n  cred_store = keytab:FILE:{keytab}\n",
            role::GATEWAY
        );
        let path = self.proxy_settings();
        if fs::read(&path).is_ok_and(|present| present == text.as_bytes()) {
            return Ok(());
        }
        replace(&path, 0o600, text.as_bytes())
    }

    /// The text of `kerbstone.toml` with the role's section in it, and the section with the role's addresses.
    fn with_section(&self, mut text: String, role: &Role) -> String {
        let Some(section) = role.section else {
            return text;
        };
        let header = format!("[{}]", role.name);
        if !text.lines().any(|line| line.trim() == header) {
            let section = section.replace("REALM", self.realm());
            text = format!("{text}\n{header}\n{section}");
        }
        let lines: Vec<_> = role
            .addresses
            .iter()
            .map(|listener| {
                let address = self.address(role.name, listener.name);
                let value = address.map(|address| match listener.is_list {
                    true => format!("[\"{address}\"]"),
                    false => format!("\"{address}\""),
                });
                (listener.setting, value)
            })
            .collect();
        with_lines(&text, role.name, &lines)
    }

    /// Writes a file of the site anew if its content changes, so that a full disk does not keep an old site from
    /// starting.
    fn update(
        &self,
        name: &str,
        change: impl FnOnce(&str) -> io::Result<String>,
    ) -> io::Result<()> {
        let path = self.folder.join(name);
        let before = fs::read_to_string(&path)?;
        let after = change(&before)?;
        if before == after {
            return Ok(());
        }
        replace(&path, 0o644, after.as_bytes())
    }

    /// The folder by its absolute path.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder for what exists only while the site runs.
    pub(super) fn run_folder(&self) -> PathBuf {
        self.path(RUN)
    }

    /// What the proxy's settings file is.
    pub(super) fn proxy_settings(&self) -> PathBuf {
        self.run_folder().join("gssproxy.conf")
    }

    /// Where the proxy answers.
    pub(super) fn proxy_socket(&self) -> PathBuf {
        self.run_folder().join("proxy")
    }

    /// Where a role's log is.
    pub(crate) fn log(&self, role: &str) -> PathBuf {
        self.path(LOGS).join(format!("{role}.log"))
    }

    /// The realm.
    pub(crate) fn realm(&self) -> &str {
        &self.settings.realm
    }

    /// The names of the host that services and certificates have.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.settings.hosts
    }

    /// Where something of a role listens.
    pub(crate) fn address(&self, role: &str, name: &str) -> Option<SocketAddr> {
        self.settings.address(role, name)
    }

    /// The keytab of a kind of service: `host`, `HTTP`.
    pub(crate) fn keytab(&self, service: &str) -> PathBuf {
        self.path(KEYTABS).join(format!("{service}.keytab"))
    }

    /// The certificate that clients have to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path(TLS).join(certificates::CA)
    }

    /// What points programs at the site: ours, MIT's, Heimdal's, curl and the openstack command.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let cloud = [
            ("OS_AUTH_URL", cloud::url(self, cloud::BY_TICKET)),
            ("OS_AUTH_TYPE", "v3kerberos".to_owned()),
            ("OS_PROJECT_NAME", cloud::PROJECT.to_owned()),
            ("OS_PROJECT_DOMAIN_ID", "default".to_owned()),
            ("OS_IDENTITY_API_VERSION", "3".to_owned()),
        ];
        let mut all = vec![
            (VARIABLE, self.folder.clone()),
            ("KRB5_CONFIG", self.path(KRB5_CONF)),
            ("KRB5CCNAME", self.path("ccache")),
            ("KRB5_KTNAME", self.keytab("host")),
            ("KERBSTONE_CA", self.ca()),
            // The site's authority beside those of the system: curl reaches everything that it reached before.
            ("CURL_CA_BUNDLE", self.path(TLS).join(certificates::BUNDLE)),
            ("OS_CACERT", self.path(TLS).join(certificates::BUNDLE)),
        ];
        all.extend(cloud.map(|(name, value)| (name, value.into())));
        all
    }

    /// The certificate and the key by which somebody is known without a ticket.
    pub(crate) fn certificate_of(&self, person: &str) -> [PathBuf; 2] {
        let folder = self.path(TLS).join(certificates::PEOPLE);
        ["pem", "key"].map(|kind| folder.join(format!("{person}.{kind}")))
    }

    /// The gateway's certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path(TLS).join(certificates::CERTIFICATE)
    }

    /// The demonstration people and their passwords, until they are forgotten.
    pub(crate) fn people(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.path(PASSWORDS_FILE)).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, password)| (name.to_owned(), password.to_owned()))
            .collect()
    }

    /// Deletes the file of passwords, and tells whether it was there.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn forget_passwords(&self) -> Result<bool, Failure> {
        match fs::remove_file(self.path(PASSWORDS_FILE)) {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(unusable(&self.folder, &error)),
        }
    }
}

/// A gateway as `kerb up` used to set it up lets the proxy have its keys; one that somebody has set up otherwise stays.
fn with_proxied_keys(text: &str) -> String {
    let mut is_gateway = false;
    let lines = text.split_inclusive('\n').map(|line| {
        if let Some(header) = line.trim().strip_prefix('[') {
            is_gateway = header.strip_suffix(']') == Some(role::GATEWAY);
        }
        match is_gateway && line.trim() == OWN_KEYS {
            true => line.replace(OWN_KEYS, PROXIED_KEYS),
            false => line.to_owned(),
        }
    });
    lines.collect()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The text with other values in the lines `name = value` of a section, each where it stands.
fn with_lines(text: &str, section: &str, values: &[(&str, Option<String>)]) -> String {
    let mut is_inside = false;
    let mut change = |line: &str| {
        if let Some(header) = line.trim().strip_prefix('[') {
            is_inside = header.strip_suffix(']') == Some(section);
        }
        let (before, _) = line.split_once('=').filter(|_| is_inside)?;
        let (_, value) = values.iter().find(|(name, _)| *name == before.trim())?;
        Some(format!("{before}= {}\n", value.as_ref()?))
    };
    text.split_inclusive('\n')
        .map(|line| change(line).unwrap_or_else(|| line.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_change_in_place_and_other_lines_stay() {
        let text =
            "[kdc]\nstore = \"a\"\n  listen = [\"old\"]\n# listen\n[kdc.tcp]\nlisten = 1\n[kdc]\n";
        let values = [("listen", Some("[\"new\"]".to_owned())), ("store", None)];
        assert_eq!(
            with_lines(text, "kdc", &values),
            text.replace("\"old\"", "\"new\"")
        );
    }

    #[test]
    fn a_gateway_with_keys_as_they_were_lets_the_proxy_have_them() {
        let old = "[gateway]\nkeytab = \"keytabs/HTTP.keytab\"\naudit = \"a\"\n";
        let new = with_proxied_keys(old);
        assert_eq!(new, "[gateway]\nproxy = \"run/proxy\"\naudit = \"a\"\n");
        assert_eq!(with_proxied_keys(&new), new);
        for theirs in [
            "[gateway]\nkeytab = \"/etc/http.keytab\"\n",
            "[other]\nkeytab = \"keytabs/HTTP.keytab\"\n",
        ] {
            assert_eq!(with_proxied_keys(theirs), theirs);
        }
    }

    #[test]
    fn settings_are_read_back_as_written() {
        let settings = Settings {
            realm: "EXAMPLE.TEST".to_owned(),
            hosts: vec!["localhost".to_owned()],
            addresses: [(
                "kdc".to_owned(),
                [("tickets".to_owned(), "127.0.0.1:1".parse().unwrap())].into(),
            )]
            .into(),
        };
        let read: Settings = toml::from_str(&settings.text().unwrap()).unwrap();
        assert_eq!(read, settings);
    }
}
