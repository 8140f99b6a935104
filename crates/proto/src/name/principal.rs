//! Names in realms, and the text in which people write them.

use std::fmt;

use super::text::{Style, escape_into, split};
use super::{NameError, NameType, PrincipalName, Realm};

/// A principal: a name in a realm. Equality, order and hash leave the name's type out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Principal {
    /// The name within the realm.
    pub name: PrincipalName,
    /// The realm.
    pub realm: Realm,
}

impl Principal {
    /// The principal of that name in that realm.
    pub const fn new(name: PrincipalName, realm: Realm) -> Self {
        Self { name, realm }
    }

    /// Reads a name as MIT's `krb5_parse_name` does: components between `/`, the realm after
    /// `@`, and the escapes `\n`, `\t`, `\b`, `\0` and `\` before any other character.
    ///
    /// ```
    /// use kerbstone_proto::name::{Principal, Realm};
    ///
    /// let home = Realm::from("EXAMPLE.ORG");
    /// let www = Principal::parse("HTTP/www.example.org", Some(&home))?;
    /// assert_eq!(www.to_string(), "HTTP/www.example.org@EXAMPLE.ORG");
    /// # Ok::<(), kerbstone_proto::name::NameError>(())
    /// ```
    pub fn parse(text: &str, default_realm: Option<&Realm>) -> Result<Self, NameError> {
        Self::parse_bytes(text.as_bytes(), default_realm)
    }

    /// As [`Principal::parse`], of a text that need not be UTF-8.
    pub fn parse_bytes(text: &[u8], default_realm: Option<&Realm>) -> Result<Self, NameError> {
        let parts = split(text, Style::Components)?;
        let name_type = match parts.components.as_slice() {
            [first, _] if first == "krbtgt" => NameType::SRV_INST,
            [first, _, ..] if first == "WELLKNOWN" => NameType::WELLKNOWN,
            _ => NameType::PRINCIPAL,
        };
        parts.into_principal(name_type, default_realm)
    }

    /// Reads an enterprise name (RFC 6806 5): one component, in which `/` and the first `@`
    /// have no meaning; a second `@` begins the realm.
    pub fn parse_enterprise(text: &str, default_realm: Option<&Realm>) -> Result<Self, NameError> {
        split(text.as_bytes(), Style::Enterprise)?
            .into_principal(NameType::ENTERPRISE, default_realm)
    }

    /// `krbtgt/REALM@ISSUING`: the ticket-granting service of `realm`, as known to `issuing`.
    pub fn krbtgt(realm: &Realm, issuing: &Realm) -> Self {
        Self::new(PrincipalName::krbtgt(realm), issuing.clone())
    }

    /// Whether this is a ticket-granting service, of its own realm or of another.
    pub fn is_krbtgt(&self) -> bool {
        self.name.is_krbtgt()
    }

    /// Whether this is the anonymous principal of RFC 8062, in whichever realm.
    pub fn is_anonymous(&self) -> bool {
        self.name.is(&["WELLKNOWN", "ANONYMOUS"])
    }

    /// The salt of a password when the KDC names no other (RFC 4120 4): the realm and the
    /// components, one after another.
    pub fn default_salt(&self) -> Vec<u8> {
        let mut salt = self.realm.as_bytes().to_vec();
        for component in &self.name.components {
            salt.extend_from_slice(component.as_bytes());
        }
        salt
    }

    /// The principal as MIT's `krb5_unparse_name` writes it; in bytes, because a name need
    /// not be UTF-8.
    pub fn unparse(&self) -> Vec<u8> {
        // Escapes are rare.
        let realm = self.realm.as_bytes().len().saturating_add(1);
        let length = self.name.plain_length().saturating_add(realm);
        let mut text = Vec::with_capacity(length);
        self.name.unparse_into(&mut text);
        text.push(b'@');
        escape_into(&mut text, self.realm.as_bytes());
        text
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.unparse()))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({self})")
    }
}
