//! What all messages are made of: the numbers of RFC 4120 5.2.4, octet strings with keys in
//! them, values that remember their DER, and the way from bytes to a message and back.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;
use std::ops::Deref;

use der::asn1::{Application, ApplicationRef, ContextSpecific, ContextSpecificRef};
use der::{
    Decode, DecodeValue, Encode, EncodeValue, Error, ErrorKind, FixedTag, Header, Length, Reader,
    SliceReader, Tag, TagMode, TagNumber, Tagged, Writer,
};
use zeroize::Zeroizing;

use crate::error::ProtoError;
use crate::time::Timestamp;

/// A message longer than this is refused before it is read.
pub const MAX_MESSAGE_LENGTH: usize = 16 << 20;

/// An unsigned number of 32 bits.
///
/// Heimdal and macOS send those from 2^31 as negative numbers; they are read as what was
/// meant and written as the RFC says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UInt32(pub u32);

impl From<u32> for UInt32 {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Debug for UInt32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for UInt32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FixedTag for UInt32 {
    const TAG: Tag = Tag::Integer;
}

impl<'a> DecodeValue<'a> for UInt32 {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let number = i64::decode_value(reader, header)?;
        if let Ok(number) = u32::try_from(number) {
            return Ok(Self(number));
        }
        match i32::try_from(number) {
            Ok(number) => Ok(Self(number.cast_unsigned())),
            Err(_) => Err(reader.error(ErrorKind::Value { tag: Tag::Integer })),
        }
    }
}

impl EncodeValue for UInt32 {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

/// Microseconds within a second, `0..=999_999`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Microseconds(u32);

impl Microseconds {
    /// That many microseconds, when they are less than a second.
    pub const fn new(microseconds: u32) -> Option<Self> {
        if microseconds < 1_000_000 {
            Some(Self(microseconds))
        } else {
            None
        }
    }

    /// The microseconds of that moment.
    pub const fn of(moment: Timestamp) -> Self {
        Self(if moment.usec < 1_000_000 {
            moment.usec
        } else {
            999_999
        })
    }

    /// The number of microseconds.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FixedTag for Microseconds {
    const TAG: Tag = Tag::Integer;
}

impl<'a> DecodeValue<'a> for Microseconds {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let number = u32::decode_value(reader, header)?;
        Self::new(number).ok_or_else(|| reader.error(ErrorKind::Value { tag: Tag::Integer }))
    }
}

impl EncodeValue for Microseconds {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

/// A number that has one value only: the protocol's version, a message's type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Fixed<const N: u8>;

/// The version of the protocol, 5.
pub type Pvno = Fixed<5>;

impl<const N: u8> FixedTag for Fixed<N> {
    const TAG: Tag = Tag::Integer;
}

impl<'a, const N: u8> DecodeValue<'a> for Fixed<N> {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        if u8::decode_value(reader, header)? == N {
            Ok(Self)
        } else {
            Err(reader.error(ErrorKind::Value { tag: Tag::Integer }))
        }
    }
}

impl<const N: u8> EncodeValue for Fixed<N> {
    fn value_len(&self) -> der::Result<Length> {
        N.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        N.encode_value(writer)
    }
}

/// An OCTET STRING that must not be seen: wiped when dropped, never printed.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl FixedTag for Secret {
    const TAG: Tag = Tag::OctetString;
}

impl<'a> DecodeValue<'a> for Secret {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_vec(header.length()).map(Self::from)
    }
}

impl EncodeValue for Secret {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.0)
    }
}

/// A value and the very bytes it was read from, for what is checksummed as it was sent.
///
/// Writing it writes those bytes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<T> {
    value: T,
    der: Vec<u8>,
}

impl<T: Encode> Encoded<T> {
    /// Encodes the value once and for all.
    pub fn new(value: T) -> Self {
        let mut der = Vec::new();
        encode_into(&value, &mut der);
        Self { value, der }
    }
}

impl<T> Encoded<T> {
    /// The DER, tag and length included.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The value without its bytes.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T: Encode> From<T> for Encoded<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> Deref for Encoded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: FixedTag> FixedTag for Encoded<T> {
    const TAG: Tag = T::TAG;
}

impl<'a, T> DecodeValue<'a> for Encoded<T>
where
    T: for<'b> DecodeValue<'b, Error = Error> + FixedTag,
{
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let contents = reader.read_slice(header.length())?;
        let mut inside = SliceReader::new(contents)?;
        let value = T::decode_value(&mut inside, header)?;
        inside.finish()?;
        let mut der = Vec::new();
        header.encode_to_vec(&mut der)?;
        der.extend_from_slice(contents);
        Ok(Self { value, der })
    }
}

impl<T: FixedTag> Encoded<T> {
    fn contents(&self) -> der::Result<&[u8]> {
        let mut reader = SliceReader::new(&self.der)?;
        let header = Header::decode(&mut reader)?;
        reader.read_slice(header.length())
    }
}

impl<T: FixedTag> EncodeValue for Encoded<T> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.contents()?.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.contents()?)
    }
}

/// Reads exactly one value.
pub(crate) fn decode<T>(what: &'static str, bytes: &[u8]) -> Result<T, ProtoError>
where
    T: for<'a> Decode<'a, Error = Error>,
{
    check_length(what, bytes)?;
    T::from_der(bytes).map_err(|source| ProtoError::Malformed { what, source })
}

/// Reads exactly one value in `[APPLICATION number]`.
pub(crate) fn decode_application<T>(
    what: &'static str,
    number: u32,
    bytes: &[u8],
) -> Result<T, ProtoError>
where
    T: for<'a> Decode<'a, Error = Error>,
{
    let outer: Application<T> = decode(what, bytes)?;
    if outer.tag_number == TagNumber(number) {
        Ok(outer.value)
    } else {
        let found = Tag::Application {
            constructed: true,
            number: outer.tag_number,
        };
        Err(ProtoError::Malformed {
            what,
            source: ErrorKind::TagUnexpected {
                expected: None,
                actual: found,
            }
            .into(),
        })
    }
}

/// Reads exactly one CHOICE of the single alternative `[number]`.
pub(crate) fn decode_choice<T>(
    what: &'static str,
    number: u32,
    bytes: &[u8],
) -> Result<T, ProtoError>
where
    T: for<'a> Decode<'a, Error = Error>,
{
    let outer: ContextSpecific<T> = decode(what, bytes)?;
    if outer.tag_number == TagNumber(number) {
        Ok(outer.value)
    } else {
        let found = Tag::ContextSpecific {
            constructed: true,
            number: outer.tag_number,
        };
        Err(ProtoError::Malformed {
            what,
            source: ErrorKind::TagUnexpected {
                expected: None,
                actual: found,
            }
            .into(),
        })
    }
}

fn check_length(what: &'static str, bytes: &[u8]) -> Result<(), ProtoError> {
    if bytes.len() > MAX_MESSAGE_LENGTH {
        return Err(ProtoError::TooLong {
            what,
            length: bytes.len(),
        });
    }
    Ok(())
}

/// Appends the DER of a value.
///
/// Encoding fails for values of 4 GiB only, which no caller holds; then nothing is appended.
pub(crate) fn encode_into<T: Encode + ?Sized>(value: &T, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let written = value.encode_to_vec(buffer);
    debug_assert!(written.is_ok(), "{written:?}");
    if written.is_err() {
        buffer.truncate(start);
    }
}

/// Appends the DER of a value in `[APPLICATION number]`.
pub(crate) fn encode_application_into<T>(number: u32, value: &T, buffer: &mut Vec<u8>)
where
    T: EncodeValue + Tagged,
{
    let tag_number = TagNumber(number);
    encode_into(
        &ApplicationRef {
            tag_number,
            tag_mode: TagMode::Explicit,
            value,
        },
        buffer,
    );
}

/// Appends the DER of a CHOICE of the single alternative `[number]`.
pub(crate) fn encode_choice_into<T>(number: u32, value: &T, buffer: &mut Vec<u8>)
where
    T: EncodeValue + Tagged,
{
    let tag_number = TagNumber(number);
    encode_into(
        &ContextSpecificRef {
            tag_number,
            tag_mode: TagMode::Explicit,
            value,
        },
        buffer,
    );
}

/// A line per message: its type, its name in the RFC, and the tag around its SEQUENCE.
/// Types that say `=> backward` have a `write_backward`, which is faster.
macro_rules! messages {
    ($($type:ident = $what:literal $(, application $app:literal)? $(=> $backward:ident)?;)+) => {
        $(impl $type {
            #[doc = concat!("Reads the DER of one ", $what, ", to its last byte.")]
            pub fn from_der(bytes: &[u8]) -> Result<Self, $crate::error::ProtoError> {
                $crate::wire::messages!(@decode $what, bytes $(, application $app)?)
            }

            #[doc = concat!("The DER of this ", $what, ".")]
            pub fn to_der(&self) -> Vec<u8> {
                let mut der = Vec::new();
                self.encode_into(&mut der);
                der
            }

            #[doc = concat!("Appends the DER of this ", $what, " to a buffer.")]
            pub fn encode_into(&self, buffer: &mut Vec<u8>) {
                $crate::wire::messages!(@encode self, buffer $(, application $app)? $(=> $backward)?)
            }
        })+
    };
    (@decode $what:literal, $bytes:ident) => { $crate::wire::decode($what, $bytes) };
    (@decode $what:literal, $bytes:ident, application $number:literal) => {
        $crate::wire::decode_application($what, $number, $bytes)
    };
    (@encode $self:ident, $buffer:ident) => { $crate::wire::encode_into($self, $buffer) };
    (@encode $self:ident, $buffer:ident, application $number:literal) => {
        $crate::wire::encode_application_into($number, $self, $buffer)
    };
    (@encode $self:ident, $buffer:ident $(, application $number:literal)? => backward) => {
        $crate::backward::BackwardWriter::append($buffer, |writer| $self.write_backward(writer))
    };
}

/// A line per SEQUENCE OF that has a name: a newtype of a vector.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident of $item:ty;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $name(pub Vec<$item>);

            impl From<Vec<$item>> for $name {
                fn from(items: Vec<$item>) -> Self {
                    Self(items)
                }
            }

            impl std::ops::Deref for $name {
                type Target = Vec<$item>;

                fn deref(&self) -> &Vec<$item> {
                    &self.0
                }
            }

            impl std::ops::DerefMut for $name {
                fn deref_mut(&mut self) -> &mut Vec<$item> {
                    &mut self.0
                }
            }

            impl FromIterator<$item> for $name {
                fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                    Self(items.into_iter().collect())
                }
            }

            impl<'a> IntoIterator for &'a $name {
                type Item = &'a $item;
                type IntoIter = std::slice::Iter<'a, $item>;

                fn into_iter(self) -> Self::IntoIter {
                    self.0.iter()
                }
            }

            impl der::FixedTag for $name {
                const TAG: der::Tag = der::Tag::Sequence;
            }

            impl<'a> der::DecodeValue<'a> for $name {
                type Error = der::Error;

                fn decode_value<R: der::Reader<'a>>(
                    reader: &mut R,
                    header: der::Header,
                ) -> der::Result<Self> {
                    Vec::decode_value(reader, header).map(Self)
                }
            }

            impl der::EncodeValue for $name {
                fn value_len(&self) -> der::Result<der::Length> {
                    self.0.value_len()
                }

                fn encode_value(&self, writer: &mut impl der::Writer) -> der::Result<()> {
                    self.0.encode_value(writer)
                }
            }
        )+
    };
}

pub(crate) use {lists, messages};
