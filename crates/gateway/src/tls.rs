//! TLS: certificates, whose certificates are taken from clients, and what a connection turned out to be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerbstone_gss::ChannelBindings;
use kerbstone_proto::time::KerberosTime;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime,
};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ParsedCertificate, ServerConnection, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use crate::certificate::ClientCertificate;
use crate::channel_bindings::{tls_exporter, tls_server_end_point};

/// Session tickets that a client gets with a handshake of TLS 1.3: one for the next connection.
const TICKETS: usize = 1;

/// What a listener says about TLS in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Certificates and their keys. The first is for clients that ask for none of the hosts.
    pub certificates: Vec<CertificateFiles>,
    /// Whether clients show certificates.
    pub client_certificates: ClientCertificates,
    /// Files with the authorities that clients' certificates come from.
    pub authorities: Vec<PathBuf>,
    /// Files with lists of revoked certificates. If there are any, there must be one of every authority in a chain.
    pub crls: Vec<PathBuf>,
    /// The oldest version of TLS that is spoken.
    pub oldest: TlsVersion,
}

/// A chain of certificates and the key of its first, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientCertificates {
    /// They are not asked.
    #[default]
    None,
    /// Those that have one may show it; one that is not valid ends the handshake.
    Optional,
    /// Nobody comes in without.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds nothing of the kind.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key does not belong to the certificate, or cannot be used.
    #[error("the certificate {certificate} and the key {key} cannot be used: {source}", certificate = certificate.display(), key = key.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Authorities or lists of revoked certificates cannot be used.
    #[error("clients' certificates cannot be verified: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The settings name no certificate for the listener.
    #[error("there is no certificate for TLS")]
    NoCertificate,
    /// Clients' certificates are asked for, and nobody said from whom.
    #[error("client certificates are asked for, and there is no file with their authorities")]
    NoAuthorities,
    /// The library refuses.
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

/// Certificates of the server, and the judge of clients' certificates: all that is read from files and replaced as one.
#[derive(Debug)]
pub struct TlsIdentity {
    certificates: Vec<Certificate>,
    judge: Option<Arc<dyn ClientCertVerifier>>,
}

/// One of the server's certificates.
#[derive(Debug)]
pub(crate) struct Certificate {
    key: Arc<CertifiedKey>,
    pub(crate) config: Arc<ServerConfig>,
    /// What clients bind to when they see it.
    pub(crate) end_point: Option<ChannelBindings>,
}

impl TlsIdentity {
    /// Reads everything that the settings name.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let judge = judge(settings, &provider)?;
        let certificates = settings.certificates.iter().map(|files| {
            let key = certified_key(files, &provider)?;
            let config = server_config(settings, Arc::clone(&key), judge.clone(), &provider)?;
            let own = key.cert.first().and_then(|own| tls_server_end_point(own));
            Ok(Certificate {
                key,
                config: Arc::new(config),
                end_point: own.map(ChannelBindings::application_data),
            })
        });
        let certificates: Vec<Certificate> = certificates.collect::<Result<_, TlsError>>()?;
        match certificates.is_empty() {
            true => Err(TlsError::NoCertificate),
            false => Ok(Self {
                certificates,
                judge,
            }),
        }
    }

    /// When the first of the server's certificates ends.
    pub(crate) fn ends(&self) -> Option<KerberosTime> {
        let own = self
            .certificates
            .iter()
            .filter_map(|one| one.key.cert.first());
        let parsed = own.filter_map(|own| ClientCertificate::from_der(own));
        parsed.map(|own| own.not_after).min()
    }

    /// The only certificate, for which no client needs to be asked what it wants.
    pub(crate) fn only(&self) -> Option<&Certificate> {
        match self.certificates.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The certificate for a client: of those for the host that it wants, one whose signatures it knows; else the first.
    pub(crate) fn for_client(&self, hello: &ClientHello<'_>) -> Option<&Certificate> {
        let host = hello
            .server_name()
            .and_then(|name| ServerName::try_from(name).ok());
        let schemes = hello.signature_schemes();
        let is_known = |one: &&Certificate| one.key.key.choose_scheme(schemes).is_some();
        let of_host = || {
            let all = self.certificates.iter();
            all.filter(|one| host.as_ref().is_some_and(|host| one.is_for(host)))
        };
        of_host()
            .find(is_known)
            .or_else(|| of_host().next())
            .or_else(|| self.certificates.first())
    }

    /// Whether a client's chain would be taken now: authorities and lists may have changed since its handshake.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        let (Some(judge), Some((own, others))) = (&self.judge, chain.split_first()) else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        judge
            .verify_client_cert(own, others, UnixTime::now())
            .map(drop)
    }
}

impl Certificate {
    fn is_for(&self, host: &ServerName<'_>) -> bool {
        let own = self.key.cert.first();
        own.and_then(|own| ParsedCertificate::try_from(own).ok())
            .is_some_and(|own| rustls::client::verify_server_name(&own, host).is_ok())
    }
}

fn certified_key(
    CertificateFiles { certificate, key }: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = read_all(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    let certified = CertifiedKey::from_der(chain, private, provider);
    certified
        .map(Arc::new)
        .map_err(|source| TlsError::Mismatch {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        })
}

fn judge(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if settings.client_certificates == ClientCertificates::None {
        return Ok(None);
    }
    let mut authorities = RootCertStore::empty();
    for path in &settings.authorities {
        for certificate in read_all::<CertificateDer<'static>>(path)? {
            authorities
                .add(certificate)
                .map_err(|error| TlsError::File {
                    path: path.clone(),
                    reason: format!("a certificate in it is no authority's: {error}"),
                })?;
        }
    }
    if authorities.is_empty() {
        return Err(TlsError::NoAuthorities);
    }
    let crls = settings.crls.iter().map(|path| read_all(path));
    let crls: Vec<Vec<CertificateRevocationListDer<'static>>> = crls.collect::<Result<_, _>>()?;
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider))
            .with_crls(crls.into_iter().flatten())
            .enforce_revocation_expiration();
    let builder = match settings.client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    Ok(Some(builder.build()?))
}

fn server_config(
    settings: &TlsSettings,
    key: Arc<CertifiedKey>,
    judge: Option<Arc<dyn ClientCertVerifier>>,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, rustls::Error> {
    const ALL: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    let versions = match settings.oldest {
        TlsVersion::V1_2 => ALL,
        TlsVersion::V1_3 => &[&version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)?;
    let builder = match judge {
        Some(judge) => builder.with_client_cert_verifier(judge),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(Single(key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets end with the configuration that they were given under. A connection that is resumed after a change would
    // be bound to a certificate that is no more, and its client's would not have been judged by the new lists.
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.send_tls13_tickets = TICKETS;
    Ok(config)
}

/// Shows one certificate to everybody.
#[derive(Debug)]
struct Single(Arc<CertifiedKey>);

impl rustls::server::ResolvesServerCert for Single {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn read_all<T: PemObject>(path: &Path) -> Result<Vec<T>, TlsError> {
    let items: Result<Vec<T>, pem::Error> = T::pem_file_iter(path).and_then(Iterator::collect);
    match items {
        Ok(items) if items.is_empty() => Err(unreadable(path, &pem::Error::NoItemsFound)),
        Ok(items) => Ok(items),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &pem::Error) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        reason: match error {
            pem::Error::NoItemsFound => "there is nothing of the kind in it, in PEM".to_owned(),
            pem::Error::Io(error) => words(error),
            other => format!("{other:?}"),
        },
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    }
}

/// What was agreed on for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLS 1.3`.
    pub version: String,
    /// `AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// `h2` or `http/1.1`.
    pub protocol: &'static str,
}

impl TlsFacts {
    /// Those of a connection whose handshake is over.
    pub(crate) fn of(connection: &ServerConnection) -> Self {
        let suite = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown");
        Self {
            version: connection
                .protocol_version()
                .map_or("unknown", version_name)
                .to_owned(),
            cipher_suite: suite
                .trim_start_matches("TLS13_")
                .trim_start_matches("TLS_")
                .to_owned(),
            protocol: match connection.alpn_protocol() {
                Some(b"h2") => "h2",
                _ => "http/1.1",
            },
        }
    }

    /// Those of a connection without TLS.
    pub(crate) fn none() -> Self {
        Self {
            version: "none".to_owned(),
            cipher_suite: "none".to_owned(),
            protocol: "http/1.1",
        }
    }

    pub(crate) fn is_h2(&self) -> bool {
        self.protocol == "h2"
    }
}

const fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        _ => "TLS",
    }
}

/// What a client may have bound its proof to: the certificate that it saw, and this very connection.
pub(crate) fn bindings(
    connection: &ServerConnection,
    end_point: Option<&ChannelBindings>,
) -> Vec<ChannelBindings> {
    let exporter = tls_exporter(connection).map(ChannelBindings::application_data);
    end_point.cloned().into_iter().chain(exporter).collect()
}
