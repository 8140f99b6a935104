//! Whom one believes to be a member, where TLS is spoken to it.

use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What the settings say about a member's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSettings {
    /// What makes a certificate good.
    pub by: TrustBy,
    /// The name that is asked for, and that the certificate must have; the address's host without it.
    pub name: Option<String>,
    /// What we show if we are asked: certificate chain and key, in PEM.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// What makes a member's certificate good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustBy {
    /// That one of these authorities has issued it (a file in PEM), for the name.
    Authorities(PathBuf),
    /// That it is this one, by its SHA-256 fingerprint; the name does not matter.
    Fingerprint([u8; 32]),
    /// Nothing: anybody may be the member. Said aloud in the settings, for networks of one's own.
    Nothing,
}

/// Whom one believes to be a member.
#[derive(Clone)]
pub struct Trust {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: Option<ServerName<'static>>,
    settings: TrustSettings,
}

/// Why nobody could be believed.
#[derive(Debug, thiserror::Error)]
pub enum BadTrust {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// That is no host name.
    #[error("`{0}` is no host name")]
    Name(String),
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the certificates cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The authorities cannot be used.
    #[error("the authorities cannot be used: {0}")]
    Authorities(String),
}

impl Trust {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// [`BadTrust`] names what cannot be used.
    pub fn new(settings: TrustSettings) -> Result<Self, BadTrust> {
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(&settings.by, &provider)?;
        let building = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &settings.own {
            Some((chain, key)) => {
                building.with_client_auth_cert(certificates(chain)?, private(key)?)?
            }
            None => building.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = settings.name.as_deref().map(server_name).transpose()?;
        Ok(Self {
            config: Arc::new(config),
            name,
            settings,
        })
    }

    /// What it was made of.
    pub const fn settings(&self) -> &TrustSettings {
        &self.settings
    }
}

impl Debug for Trust {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trust").field(&self.settings).finish()
    }
}

/// The name that TLS asks for.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, BadTrust> {
    ServerName::try_from(host.to_owned()).map_err(|_| BadTrust::Name(host.to_owned()))
}

fn verifier(
    by: &TrustBy,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, BadTrust> {
    let algorithms = provider.signature_verification_algorithms;
    match by {
        TrustBy::Authorities(path) => {
            let mut roots = RootCertStore::empty();
            let (usable, _) = roots.add_parsable_certificates(certificates(path)?);
            if usable == 0 {
                return Err(BadTrust::Authorities(format!(
                    "{} has none",
                    path.display()
                )));
            }
            let building =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let built = building.build();
            Ok(built.map_err(|error| BadTrust::Authorities(error.to_string()))?)
        }
        TrustBy::Fingerprint(fingerprint) => Ok(Arc::new(Known {
            fingerprint: Some(*fingerprint),
            algorithms,
        })),
        TrustBy::Nothing => Ok(Arc::new(Known {
            fingerprint: None,
            algorithms,
        })),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadTrust> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| BadTrust::File {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn private(path: &Path) -> Result<PrivateKeyDer<'static>, BadTrust> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| BadTrust::File {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// Believes whoever has the key of one certificate, or of any.
#[derive(Debug)]
struct Known {
    fingerprint: Option<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(wanted) = self.fingerprint else {
            return Ok(ServerCertVerified::assertion());
        };
        let shown: [u8; 32] = Sha256::digest(certificate.as_ref()).into();
        match bool::from(shown.ct_eq(&wanted)) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
