//! TLS: the certificate, and what a connection turned out to be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerbstone_gss::ChannelBindings;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConnection;
use rustls::{ProtocolVersion, ServerConfig};

use crate::channel_bindings::tls_server_end_point;

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
}

/// The server's certificate with its key, and what clients bind to when they see it.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) bindings: Option<ChannelBindings>,
}

impl TlsIdentity {
    /// Reads a chain of certificates, the server's own first, and its key, both in PEM.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |path: &Path, error: pem::Error| TlsError::File {
            path: path.to_owned(),
            reason: match error {
                pem::Error::NoItemsFound => "there is nothing of the kind in it, in PEM".to_owned(),
                pem::Error::Io(error) => words(&error),
                other => format!("{other:?}"),
            },
        };
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain: Vec<CertificateDer<'static>> =
            chain.map_err(|error| unreadable(certificate, error))?;
        let Some(own) = chain.first() else {
            return Err(unreadable(certificate, pem::Error::NoItemsFound));
        };
        let bindings = tls_server_end_point(own).map(ChannelBindings::application_data);
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
        let config = server_config(chain, private).map_err(|source| TlsError::Mismatch {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })?;
        Ok(Self {
            config: Arc::new(config),
            bindings,
        })
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
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
                .map_or("unknown", version)
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

    pub(crate) fn is_h2(&self) -> bool {
        self.protocol == "h2"
    }
}

const fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        _ => "TLS",
    }
}
