//! Names of realms.

use std::borrow::Cow;
use std::fmt;

use der::{DecodeValue, EncodeValue, Error, FixedTag, Header, Length, Reader, Tag, Writer};

use super::KerberosString;

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
        self.0.is_empty()
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
