//! GeneralString as the bytes that were sent.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use der::{DecodeValue, EncodeValue, Error, FixedTag, Header, Length, Reader, Tag, Writer};

/// Strings up to this long, as most names are, stand in the value itself.
const SHORT: usize = 22;

/// A string of the protocol: `GeneralString`, kept as the bytes that were sent.
///
/// RFC 4120 asks for ASCII; the field sends UTF-8 and Latin-1 too, and they pass unharmed.
#[derive(Clone)]
pub struct KerberosString(Bytes);

#[derive(Clone)]
enum Bytes {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl KerberosString {
    /// The bytes as sent.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Bytes::Long(bytes) => bytes,
        }
    }

    /// The text, when the bytes are UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Whether there is no byte.
    pub const fn is_empty(&self) -> bool {
        match &self.0 {
            Bytes::Short { length, .. } => *length == 0,
            Bytes::Long(bytes) => bytes.is_empty(),
        }
    }

    /// The bytes; those of a long string without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            Bytes::Short { .. } => self.as_bytes().to_vec(),
            Bytes::Long(bytes) => bytes.into_vec(),
        }
    }

    /// The string of these bytes, when it is a short one.
    fn short(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        let length = u8::try_from(from.len()).ok()?;
        Some(Self(Bytes::Short { length, bytes }))
    }
}

impl Default for KerberosString {
    fn default() -> Self {
        Self(Bytes::Short {
            length: 0,
            bytes: [0; SHORT],
        })
    }
}

impl From<&str> for KerberosString {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<String> for KerberosString {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&[u8]> for KerberosString {
    fn from(bytes: &[u8]) -> Self {
        Self::short(bytes).unwrap_or_else(|| Self(Bytes::Long(bytes.into())))
    }
}

impl From<Vec<u8>> for KerberosString {
    fn from(bytes: Vec<u8>) -> Self {
        Self::short(&bytes).unwrap_or_else(|| Self(Bytes::Long(bytes.into_boxed_slice())))
    }
}

impl PartialEq for KerberosString {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for KerberosString {}

impl PartialOrd for KerberosString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KerberosString {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for KerberosString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for KerberosString {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for KerberosString {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Display for KerberosString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl fmt::Debug for KerberosString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl FixedTag for KerberosString {
    const TAG: Tag = Tag::GeneralString;
}

impl<'a> DecodeValue<'a> for KerberosString {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_vec(header.length()).map(Self::from)
    }
}

impl EncodeValue for KerberosString {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.as_bytes().len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_strings_are_the_same_to_see() {
        let text = "server.with.a.long.name.example.org";
        for length in 0..=text.len() {
            let bytes = &text.as_bytes()[..length];
            let string = KerberosString::from(bytes);
            assert_eq!(string.as_bytes(), bytes);
            assert_eq!(string, KerberosString::from(bytes.to_vec()));
            assert_eq!(string.is_empty(), bytes.is_empty());
            assert_eq!(string.clone().into_bytes(), bytes);
            for other in 0..=text.len() {
                let other = KerberosString::from(&text[..other]);
                assert_eq!(string.cmp(&other), bytes.cmp(other.as_bytes()));
                assert_eq!(string == other, bytes == other.as_bytes());
            }
        }
        assert_eq!(size_of::<KerberosString>(), size_of::<Vec<u8>>());
    }
}
