//! Where the gateway is reached, and with which TLS: the sections `[[gateway.listener]]`, and the listener `main` that
//! stands in `[gateway]` itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http::HeaderValue;
use kerbstone_gateway::listener::{self, Address};
use kerbstone_gateway::tls::{CertificateFiles, ClientCertificates, TlsSettings, TlsVersion};
use serde::{Deserialize, Deserializer};

use super::GatewaySettings;
use super::certificates::paths;
use super::pools::TypedPool;

/// The name of the listener that stands in `[gateway]` itself.
const MAIN: &str = "main";
/// Who may use a unix socket where nothing is said: its owner and group.
const MODE: u32 = 0o660;

/// A section `[[gateway.listener]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerSettings {
    name: String,
    listen: Vec<TypedAddress>,
    /// Permissions of unix sockets, in octal digits.
    #[serde(default, deserialize_with = "mode")]
    mode: Option<u32>,
    /// Whether TLS is spoken: where nothing is said, at ports, and not at unix sockets.
    tls: Option<bool>,
    /// Those of `[gateway]` without them.
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    /// Further ones, for other hosts.
    certificates: Option<Vec<TypedCertificate>>,
    #[serde(default)]
    client_certificates: TypedClientCertificates,
    /// Those of `[gateway.certificates]` without them.
    #[serde(default, deserialize_with = "some_paths")]
    ca: Option<Vec<PathBuf>>,
    #[serde(default, deserialize_with = "some_paths")]
    crls: Option<Vec<PathBuf>>,
    /// That of `[gateway]` without it.
    hsts: Option<Hsts>,
    oldest_tls: Option<TypedVersion>,
}

/// `192.0.2.1:443`, or `unix:` and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TypedAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A certificate with its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedCertificate {
    certificate: PathBuf,
    key: PathBuf,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TypedClientCertificates {
    #[default]
    None,
    Optional,
    Required,
}

/// The oldest TLS that is spoken.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum TypedVersion {
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

/// The value of `Strict-Transport-Security`, as it goes to clients.
#[derive(Clone, Debug)]
pub(crate) struct Hsts(HeaderValue);

/// A listener that cannot be meant so.
#[derive(Debug, thiserror::Error)]
#[error("the listener {name}: {why}")]
pub(crate) struct BadListener {
    name: String,
    why: String,
}

impl GatewaySettings {
    /// All listeners, that of `[gateway]` first, unless its `listen` is empty.
    ///
    /// # Errors
    /// [`BadListener`] for the first that cannot be meant so.
    pub(crate) fn listeners(&self) -> Result<Vec<listener::ListenerSettings>, BadListener> {
        let main = self.main();
        let main = Some(&main).filter(|main| !main.listen.is_empty());
        let all: Vec<&ListenerSettings> = main.into_iter().chain(&self.listener).collect();
        if all.is_empty() {
            return Err(bad(MAIN, "there is no listener at all"));
        }
        for (index, one) in all.iter().enumerate() {
            let is_taken = all.iter().take(index).any(|other| other.name == one.name);
            if is_taken || (one.name == MAIN && main.is_none_or(|main| !std::ptr::eq(main, *one))) {
                return Err(bad(&one.name, "another one has this name"));
            }
        }
        all.into_iter().map(|one| self.listener(one)).collect()
    }

    /// Every file with certificates, keys, lists and tables, of listeners and of pools.
    pub(crate) fn tls_files(&self) -> Vec<PathBuf> {
        let own = [&self.certificate, &self.key].into_iter().flatten();
        let listeners = self.listener.iter().flat_map(ListenerSettings::files);
        let further = self.certificates.files();
        let pools = self.pool.iter().flat_map(TypedPool::files);
        let all = own
            .chain(pair_files(&self.more_certificates))
            .chain(listeners)
            .chain(further)
            .chain(pools);
        all.map(|path| self.folder.join(path)).collect()
    }

    fn main(&self) -> ListenerSettings {
        ListenerSettings {
            name: MAIN.to_owned(),
            listen: self.listen.clone(),
            mode: self.mode,
            tls: self.tls,
            certificate: None,
            key: None,
            certificates: None,
            client_certificates: self.client_certificates,
            ca: None,
            crls: None,
            hsts: None,
            oldest_tls: None,
        }
    }

    fn listener(
        &self,
        typed: &ListenerSettings,
    ) -> Result<listener::ListenerSettings, BadListener> {
        let addresses: Vec<Address> = typed
            .listen
            .iter()
            .map(|one| self.address(one, typed.mode))
            .collect();
        if addresses.is_empty() {
            return Err(bad(&typed.name, "it listens nowhere"));
        }
        let is_unix = |address: &Address| matches!(address, Address::Unix(..));
        if typed.mode.is_some() && !addresses.iter().any(is_unix) {
            return Err(bad(
                &typed.name,
                "`mode` is for unix sockets, and it has none",
            ));
        }
        let is_tls = match typed.tls {
            Some(is_tls) => is_tls,
            None if addresses.iter().all(is_unix) => false,
            None if !addresses.iter().any(is_unix) => true,
            None => {
                return Err(bad(
                    &typed.name,
                    "it has ports and unix sockets: say `tls = true`, or make two listeners of it",
                ));
            }
        };
        let tls = is_tls.then(|| self.tls(typed)).transpose()?;
        if tls.is_none() {
            check_plain(typed, &addresses)?;
        }
        let hsts = typed.hsts.as_ref().or(self.hsts.as_ref());
        Ok(listener::ListenerSettings {
            name: typed.name.clone(),
            addresses,
            hsts: hsts.filter(|_| is_tls).map(|hsts| hsts.0.clone()),
            tls,
        })
    }

    fn address(&self, typed: &TypedAddress, mode: Option<u32>) -> Address {
        match typed {
            TypedAddress::Tcp(address) => Address::Tcp(*address),
            TypedAddress::Unix(path) => Address::Unix(self.folder.join(path), mode.unwrap_or(MODE)),
        }
    }

    fn tls(&self, typed: &ListenerSettings) -> Result<TlsSettings, BadListener> {
        let own = match (&typed.certificate, &typed.key) {
            (None, None) => self.certificate.as_ref().zip(self.key.as_ref()),
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err(bad(&typed.name, "`certificate` and `key` go together")),
        };
        let Some((certificate, key)) = own else {
            return Err(bad(
                &typed.name,
                "it speaks TLS, and there is no `certificate` with its `key`",
            ));
        };
        let is_inherited = typed.certificate.is_none();
        let inherited = is_inherited.then_some(&self.more_certificates);
        let further = typed
            .certificates
            .as_ref()
            .or(inherited)
            .into_iter()
            .flatten();
        let pairs = further.map(|pair| (&pair.certificate, &pair.key));
        let files = |(certificate, key): (&PathBuf, &PathBuf)| CertificateFiles {
            certificate: self.folder.join(certificate),
            key: self.folder.join(key),
        };
        let client_certificates = ClientCertificates::from(typed.client_certificates);
        let authorities = typed.ca.as_ref().unwrap_or(&self.certificates.ca);
        if client_certificates != ClientCertificates::None && authorities.is_empty() {
            return Err(bad(
                &typed.name,
                "it asks clients for certificates: say from whom they are with `ca` in [gateway.certificates]",
            ));
        }
        let joined = |paths: &[PathBuf]| paths.iter().map(|path| self.folder.join(path)).collect();
        Ok(TlsSettings {
            certificates: [(certificate, key)]
                .into_iter()
                .chain(pairs)
                .map(files)
                .collect(),
            client_certificates,
            authorities: joined(authorities),
            crls: joined(typed.crls.as_ref().unwrap_or(&self.certificates.crls)),
            oldest: typed
                .oldest_tls
                .or(self.oldest_tls)
                .map_or(TlsVersion::V1_2, Into::into),
        })
    }
}

/// Nothing goes over a network in clear, and nothing is said about TLS that is not there.
fn check_plain(typed: &ListenerSettings, addresses: &[Address]) -> Result<(), BadListener> {
    let is_near = |address: &Address| match address {
        Address::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Address::Unix(..) => true,
    };
    if !addresses.iter().all(is_near) {
        return Err(bad(
            &typed.name,
            "without TLS it may listen at unix sockets and on the loopback only",
        ));
    }
    let wants_certificates = !matches!(typed.client_certificates, TypedClientCertificates::None);
    if wants_certificates || typed.certificate.is_some() || typed.hsts.is_some() {
        return Err(bad(
            &typed.name,
            "it speaks no TLS, and has settings of TLS",
        ));
    }
    Ok(())
}

fn bad(name: &str, why: &str) -> BadListener {
    BadListener {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}

impl ListenerSettings {
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let own = [&self.certificate, &self.key].into_iter().flatten();
        let further = self.certificates.iter().flat_map(|pairs| pair_files(pairs));
        let lists = [&self.ca, &self.crls].into_iter().flatten().flatten();
        own.chain(further).chain(lists)
    }
}

fn pair_files(pairs: &[TypedCertificate]) -> impl Iterator<Item = &PathBuf> {
    pairs.iter().flat_map(|pair| [&pair.certificate, &pair.key])
}

impl TypedAddress {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some("") => None,
            Some(path) => Some(Self::Unix(Path::new(path).to_owned())),
            None => text.parse().ok().map(Self::Tcp),
        }
    }
}

impl<'de> Deserialize<'de> for TypedAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no address: write 0.0.0.0:443, [::]:443 or unix:/PATH"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for Hsts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut directives = text.split(';').map(str::trim);
        let is_age = |text: &str| {
            let age = text.strip_prefix("max-age=");
            age.is_some_and(|age| age.parse::<u64>().is_ok())
        };
        let is_sound = directives.next().is_some_and(is_age)
            && directives.all(|one| matches!(one, "includeSubDomains" | "preload"));
        let value = HeaderValue::from_str(&text).ok().filter(|_| is_sound);
        value.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` cannot be sent: write max-age=31536000, and perhaps ; includeSubDomains behind it"
            ))
        })
    }
}

impl From<TypedClientCertificates> for ClientCertificates {
    fn from(typed: TypedClientCertificates) -> Self {
        match typed {
            TypedClientCertificates::None => Self::None,
            TypedClientCertificates::Optional => Self::Optional,
            TypedClientCertificates::Required => Self::Required,
        }
    }
}

impl From<TypedVersion> for TlsVersion {
    fn from(typed: TypedVersion) -> Self {
        match typed {
            TypedVersion::V1_2 => Self::V1_2,
            TypedVersion::V1_3 => Self::V1_3,
        }
    }
}

/// Permissions in octal digits, as `chmod` takes them.
pub(super) fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(Some(mode)),
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` are no permissions: write them as chmod takes them, \"0660\""
        ))),
    }
}

fn some_paths<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<PathBuf>>, D::Error> {
    paths(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "certificate = \"c.pem\"\nkey = \"k.pem\"\n";

    fn settings(text: &str) -> GatewaySettings {
        let mut settings: GatewaySettings = toml::from_str(text).unwrap();
        settings.folder = "/etc/kerbstone".into();
        settings
    }

    fn listeners(text: &str) -> Vec<listener::ListenerSettings> {
        settings(text).listeners().unwrap()
    }

    fn refused(text: &str) -> String {
        settings(text).listeners().unwrap_err().to_string()
    }

    #[test]
    fn the_short_form_is_one_listener_with_tls_at_port_443() {
        let all = listeners(MINIMAL);
        let [main] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!((main.name.as_str(), main.addresses.len()), ("main", 2));
        let tls = main.tls.as_ref().unwrap();
        assert_eq!(tls.certificates[0].key, Path::new("/etc/kerbstone/k.pem"));
        assert_eq!(tls.client_certificates, ClientCertificates::None);
    }

    #[test]
    fn a_further_listener_inherits_what_it_does_not_say() {
        let all = listeners(&format!(
            "listen = [\"0.0.0.0:443\"]\n{MINIMAL}hsts = \"max-age=3600; includeSubDomains\"\noldest_tls = \"1.3\"\n\
             [certificates]\nca = \"ca.pem\"\ncrls = [\"a.crl\", \"/b.crl\"]\n\
             [[listener]]\nname = \"x509\"\nlisten = [\"0.0.0.0:5443\"]\nclient_certificates = \"required\"\n\
             [[listener]]\nname = \"near\"\nlisten = [\"unix:near.sock\"]\nmode = \"0600\"\n"
        ));
        let tls = all[1].tls.as_ref().unwrap();
        assert_eq!(tls.certificates, all[0].tls.as_ref().unwrap().certificates);
        assert_eq!(tls.client_certificates, ClientCertificates::Required);
        assert_eq!(tls.oldest, TlsVersion::V1_3);
        assert_eq!(
            tls.crls,
            [Path::new("/etc/kerbstone/a.crl"), Path::new("/b.crl")]
        );
        assert_eq!(
            all[1].hsts.as_ref().unwrap(),
            "max-age=3600; includeSubDomains"
        );
        assert!(all[2].tls.is_none() && all[2].hsts.is_none());
        assert_eq!(
            all[2].addresses,
            [Address::Unix("/etc/kerbstone/near.sock".into(), 0o600)]
        );
    }

    #[test]
    fn what_cannot_be_meant_so_is_refused_in_words() {
        let listener = |text: &str| format!("{MINIMAL}[[listener]]\nname = \"x\"\n{text}");
        for (text, words) in [
            (listener("listen = []"), "listens nowhere"),
            (
                listener("listen = [\"0.0.0.0:80\"]\ntls = false"),
                "on the loopback only",
            ),
            (
                listener(
                    "listen = [\"127.0.0.1:80\"]\ntls = false\nclient_certificates = \"optional\"",
                ),
                "speaks no TLS",
            ),
            (
                listener("listen = [\"127.0.0.1:80\", \"unix:x\"]"),
                "say `tls = true`",
            ),
            (
                listener("listen = [\"127.0.0.1:80\"]\nclient_certificates = \"optional\""),
                "`ca` in [gateway.certificates]",
            ),
            (
                listener("listen = [\"127.0.0.1:80\"]\nmode = \"600\""),
                "`mode` is for unix sockets",
            ),
            (
                listener("listen = [\"127.0.0.1:80\"]\nkey = \"k\""),
                "go together",
            ),
            (
                listener(
                    "listen = [\"unix:x\"]\n[[listener]]\nname = \"x\"\nlisten = [\"unix:y\"]",
                ),
                "another one has this name",
            ),
            (
                listener(
                    "listen = [\"unix:x\"]\n[[listener]]\nname = \"main\"\nlisten = [\"unix:y\"]",
                ),
                "another one has this name",
            ),
            ("listen = [\"127.0.0.1:80\"]".to_owned(), "no `certificate`"),
            ("listen = []".to_owned(), "no listener at all"),
        ] {
            let error = refused(&text);
            assert!(error.contains(words), "{text}: {error}");
        }
        for text in [
            "listen = [\"localhost\"]",
            "listen = [\"unix:\"]",
            "hsts = \"includeSubDomains\"",
            "hsts = \"max-age=1; evil\"",
            "mode = \"rw\"",
            "mode = \"4755\"",
            "oldest_tls = \"1.1\"",
        ] {
            assert!(toml::from_str::<GatewaySettings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_file_of_tls_is_known_to_whoever_builds_walls() {
        let files = settings(&format!(
            "{MINIMAL}more_certificates = [{{ certificate = \"m.pem\", key = \"mk.pem\" }}]\n\
             [certificates]\nca = \"ca.pem\"\ncrls = \"x.crl\"\n[[certificates.map]]\ntable = \"people\"\n\
             [[listener]]\nname = \"x\"\nlisten = [\"127.0.0.1:1\"]\ncertificate = \"d.pem\"\nkey = \"e.pem\"\nca = \"f.pem\"\n"
        ))
        .tls_files();
        let mut names: Vec<_> = files
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "c.pem", "ca.pem", "d.pem", "e.pem", "f.pem", "k.pem", "m.pem", "mk.pem", "people",
                "x.crl"
            ]
        );
        assert!(files.iter().all(|path| path.starts_with("/etc/kerbstone")));
    }
}
