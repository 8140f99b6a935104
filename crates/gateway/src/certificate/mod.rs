//! Client certificates: what is in them, and whom they stand for.

use std::fmt;

use kerbstone_proto::time::KerberosTime;

/// A client's certificate, whose chain has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject as RFC 2253 writes it: `CN=alice,O=Example`.
    pub subject_dn: String,
    /// The subject with slashes: `/O=Example/CN=alice`.
    pub subject_dn_slash: String,
    /// The last common name in the subject.
    pub common_name: Option<String>,
    /// Other names of the subject.
    pub alt_names: Vec<AltName>,
    /// The issuer as RFC 2253 writes it.
    pub issuer_dn: String,
    /// The issuer with slashes.
    pub issuer_dn_slash: String,
    /// The serial number in upper-case hexadecimal digits.
    pub serial: String,
    /// The SHA-256 fingerprint in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// When it ends.
    pub not_after: KerberosTime,
}

/// Another name of a certificate's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A host's.
    Dns(String),
    /// A mail address.
    Mail(String),
    /// A URI.
    Uri(String),
    /// An address.
    Ip(std::net::IpAddr),
    /// A Kerberos principal (`id-pkinit-san`, RFC 4556 3.2.2).
    Principal(String),
    /// A user principal name (Microsoft's).
    Upn(String),
}

impl ClientCertificate {
    /// `dns:www.example.test,mail:alice@example.test`.
    pub fn alt_names_joined(&self) -> String {
        let names: Vec<String> = self.alt_names.iter().map(AltName::to_string).collect();
        names.join(",")
    }
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Mail(name) => write!(f, "mail:{name}"),
            Self::Uri(name) => write!(f, "uri:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Principal(name) => write!(f, "krb5:{name}"),
            Self::Upn(name) => write!(f, "upn:{name}"),
        }
    }
}
