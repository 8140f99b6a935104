//! Further names of a certificate's subject (RFC 5280 4.2.1.6).

use std::fmt;
use std::net::IpAddr;

use kerbstone_proto::name::{KerberosString, NameType, Principal, PrincipalName, Realm};

use super::distinguished_name::DistinguishedName;
use super::element::{self, Element, Elements, tag};

/// 1.3.6.1.4.1.311.20.2.3, by which Active Directory knows people.
const USER_PRINCIPAL_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];
/// 1.3.6.1.5.2.2, `id-pkinit-san` (RFC 4556 3.2.2).
const KRB5_PRINCIPAL_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x02, 0x02];

/// Another name of a certificate's subject. Texts are as they stand in the certificate, and may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A host's.
    Dns(String),
    /// A mail address.
    Mail(String),
    /// A URI.
    Uri(String),
    /// An address.
    Ip(IpAddr),
    /// A name in a directory, as RFC 2253 writes it.
    Directory(String),
    /// A Kerberos principal (`id-pkinit-san`, RFC 4556 3.2.2), as `krb5_unparse_name` writes it.
    Principal(String),
    /// A user principal name (Microsoft's).
    Upn(String),
}

impl AltName {
    /// Reads one name; `None` when it is of a kind that nobody here asks for, or not well-formed.
    pub(super) fn parse(name: Element<'_>) -> Option<Self> {
        const OTHER: u8 = tag::field(0);
        const MAIL: u8 = tag::implicit(1);
        const DNS: u8 = tag::implicit(2);
        const DIRECTORY: u8 = tag::field(4);
        const URI: u8 = tag::implicit(6);
        const IP: u8 = tag::implicit(7);
        let ascii = |contents: &[u8]| {
            contents
                .is_ascii()
                .then(|| contents.iter().copied().map(char::from).collect())
        };
        match name.tag {
            OTHER => other(name.contents),
            MAIL => ascii(name.contents).map(Self::Mail),
            DNS => ascii(name.contents).map(Self::Dns),
            URI => ascii(name.contents).map(Self::Uri),
            IP => address(name.contents).map(Self::Ip),
            DIRECTORY => {
                let name = DistinguishedName::parse(Element::only(name.contents)?)?;
                Some(Self::Directory(name.rfc2253()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{}", Shown(name)),
            Self::Mail(name) => write!(f, "mail:{}", Shown(name)),
            Self::Uri(name) => write!(f, "uri:{}", Shown(name)),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Directory(name) => write!(f, "directory:{}", Shown(name)),
            Self::Principal(name) => write!(f, "krb5:{}", Shown(name)),
            Self::Upn(name) => write!(f, "upn:{}", Shown(name)),
        }
    }
}

struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                ',' | '\\' => write!(f, "\\{character}")?,
                _ if character.is_control() => write!(f, "\\{:02X}", u32::from(character))?,
                _ => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn other(contents: &[u8]) -> Option<AltName> {
    let mut parts = Elements(contents);
    let kind = parts.tagged(tag::OBJECT_IDENTIFIER)?.contents;
    let value = Element::only(parts.tagged(tag::field(0))?.contents)?;
    match kind {
        USER_PRINCIPAL_NAME => element::text(value).map(AltName::Upn),
        KRB5_PRINCIPAL_NAME => principal(value).map(AltName::Principal),
        _ => None,
    }
}

/// `KRB5PrincipalName ::= SEQUENCE { realm [0] Realm, principalName [1] PrincipalName }`
fn principal(value: Element<'_>) -> Option<String> {
    let mut fields = value.sequence()?;
    let realm = general_string(Element::only(fields.tagged(tag::field(0))?.contents)?)?;
    let name = Element::only(fields.tagged(tag::field(1))?.contents)?;
    let mut name = name.sequence()?;
    let kind = Element::only(name.tagged(tag::field(0))?.contents)?;
    let kind = kind
        .of(tag::INTEGER)
        .filter(|octets| octets.len() <= 4)?
        .iter()
        .fold(0_i32, |number, &octet| (number << 8) | i32::from(octet));
    let components = Element::only(name.tagged(tag::field(1))?.contents)?;
    let components: Option<Vec<_>> = components
        .sequence()?
        .all()?
        .into_iter()
        .map(general_string)
        .collect();
    let components = components.filter(|components| !components.is_empty())?;
    let name = PrincipalName::new(NameType(kind), components);
    String::from_utf8(Principal::new(name, Realm::new(realm)).unparse()).ok()
}

fn general_string(element: Element<'_>) -> Option<KerberosString> {
    let octets = element.of(tag::GENERAL_STRING)?;
    Some(KerberosString::from(octets.to_vec()))
}
