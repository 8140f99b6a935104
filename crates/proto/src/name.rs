//! Names of principals and realms (RFC 4120 6, 5.2.1, 5.2.2; RFC 6806 5), and the text in
//! which people write them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use der::asn1::ContextSpecificRef as Field;
use der::{
    Decode, DecodeValue, Encode, EncodeValue, Error, ErrorKind, FixedTag, Header, Length, Reader,
    Tag, TagMode, TagNumber, Writer,
};

/// More components than this in one name is refused; the protocol's own names have two or three.
pub const MAX_COMPONENTS: usize = 64;

/// Why a text is not the name of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text ends in a lone `\`: write the character that was to be escaped after it.
    #[error("malformed name: it ends in an escape character")]
    DanglingEscape,
    /// There is an `@` or a `/` in the realm: escape it as `\@` or `\/` where it belongs to a name.
    #[error("malformed name: unescaped {0:?} in the realm")]
    SeparatorInRealm(char),
    /// The text names no realm and there is no default realm: set one, or add `@REALM`.
    #[error("the name has no realm and there is no default realm")]
    NoRealm,
    /// The name has more than [`MAX_COMPONENTS`] components.
    #[error("the name has too many components")]
    TooManyComponents,
}

/// A string of the protocol: `GeneralString`, kept as the bytes that were sent.
///
/// RFC 4120 asks for ASCII; the field sends UTF-8 and Latin-1 too, and they pass unharmed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KerberosString(Vec<u8>);

impl KerberosString {
    /// The bytes as sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, when the bytes are UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl From<&str> for KerberosString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for KerberosString {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&[u8]> for KerberosString {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for KerberosString {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl PartialEq<str> for KerberosString {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for KerberosString {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for KerberosString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl fmt::Debug for KerberosString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl FixedTag for KerberosString {
    const TAG: Tag = Tag::GeneralString;
}

impl<'a> DecodeValue<'a> for KerberosString {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_vec(header.length()).map(Self)
    }
}

impl EncodeValue for KerberosString {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.0)
    }
}

/// The name of a realm. Compared byte by byte: `EXAMPLE.ORG` is not `example.org`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Realm(KerberosString);

impl Realm {
    /// The realm of that name.
    pub fn new(name: impl Into<KerberosString>) -> Self {
        Self(name.into())
    }

    /// The text, when the bytes are UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        self.0.to_str()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        self.0.to_string_lossy()
    }

    /// The bytes as sent.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The name as a string of the protocol, for example as a component of `krbtgt/REALM`.
    pub const fn as_kerberos_string(&self) -> &KerberosString {
        &self.0
    }

    /// Whether this is the empty realm, by which MIT says "ask the DNS or the KDC".
    pub const fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }
}

impl<T: Into<KerberosString>> From<T> for Realm {
    fn from(name: T) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq<str> for Realm {
    fn eq(&self, other: &str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<&str> for Realm {
    fn eq(&self, other: &&str) -> bool {
        self.0 == **other
    }
}

impl FixedTag for Realm {
    const TAG: Tag = Tag::GeneralString;
}

impl<'a> DecodeValue<'a> for Realm {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        KerberosString::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for Realm {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

/// What kind of name it is, as a hint: two names that differ in their type only are the same
/// principal (RFC 4120 6.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NameType(pub i32);

impl NameType {
    /// Type not known.
    pub const UNKNOWN: Self = Self(0);
    /// A user, or a name of which nothing else is known.
    pub const PRINCIPAL: Self = Self(1);
    /// A service and another unique instance, as `krbtgt`.
    pub const SRV_INST: Self = Self(2);
    /// A service with the host's name as instance.
    pub const SRV_HST: Self = Self(3);
    /// A service with the host's name as the remaining components.
    pub const SRV_XHST: Self = Self(4);
    /// A unique identifier.
    pub const UID: Self = Self(5);
    /// An encoded X.509 distinguished name.
    pub const X500_PRINCIPAL: Self = Self(6);
    /// A name in the form of an SMTP address.
    pub const SMTP_NAME: Self = Self(7);
    /// One component with a whole user name, which the KDC maps (RFC 6806 5).
    pub const ENTERPRISE: Self = Self(10);
    /// A name that a specification gave a meaning to (RFC 6111).
    pub const WELLKNOWN: Self = Self(11);
    /// A host-based service with a domain (MIT, Windows).
    pub const SRV_HST_DOMAIN: Self = Self(12);
    /// A user's name of Windows NT 4.
    pub const MS_PRINCIPAL: Self = Self(-128);
    /// A user's name of Windows NT 4 with its security identifier.
    pub const MS_PRINCIPAL_AND_ID: Self = Self(-129);
}

impl FixedTag for NameType {
    const TAG: Tag = Tag::Integer;
}

impl<'a> DecodeValue<'a> for NameType {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        i32::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for NameType {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

/// The name of a principal within its realm.
///
/// Equality, order and hash leave the type out (RFC 4120 6.2).
#[derive(Clone, Debug, Default)]
pub struct PrincipalName {
    /// The kind of name, a hint only.
    pub name_type: NameType,
    /// The components: `host` and `www.example.org` of `host/www.example.org`.
    pub components: Vec<KerberosString>,
}

impl PrincipalName {
    /// A name of that type with those components.
    pub fn new<C: Into<KerberosString>>(
        name_type: NameType,
        components: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            name_type,
            components: components.into_iter().map(Into::into).collect(),
        }
    }

    /// A user's name, or any other of type NT-PRINCIPAL.
    pub fn new_principal(components: &[&str]) -> Self {
        Self::new(NameType::PRINCIPAL, components.iter().copied())
    }

    /// `service/host`, of type NT-SRV-HST.
    pub fn service(service: &str, host: &str) -> Self {
        Self::new(NameType::SRV_HST, [service, host])
    }

    /// `krbtgt/REALM`, of type NT-SRV-INST: the ticket-granting service for `realm`.
    pub fn krbtgt(realm: &Realm) -> Self {
        Self::new(
            NameType::SRV_INST,
            [KerberosString::from("krbtgt"), realm.0.clone()],
        )
    }

    /// The realm `R` of a name `krbtgt/R`.
    pub fn krbtgt_realm(&self) -> Option<Realm> {
        match self.components.as_slice() {
            [first, realm] if first == "krbtgt" => Some(Realm(realm.clone())),
            _ => None,
        }
    }

    /// Whether this is `krbtgt/` and something.
    pub fn is_krbtgt(&self) -> bool {
        matches!(self.components.as_slice(), [first, _] if first == "krbtgt")
    }

    /// Whether these are exactly the name's components.
    pub fn is(&self, components: &[&str]) -> bool {
        self.components.len() == components.len()
            && self
                .components
                .iter()
                .zip(components)
                .all(|(ours, theirs)| ours == theirs)
    }

    /// The name as MIT writes it, with `\` before what would be read otherwise; in bytes,
    /// because a name need not be UTF-8.
    pub fn unparse(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (index, component) in self.components.iter().enumerate() {
            if index > 0 {
                text.push(b'/');
            }
            escape_into(&mut text, component.as_bytes());
        }
        text
    }
}

impl PartialEq for PrincipalName {
    fn eq(&self, other: &Self) -> bool {
        self.components == other.components
    }
}

impl Eq for PrincipalName {}

impl PartialOrd for PrincipalName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PrincipalName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.components.cmp(&other.components)
    }
}

impl Hash for PrincipalName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.components.hash(state);
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.unparse()))
    }
}

/// The components as they are on the wire, counted while they are read.
struct Components(Vec<KerberosString>);

impl FixedTag for Components {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Components {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let mut components = Vec::new();
        while !reader.is_finished() {
            if components.len() == MAX_COMPONENTS {
                return Err(reader.error(ErrorKind::Overlength));
            }
            components.push(KerberosString::decode(reader)?);
        }
        Ok(Self(components))
    }
}

/// The SEQUENCE of RFC 4120 5.2.2 while it is read.
#[derive(der::DecodeValue)]
struct WireName {
    #[asn1(context_specific = "0")]
    name_type: NameType,
    #[asn1(context_specific = "1")]
    components: Components,
}

impl FixedTag for PrincipalName {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for PrincipalName {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let wire = WireName::decode_value(reader, header)?;
        Ok(Self {
            name_type: wire.name_type,
            components: wire.components.0,
        })
    }
}

impl EncodeValue for PrincipalName {
    fn value_len(&self) -> der::Result<Length> {
        let (name_type, components) = self.fields();
        Ok(name_type
            .encoded_len()?
            .saturating_add(components.encoded_len()?))
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        let (name_type, components) = self.fields();
        name_type.encode(writer)?;
        components.encode(writer)
    }
}

impl PrincipalName {
    fn fields(&self) -> (Field<'_, NameType>, Field<'_, Vec<KerberosString>>) {
        let tag_mode = TagMode::Explicit;
        (
            Field {
                tag_number: TagNumber(0),
                tag_mode,
                value: &self.name_type,
            },
            Field {
                tag_number: TagNumber(1),
                tag_mode,
                value: &self.components,
            },
        )
    }
}

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
        let mut text = self.name.unparse();
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

/// How a text is cut into components.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Components,
    Enterprise,
}

/// A text cut into components and, when there was an `@`, the realm.
struct Parts {
    components: Vec<KerberosString>,
    realm: Option<Vec<u8>>,
}

impl Parts {
    fn into_principal(
        self,
        name_type: NameType,
        default_realm: Option<&Realm>,
    ) -> Result<Principal, NameError> {
        let realm = match self.realm {
            Some(realm) => Realm::from(realm),
            None => default_realm.ok_or(NameError::NoRealm)?.clone(),
        };
        Ok(Principal::new(
            PrincipalName {
                name_type,
                components: self.components,
            },
            realm,
        ))
    }
}

fn split(text: &[u8], style: Style) -> Result<Parts, NameError> {
    let mut components = Vec::new();
    let mut current = Vec::new();
    let mut in_realm = false;
    let mut at_belongs_to_name = style == Style::Enterprise;
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => current.push(unescape(rest.next().ok_or(NameError::DanglingEscape)?)),
            b'@' if at_belongs_to_name => {
                at_belongs_to_name = false;
                current.push(byte);
            }
            b'@' if in_realm => return Err(NameError::SeparatorInRealm('@')),
            b'/' if in_realm && style == Style::Components => {
                return Err(NameError::SeparatorInRealm('/'));
            }
            b'@' => {
                in_realm = true;
                components.push(KerberosString::from(std::mem::take(&mut current)));
            }
            b'/' if style == Style::Components => {
                components.push(KerberosString::from(std::mem::take(&mut current)));
            }
            _ => current.push(byte),
        }
        if components.len() >= MAX_COMPONENTS && !in_realm {
            return Err(NameError::TooManyComponents);
        }
    }
    if in_realm {
        Ok(Parts {
            components,
            realm: Some(current),
        })
    } else {
        components.push(KerberosString::from(current));
        Ok(Parts {
            components,
            realm: None,
        })
    }
}

const fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'b' => 0x08,
        b'0' => 0,
        other => other,
    }
}

fn escape_into(text: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        let escaped = match byte {
            b'/' | b'@' | b'\\' => byte,
            b'\n' => b'n',
            b'\t' => b't',
            0x08 => b'b',
            0 => b'0',
            _ => {
                text.push(byte);
                continue;
            }
        };
        text.extend_from_slice(&[b'\\', escaped]);
    }
}
