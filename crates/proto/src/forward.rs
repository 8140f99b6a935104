//! DER read from its beginning, for the messages that a KDC reads for every request.
//!
//! It reads definite lengths in their shortest form and the tags that it is asked for, nothing
//! else, and gives up at the first byte that is something else, without a word:
//! [`ForwardReader::whole`] leaves it to `der`'s decoder, which takes exactly the same
//! messages, to say what is wrong and where. How deep it goes is bounded by the types that it
//! reads, none of which contains itself.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::ProtoError;
use crate::flags::bits_from_wire;
use crate::name::{KerberosString, MAX_COMPONENTS, NameType, PrincipalName, Realm};
use crate::time::KerberosTime;
use crate::wire::{MAX_MESSAGE_LENGTH, Microseconds, UInt32};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const GENERALIZED_TIME: u8 = 0x18;
const GENERAL_STRING: u8 = 0x1b;
const SEQUENCE: u8 = 0x30;
const APPLICATION: u8 = 0x60;
const CONTEXT_SPECIFIC: u8 = 0xa0;

/// Reads elements one after another; `None` means that the bytes are not what was asked for,
/// after which the reader is of no more use.
pub(crate) struct ForwardReader<'a> {
    rest: &'a [u8],
}

impl<'a> ForwardReader<'a> {
    /// Reads exactly one value. When that fails, `explain` reads again with `der`'s decoder,
    /// for its error.
    pub(crate) fn whole<T>(
        bytes: &'a [u8],
        read: impl FnOnce(&mut Self) -> Option<T>,
        explain: impl FnOnce(&'a [u8]) -> Result<T, ProtoError>,
    ) -> Result<T, ProtoError> {
        match Self::try_whole(bytes, read) {
            Some(value) => Ok(value),
            None => explain(bytes),
        }
    }

    /// Reads exactly one value.
    pub(crate) fn try_whole<T>(
        bytes: &'a [u8],
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if bytes.len() > MAX_MESSAGE_LENGTH {
            return None;
        }
        Self { rest: bytes }.read_all(read)
    }

    /// Whether `[APPLICATION number]` comes next.
    pub(crate) fn next_is_message(&self, number: u8) -> bool {
        self.rest.first() == Some(&(APPLICATION | number))
    }

    /// `[APPLICATION number] SEQUENCE`.
    #[inline(always)]
    pub(crate) fn message<T>(
        &mut self,
        number: u8,
        fields: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        self.nested(APPLICATION | number, |reader| reader.sequence(fields))
    }

    /// SEQUENCE, and nothing in it but what `fields` reads.
    #[inline(always)]
    pub(crate) fn sequence<T>(&mut self, fields: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.nested(SEQUENCE, fields)
    }

    /// SEQUENCE OF.
    #[inline]
    pub(crate) fn list<T>(&mut self, item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.bounded_list(usize::MAX, item)
    }

    /// What `read` reads, with the DER that it was read from.
    #[inline(always)]
    pub(crate) fn with_der<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<(T, &'a [u8])> {
        let before = self.rest;
        let value = read(self)?;
        let length = before.len().checked_sub(self.rest.len())?;
        Some((value, before.get(..length)?))
    }

    /// `[number]`.
    #[inline(always)]
    pub(crate) fn field<T>(
        &mut self,
        number: u8,
        value: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        self.nested(CONTEXT_SPECIFIC | number, value)
    }

    /// `[number]`, when it comes next.
    #[inline(always)]
    pub(crate) fn optional_field<T>(
        &mut self,
        number: u8,
        value: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.rest.first() == Some(&(CONTEXT_SPECIFIC | number)) {
            self.field(number, value).map(Some)
        } else {
            Some(None)
        }
    }

    /// `[number] INTEGER` of that one value.
    #[inline]
    pub(crate) fn fixed_field(&mut self, number: u8, value: u8) -> Option<()> {
        (self.field(number, Self::integer)? == i64::from(value)).then_some(())
    }

    /// `[number] Int32`.
    #[inline]
    pub(crate) fn int_field(&mut self, number: u8) -> Option<i32> {
        self.field(number, Self::int)
    }

    /// `[number] UInt32`.
    #[inline]
    pub(crate) fn uint_field(&mut self, number: u8) -> Option<UInt32> {
        self.field(number, Self::uint)
    }

    /// `[number] Microseconds`.
    #[inline]
    pub(crate) fn microseconds_field(&mut self, number: u8) -> Option<Microseconds> {
        self.field(number, Self::microseconds)
    }

    /// `[number] OCTET STRING`.
    #[inline]
    pub(crate) fn octets_field(&mut self, number: u8) -> Option<&'a [u8]> {
        self.field(number, |reader| reader.element(OCTET_STRING))
    }

    /// `[number] KerberosTime`.
    #[inline]
    pub(crate) fn time_field(&mut self, number: u8) -> Option<KerberosTime> {
        self.field(number, Self::time)
    }

    /// `[number] KerberosTime`, when it comes next.
    #[inline]
    pub(crate) fn optional_time_field(&mut self, number: u8) -> Option<Option<KerberosTime>> {
        self.optional_field(number, Self::time)
    }

    /// `[number] KerberosFlags`.
    #[inline]
    pub(crate) fn flags_field(&mut self, number: u8) -> Option<u32> {
        self.field(number, |reader| bits_from_wire(reader.element(BIT_STRING)?))
    }

    /// `[number] Realm`.
    #[inline]
    pub(crate) fn realm_field(&mut self, number: u8) -> Option<Realm> {
        self.field(number, Self::string).map(Realm::from)
    }

    /// `[number] PrincipalName`.
    #[inline]
    pub(crate) fn name_field(&mut self, number: u8) -> Option<PrincipalName> {
        self.field(number, Self::name)
    }

    /// PrincipalName.
    pub(crate) fn name(&mut self) -> Option<PrincipalName> {
        self.sequence(|reader| {
            Some(PrincipalName {
                name_type: NameType(reader.int_field(0)?),
                components: reader.field(1, |reader| {
                    reader.bounded_list(MAX_COMPONENTS, Self::string)
                })?,
            })
        })
    }

    /// Int32.
    pub(crate) fn int(&mut self) -> Option<i32> {
        i32::try_from(self.integer()?).ok()
    }

    /// UInt32; negative numbers are what [`UInt32`] says.
    pub(crate) fn uint(&mut self) -> Option<UInt32> {
        let number = self.integer()?;
        u32::try_from(number)
            .or_else(|_| i32::try_from(number).map(i32::cast_unsigned))
            .ok()
            .map(UInt32)
    }

    /// Microseconds.
    pub(crate) fn microseconds(&mut self) -> Option<Microseconds> {
        Microseconds::new(u32::try_from(self.integer()?).ok()?)
    }

    fn time(&mut self) -> Option<KerberosTime> {
        KerberosTime::from_wire(self.element(GENERALIZED_TIME)?)
    }

    fn string(&mut self) -> Option<KerberosString> {
        self.element(GENERAL_STRING).map(KerberosString::from)
    }

    /// INTEGER of up to five bytes: with the sign, no number of the protocol has more.
    fn integer(&mut self) -> Option<i64> {
        let contents = self.element(INTEGER)?;
        let (first, rest) = match contents {
            [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] | [_, _, _, _, _, _, ..] => {
                return None;
            }
            [first, rest @ ..] => (first, rest),
        };
        let sign = i64::from(first.cast_signed());
        Some(rest.iter().fold(sign, |number, byte| {
            number.wrapping_shl(8) | i64::from(*byte)
        }))
    }

    fn bounded_list<T>(
        &mut self,
        most: usize,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.nested(SEQUENCE, |reader| {
            let count = reader.count_elements()?;
            if count > most {
                return None;
            }
            let mut items = Vec::with_capacity(count);
            for _ in 0..count {
                items.push(item(reader)?);
            }
            Some(items)
        })
    }

    /// How many elements there are up to the end.
    fn count_elements(&self) -> Option<usize> {
        let mut count = 0_usize;
        let mut rest = self.rest;
        while let [_, after_tag @ ..] = rest {
            (_, rest) = split_contents(after_tag)?;
            count = count.checked_add(1)?;
        }
        Some(count)
    }

    #[inline(always)]
    fn nested<T>(&mut self, tag: u8, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let rest = self.element(tag)?;
        Self { rest }.read_all(read)
    }

    #[inline(always)]
    fn read_all<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let value = read(&mut self)?;
        self.rest.is_empty().then_some(value)
    }

    /// The contents of the element of that tag.
    #[inline(always)]
    fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, after_tag) = self.rest.split_first()?;
        if *found != tag {
            return None;
        }
        let (contents, rest) = split_contents(after_tag)?;
        self.rest = rest;
        Some(contents)
    }
}

/// What stands after a tag: so many bytes as their length says, and the rest.
#[inline(always)]
fn split_contents(after_tag: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match after_tag {
        [length @ 0..=0x7f, rest @ ..] => ([0, 0, 0, *length], rest),
        [0x81, b1 @ 0x80..=0xff, rest @ ..] => ([0, 0, 0, *b1], rest),
        [0x82, b1 @ 1..=0xff, b2, rest @ ..] => ([0, 0, *b1, *b2], rest),
        [0x83, b1 @ 1..=0xff, b2, b3, rest @ ..] => ([0, *b1, *b2, *b3], rest),
        [0x84, b1 @ 1..=0xff, b2, b3, b4, rest @ ..] => ([*b1, *b2, *b3, *b4], rest),
        _ => return None,
    };
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(length)).ok()?)
}

/// A type that both readers read; they must agree.
#[cfg(test)]
pub(crate) trait ReadTwice: Sized + PartialEq + std::fmt::Debug {
    fn forward(bytes: &[u8]) -> Option<Self>;
    fn derived(bytes: &[u8]) -> Option<Self>;
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "these bytes are ours")]
mod agreement;
