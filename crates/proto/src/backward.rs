//! DER written from its end, for the messages that a KDC writes for every request.
//!
//! In DER a length stands before what it counts. Written backwards, the contents are there
//! when their length is needed, so that nothing is measured before it is written; `der`'s
//! encoder measures every element once for each element around it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::name::{KerberosString, PrincipalName, Realm};
use crate::time::KerberosTime;

/// What most of the messages fit in.
const USUAL_LENGTH: usize = 512;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const GENERALIZED_TIME: u8 = 0x18;
const GENERAL_STRING: u8 = 0x1b;
const SEQUENCE: u8 = 0x30;
const APPLICATION: u8 = 0x60;
const CONTEXT_SPECIFIC: u8 = 0xa0;

/// Writes at the end of a buffer; what is written last comes to stand first.
pub(crate) struct BackwardWriter<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> BackwardWriter<'a> {
    /// Appends what `write` writes to the buffer.
    pub(crate) fn append(buffer: &'a mut Vec<u8>, write: impl FnOnce(&mut Self)) {
        let start = buffer.len();
        buffer.reserve(USUAL_LENGTH);
        let mut writer = Self { buffer };
        write(&mut writer);
        if let Some(written) = writer.buffer.get_mut(start..) {
            written.reverse();
        }
    }

    /// `[APPLICATION number] SEQUENCE`.
    pub(crate) fn message(&mut self, number: u8, fields: impl FnOnce(&mut Self)) {
        self.element(APPLICATION | number, |writer| writer.sequence(fields));
    }

    /// SEQUENCE; its fields are written last one first.
    pub(crate) fn sequence(&mut self, fields: impl FnOnce(&mut Self)) {
        self.element(SEQUENCE, fields);
    }

    /// SEQUENCE OF.
    pub(crate) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.sequence(|writer| items.iter().rev().for_each(|each| item(writer, each)));
    }

    /// `[number]`.
    pub(crate) fn field(&mut self, number: u8, value: impl FnOnce(&mut Self)) {
        self.element(CONTEXT_SPECIFIC | number, value);
    }

    /// `[number] Int32`.
    pub(crate) fn int_field(&mut self, number: u8, value: i32) {
        self.field(number, |writer| writer.integer(i64::from(value)));
    }

    /// `[number] UInt32`.
    pub(crate) fn uint_field(&mut self, number: u8, value: u32) {
        self.field(number, |writer| writer.integer(i64::from(value)));
    }

    /// `[number] OCTET STRING`.
    pub(crate) fn octets_field(&mut self, number: u8, octets: &[u8]) {
        self.field(number, |writer| writer.primitive(OCTET_STRING, octets));
    }

    /// `[number] KerberosTime`.
    pub(crate) fn time_field(&mut self, number: u8, time: KerberosTime) {
        self.field(number, |writer| {
            writer.primitive(GENERALIZED_TIME, &time.to_wire())
        });
    }

    /// `[number] KerberosTime`, when there is one.
    pub(crate) fn optional_time_field(&mut self, number: u8, time: Option<KerberosTime>) {
        if let Some(time) = time {
            self.time_field(number, time);
        }
    }

    /// `[number] KerberosFlags`.
    pub(crate) fn flags_field(&mut self, number: u8, bits: u32) {
        let [b1, b2, b3, b4] = bits.to_be_bytes();
        self.field(number, |writer| {
            writer.primitive(BIT_STRING, &[0, b1, b2, b3, b4])
        });
    }

    /// `[number] Realm`.
    pub(crate) fn realm_field(&mut self, number: u8, realm: &Realm) {
        self.field(number, |writer| writer.string(realm.as_kerberos_string()));
    }

    /// `[number] PrincipalName`.
    pub(crate) fn name_field(&mut self, number: u8, name: &PrincipalName) {
        self.field(number, |writer| {
            writer.sequence(|writer| {
                writer.field(1, |writer| writer.list(&name.components, Self::string));
                writer.int_field(0, name.name_type.0);
            });
        });
    }

    fn string(&mut self, string: &KerberosString) {
        self.primitive(GENERAL_STRING, string.as_bytes());
    }

    fn integer(&mut self, value: i64) {
        let bytes = value.to_be_bytes();
        let mut minimal = bytes.as_slice();
        while let [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] = minimal {
            minimal = minimal.get(1..).unwrap_or_default();
        }
        self.primitive(INTEGER, minimal);
    }

    fn primitive(&mut self, tag: u8, contents: &[u8]) {
        self.element(tag, |writer| {
            // Copied and turned in place: faster than byte by byte.
            let start = writer.buffer.len();
            writer.buffer.extend_from_slice(contents);
            if let Some(copied) = writer.buffer.get_mut(start..) {
                copied.reverse();
            }
        });
    }

    fn element(&mut self, tag: u8, contents: impl FnOnce(&mut Self)) {
        let start = self.buffer.len();
        contents(self);
        self.length(self.buffer.len().saturating_sub(start));
        self.buffer.push(tag);
    }

    fn length(&mut self, length: usize) {
        match length {
            0..0x80 => self.buffer.extend(length.to_le_bytes().first()),
            _ => {
                let bytes = length.to_le_bytes();
                let zeros = usize::try_from(length.leading_zeros() / 8).unwrap_or(0);
                let significant = bytes.len().saturating_sub(zeros);
                self.buffer.extend(bytes.iter().take(significant));
                self.buffer
                    .extend(significant.to_le_bytes().first().map(|count| 0x80 | count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    fn written(write: impl FnOnce(&mut BackwardWriter<'_>)) -> Vec<u8> {
        let mut buffer = b"before".to_vec();
        BackwardWriter::append(&mut buffer, write);
        buffer.split_off(6)
    }

    #[test]
    fn integers_are_minimal() {
        for value in [
            0,
            1,
            127,
            128,
            255,
            256,
            32_767,
            32_768,
            -1,
            -128,
            -129,
            -32_768,
            -32_769,
            i64::from(u32::MAX),
            i64::from(i32::MIN),
            i64::from(i32::MAX),
        ] {
            assert_eq!(
                written(|writer| writer.integer(value)),
                value.to_der().unwrap(),
                "{value}"
            );
        }
    }

    #[test]
    fn lengths_are_minimal() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0x12_3456] {
            let octets = vec![7; length];
            let expected = der::asn1::OctetString::new(octets.as_slice())
                .unwrap()
                .to_der()
                .unwrap();
            let came = written(|writer| writer.primitive(OCTET_STRING, &octets));
            assert!(came == expected, "{length}");
        }
    }
}
