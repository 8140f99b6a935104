//! The bytes of records: variable-length integers and counted strings, with every length checked.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::time::Duration;

use kerbstone_proto::time::KerberosTime;

use crate::error::RealmError;

/// Appends values to a buffer.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts a record with its format version.
    pub(crate) fn new(format: u8) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(format);
        Self { bytes }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// LEB128: seven bits a byte, the least significant first.
    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Zigzag, so that small negative numbers stay short.
    pub(crate) fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.byte(0),
            Some(value) => {
                self.byte(1);
                write(self, value);
            }
        }
    }

    pub(crate) fn list<T>(&mut self, values: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(values.len() as u64);
        for value in values {
            write(self, value);
        }
    }

    pub(crate) fn time(&mut self, value: KerberosTime) {
        self.signed(value.unix());
    }

    pub(crate) fn optional_time(&mut self, value: Option<KerberosTime>) {
        self.option(value, Self::time);
    }

    /// Whole seconds; no record needs a finer grain.
    pub(crate) fn optional_duration(&mut self, value: Option<Duration>) {
        self.option(value, |out, value| out.number(value.as_secs()));
    }
}

/// Takes values from a record, never reading past its end.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    kind: &'static str,
    format: u8,
}

impl<'a> Reader<'a> {
    /// Starts reading a record of `kind` whose format must not be newer than `known`.
    pub(crate) fn new(kind: &'static str, bytes: &'a [u8], known: u8) -> Result<Self, RealmError> {
        let mut reader = Self {
            rest: bytes,
            kind,
            format: 0,
        };
        let found = reader.byte()?;
        if found == 0 || found > known {
            return Err(RealmError::NewerFormat {
                what: kind,
                found: found.into(),
                known: known.into(),
            });
        }
        reader.format = found;
        Ok(reader)
    }

    /// The version of the record's format.
    pub(crate) const fn format(&self) -> u8 {
        self.format
    }

    /// Ends reading; bytes left over are damage.
    pub(crate) fn finish(self) -> Result<(), RealmError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.damaged("bytes after the end"))
        }
    }

    pub(crate) fn damaged(&self, reason: &'static str) -> RealmError {
        RealmError::Damaged {
            kind: self.kind,
            reason,
        }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], RealmError> {
        let Some((head, tail)) = self.rest.split_at_checked(length) else {
            return Err(self.damaged("cut short"));
        };
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, RealmError> {
        let Some((&first, tail)) = self.rest.split_first() else {
            return Err(self.damaged("cut short"));
        };
        self.rest = tail;
        Ok(first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, RealmError> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damaged("number too large"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, RealmError> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ ((value & 1) as i64).wrapping_neg())
    }

    /// A number that must fit the type asked for.
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, RealmError> {
        T::try_from(self.number()?).map_err(|_| self.damaged("number out of range"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], RealmError> {
        let length = self.narrow()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<String, RealmError> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.damaged("text is not UTF-8")),
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, RealmError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged("neither yes nor no")),
        }
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, RealmError>,
    ) -> Result<Option<T>, RealmError> {
        if self.flag()? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A counted list. Each item takes a byte at least, so a count larger than the rest is damage.
    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, RealmError>,
    ) -> Result<Vec<T>, RealmError> {
        let count: usize = self.narrow()?;
        if count > self.rest.len() {
            return Err(self.damaged("count too large"));
        }
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    pub(crate) fn time(&mut self) -> Result<KerberosTime, RealmError> {
        Ok(KerberosTime::from_unix(self.signed()?))
    }

    pub(crate) fn optional_time(&mut self) -> Result<Option<KerberosTime>, RealmError> {
        self.option(Self::time)
    }

    pub(crate) fn optional_duration(&mut self) -> Result<Option<Duration>, RealmError> {
        self.option(|input| input.number().map(Duration::from_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_come_back() {
        let numbers = [
            0,
            1,
            127,
            128,
            300,
            u64::from(u32::MAX),
            u64::MAX - 1,
            u64::MAX,
        ];
        let mut out = Writer::new(1);
        for number in numbers {
            out.number(number);
            out.signed(number as i64);
            out.signed((number as i64).wrapping_neg());
        }
        let bytes = out.finish();
        let mut input = Reader::new("test", &bytes, 1).unwrap();
        for number in numbers {
            assert_eq!(input.number().unwrap(), number);
            assert_eq!(input.signed().unwrap(), number as i64);
            assert_eq!(input.signed().unwrap(), (number as i64).wrapping_neg());
        }
        input.finish().unwrap();
    }

    #[test]
    fn refuses_numbers_beyond_64_bits() {
        let mut bytes = vec![1];
        bytes.extend([0xff; 9]);
        bytes.push(2);
        assert!(Reader::new("test", &bytes, 1).unwrap().number().is_err());
        bytes.extend([0xff; 20]);
        assert!(Reader::new("test", &bytes, 1).unwrap().number().is_err());
    }

    #[test]
    fn a_huge_length_or_count_is_damage_and_not_an_allocation() {
        let mut out = Writer::new(1);
        out.number(u64::MAX);
        let bytes = out.finish();
        assert!(Reader::new("test", &bytes, 1).unwrap().bytes().is_err());
        assert!(
            Reader::new("test", &bytes, 1)
                .unwrap()
                .list(Reader::byte)
                .is_err()
        );
    }

    #[test]
    fn refuses_a_newer_format_and_bytes_after_the_end() {
        assert!(matches!(
            Reader::new("test", &[2], 1),
            Err(RealmError::NewerFormat { found: 2, .. })
        ));
        assert!(Reader::new("test", &[1, 0], 1).unwrap().finish().is_err());
        assert!(Reader::new("test", &[], 1).is_err());
    }
}
