//! The kinds of names.

use der::{DecodeValue, EncodeValue, Error, FixedTag, Header, Length, Reader, Tag, Writer};

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
