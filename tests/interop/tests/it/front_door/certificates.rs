//! Certificates for a front door and for those who come with one.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// An authority for servers and people, in a folder.
pub(super) struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes it, with `ca.pem`, and a server's `server.pem` and `server.key` for localhost.
    pub(super) fn make(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for certificates");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Lab CA");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        fs::write(folder.join("ca.pem"), issuer.pem()).expect("ca.pem");
        let authority = Self {
            folder: folder.to_owned(),
            issuer,
        };
        let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        authority.sign("server", server);
        authority
    }

    /// A certificate and key for somebody, as `NAME.pem` and `NAME.key`.
    pub(super) fn certify(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(name, params)
    }

    fn sign(&self, name: &str, params: CertificateParams) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let files = ["pem", "key"].map(|kind| self.folder.join(format!("{name}.{kind}")));
        let [certificate, private] = files;
        fs::write(&certificate, signed.pem()).expect("a certificate's file");
        fs::write(&private, key.serialize_pem()).expect("a key's file");
        (certificate, private)
    }

    /// What trusts it.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}
