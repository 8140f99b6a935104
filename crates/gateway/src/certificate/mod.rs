//! Certificates that clients show: what stands in them, and whose they are.
//!
//! Whether a certificate is to be believed is decided in the handshake ([`crate::tls`]); here it is read
//! ([`ClientCertificate`]), and rules say which principal it stands for ([`CertificateMap`]).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod alt_name;
mod attribute_names;
mod distinguished_name;
mod element;
mod map;
mod table;
mod template;

use kerbstone_proto::time::KerberosTime;
use sha2::{Digest, Sha256};

pub use alt_name::AltName;
use distinguished_name::DistinguishedName;
use element::{Element, Elements, tag};
pub use map::{BadRule, CertificateMap, Field, MapRule, Unmapped};
pub use table::BadTable;

/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// A client's certificate, whose chain has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject as RFC 2253 writes it, as Apache's `SSL_CLIENT_S_DN`: `CN=alice,O=Example`.
    pub subject_dn: String,
    /// The subject with slashes: `/O=Example/CN=alice`. For showing, never for deciding: a value may hold what looks
    /// like a further attribute.
    pub subject_dn_slash: String,
    /// The last common name in the subject; none when two stand side by side there.
    pub common_name: Option<String>,
    /// Other names of the subject, of the kinds that are known here.
    pub alt_names: Vec<AltName>,
    /// The issuer as RFC 2253 writes it.
    pub issuer_dn: String,
    /// The issuer with slashes.
    pub issuer_dn_slash: String,
    /// The serial number in upper-case hexadecimal digits, as `openssl x509 -serial` prints it.
    pub serial: String,
    /// The SHA-256 fingerprint in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// When it begins.
    pub not_before: KerberosTime,
    /// When it ends.
    pub not_after: KerberosTime,
}

impl ClientCertificate {
    /// Reads a certificate in DER; `None` when it is none.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let mut certificate = Element::only(der)?.sequence()?;
        let mut fields = certificate.tagged(tag::SEQUENCE)?.sequence()?;
        let _version = fields.tagged(tag::field(0));
        let serial = fields.tagged(tag::INTEGER)?.contents;
        let _algorithm = fields.tagged(tag::SEQUENCE)?;
        let issuer = DistinguishedName::parse(fields.next()?)?;
        let mut validity = fields.tagged(tag::SEQUENCE)?.sequence()?;
        let not_before = time(validity.next()?)?;
        let not_after = time(validity.next()?)?;
        let subject = DistinguishedName::parse(fields.next()?)?;
        let extensions = fields.find(|field| field.tag == tag::field(3));
        Some(Self {
            subject_dn: subject.rfc2253(),
            subject_dn_slash: subject.slashed(),
            common_name: subject.common_name(),
            alt_names: extensions
                .and_then(|extensions| alt_names(extensions.contents))
                .unwrap_or_default(),
            issuer_dn: issuer.rfc2253(),
            issuer_dn_slash: issuer.slashed(),
            serial: serial_number(serial),
            fingerprint: hexadecimal(&Sha256::digest(der)),
            not_before,
            not_after,
        })
    }

    /// Whether it is valid at that time, as far as its own dates go.
    pub fn is_current(&self, now: KerberosTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// `dns:www.example.test,mail:alice@example.test`; commas, backslashes and control characters in names are escaped.
    pub fn alt_names_joined(&self) -> String {
        let names: Vec<String> = self.alt_names.iter().map(AltName::to_string).collect();
        names.join(",")
    }
}

fn alt_names(extensions: &[u8]) -> Option<Vec<AltName>> {
    let extensions = Element::only(extensions)?.sequence()?;
    for extension in extensions {
        let mut parts = extension.sequence()?;
        if parts.tagged(tag::OBJECT_IDENTIFIER)?.contents != SUBJECT_ALTERNATIVE_NAME {
            continue;
        }
        let value = parts.find(|part| part.tag == tag::OCTET_STRING)?;
        let names: Elements<'_> = Element::only(value.contents)?.sequence()?;
        return Some(names.filter_map(AltName::parse).collect());
    }
    None
}

/// UTCTime or GeneralizedTime, which RFC 5280 demands in one form each.
fn time(element: Element<'_>) -> Option<KerberosTime> {
    match element.tag {
        tag::GENERALIZED_TIME => KerberosTime::from_wire(element.contents),
        tag::UTC_TIME => {
            let is_late = element.contents.first()? >= &b'5';
            let century: &[u8] = if is_late { b"19" } else { b"20" };
            KerberosTime::from_wire(&[century, element.contents].concat())
        }
        _ => None,
    }
}

fn serial_number(contents: &[u8]) -> String {
    let is_negative = contents.first().is_some_and(|first| first & 0x80 != 0);
    let magnitude = match is_negative {
        true => negated(contents),
        false => contents.to_vec(),
    };
    let digits = match magnitude.iter().position(|&octet| octet != 0) {
        Some(start) => hexadecimal(magnitude.get(start..).unwrap_or_default()),
        None => "00".to_owned(),
    };
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{digits}")
}

/// Two's complement.
fn negated(octets: &[u8]) -> Vec<u8> {
    let mut carries = true;
    let mut negated: Vec<u8> = octets
        .iter()
        .rev()
        .map(|&octet| {
            let (octet, carry) = (!octet).overflowing_add(u8::from(carries));
            carries = carry;
            octet
        })
        .collect();
    negated.reverse();
    negated
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

#[cfg(test)]
mod tests;
