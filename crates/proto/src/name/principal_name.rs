//! Names within a realm.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use der::asn1::ContextSpecificRef as Field;
use der::{
    Decode, DecodeValue, Encode, EncodeValue, Error, ErrorKind, FixedTag, Header, Length, Reader,
    Tag, TagMode, TagNumber, Writer,
};

use super::text::escape_into;
use super::{KerberosString, MAX_COMPONENTS, NameType, Realm};

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
            [
                KerberosString::from("krbtgt"),
                realm.as_kerberos_string().clone(),
            ],
        )
    }

    /// The realm `R` of a name `krbtgt/R`.
    pub fn krbtgt_realm(&self) -> Option<Realm> {
        match self.components.as_slice() {
            [first, realm] if first == "krbtgt" => Some(Realm::from(realm.clone())),
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
        let mut text = Vec::with_capacity(self.plain_length());
        self.unparse_into(&mut text);
        text
    }

    pub(super) fn unparse_into(&self, text: &mut Vec<u8>) {
        for (index, component) in self.components.iter().enumerate() {
            if index > 0 {
                text.push(b'/');
            }
            escape_into(text, component.as_bytes());
        }
    }

    /// How long the text is when nothing in it is escaped.
    pub(super) fn plain_length(&self) -> usize {
        let lengths = self.components.iter();
        lengths.fold(0_usize, |sum, component| {
            sum.saturating_add(component.as_bytes().len())
                .saturating_add(1)
        })
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
