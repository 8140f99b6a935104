//! An authority, the servers' certificate and a client's.

use std::fs;
use std::io;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// The certificates of the race; files for the servers, DER for the clients.
pub(crate) struct Certificates {
    pub(crate) authority_der: Vec<u8>,
    pub(crate) client_der: Vec<u8>,
    pub(crate) client_key_der: Vec<u8>,
}

impl Certificates {
    /// Makes them (ECDSA on P-256) and writes `ca.pem`, `server.pem`, `server.key` and, for `HAProxy`, `both.pem`.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "Bench CA");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;
        let signed = |params: CertificateParams| {
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &authority)?;
            Ok::<_, rcgen::Error>((certificate, key))
        };
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = CertificateParams::new(names).and_then(signed);
        let (server, server_key) = server.map_err(io::Error::other)?;
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, "alice");
        let (client, client_key) = signed(client).map_err(io::Error::other)?;
        let server_pem = server.pem() + &authority.pem();
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", server_pem.clone()),
            ("server.key", server_key.serialize_pem()),
            ("both.pem", server_pem + &server_key.serialize_pem()),
        ] {
            fs::write(folder.join(name), text)?;
        }
        Ok(Self {
            authority_der: authority.der().to_vec(),
            client_der: client.der().to_vec(),
            client_key_der: client_key.serialize_der(),
        })
    }
}
