//! The numbers of RFC 4120 5.2.4.

use std::fmt;

use der::{
    DecodeValue, EncodeValue, Error, ErrorKind, FixedTag, Header, Length, Reader, Tag, Writer,
};

use crate::time::Timestamp;

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
