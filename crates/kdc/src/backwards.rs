//! A DER writer that begins at the end: lengths are known when they are to be written, and nothing
//! is measured twice.

use zeroize::Zeroize;

/// Room for a usual reply.
const USUAL: usize = 2048;

/// Grows towards lower addresses; what is written last stands first.
pub(crate) struct Backwards {
    buffer: Vec<u8>,
    /// Where what has been written begins.
    at: usize,
}

/// Tags of DER.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const GENERAL_STRING: u8 = 0x1b;
    pub(crate) const SEQUENCE: u8 = 0x30;

    /// `[number]`, constructed.
    pub(crate) const fn context(number: u8) -> u8 {
        0xa0 | number
    }

    /// `[APPLICATION number]`, constructed.
    pub(crate) const fn application(number: u8) -> u8 {
        0x60 | number
    }
}

impl Backwards {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; USUAL],
            at: USUAL,
        }
    }

    /// How much has been written.
    pub(crate) fn length(&self) -> usize {
        self.buffer.len().saturating_sub(self.at)
    }

    /// What has been written so far.
    pub(crate) fn written(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Leaves nothing of it in memory.
    pub(crate) fn wipe(mut self) {
        if let Some(written) = self.buffer.get_mut(self.at..) {
            written.zeroize();
        }
    }

    /// Everything that has been written.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.buffer.drain(..self.at);
        self.buffer
    }

    /// Puts bytes in front.
    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()) {
            room.copy_from_slice(bytes);
        }
    }

    /// Puts zeros in front, to be overwritten.
    pub(crate) fn space(&mut self, length: usize) {
        if let Some(room) = self.room(length) {
            room.fill(0);
        }
    }

    /// What was written since `length()` was `before`.
    pub(crate) fn since(&mut self, before: usize) -> &mut [u8] {
        let end = self.buffer.len().saturating_sub(before);
        self.buffer.get_mut(self.at..end).unwrap_or_default()
    }

    /// Tag and length around what `contents` writes.
    pub(crate) fn tagged(&mut self, tag: u8, contents: impl FnOnce(&mut Self)) {
        let before = self.length();
        contents(self);
        let length = self.length().saturating_sub(before);
        self.header(tag, length);
    }

    /// Tag and length of the `length` bytes written last.
    #[inline]
    pub(crate) fn header(&mut self, tag: u8, length: usize) {
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => self.bytes(&[tag, short]),
            _ => self.long_header(tag, length),
        }
    }

    fn long_header(&mut self, tag: u8, length: usize) {
        let wide = length.to_be_bytes();
        let zeros = wide.iter().take_while(|byte| **byte == 0).count();
        let significant = wide.get(zeros..).unwrap_or_default();
        self.bytes(significant);
        let count = u8::try_from(significant.len()).unwrap_or(0);
        self.bytes(&[tag, 0x80 | count]);
    }

    /// A tagged primitive.
    pub(crate) fn primitive(&mut self, tag: u8, contents: &[u8]) {
        self.bytes(contents);
        self.header(tag, contents.len());
    }

    /// INTEGER, in as few bytes as it needs.
    pub(crate) fn integer(&mut self, value: i64) {
        let wide = value.to_be_bytes();
        let mut rest: &[u8] = &wide;
        while let [first, tail @ ..] = rest {
            let redundant = match tail.first() {
                Some(second) => {
                    (*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80)
                }
                None => false,
            };
            if !redundant {
                break;
            }
            rest = tail;
        }
        self.primitive(tag::INTEGER, rest);
    }

    #[inline]
    fn room(&mut self, length: usize) -> Option<&mut [u8]> {
        if self.at < length {
            self.grow(length);
        }
        let end = self.at;
        self.at = self.at.checked_sub(length)?;
        self.buffer.get_mut(self.at..end)
    }

    /// What stood in the old buffer may be in the clear still.
    #[cold]
    fn grow(&mut self, length: usize) {
        let more = length.max(self.buffer.len());
        let mut larger = vec![0; more];
        larger.extend_from_slice(&self.buffer);
        self.at = self.at.saturating_add(more);
        std::mem::replace(&mut self.buffer, larger).zeroize();
    }
}

#[cfg(test)]
mod tests {
    use der::{Decode, Encode};

    use super::*;

    #[test]
    fn integers_are_as_der_wants_them() {
        for value in [
            0,
            1,
            127,
            128,
            255,
            256,
            -1,
            -128,
            -129,
            i64::from(u32::MAX),
            i64::MIN,
        ] {
            let mut writer = Backwards::new();
            writer.integer(value);
            assert_eq!(writer.finish(), value.to_der().unwrap(), "{value}");
        }
    }

    #[test]
    fn lengths_of_every_form_nest() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let mut writer = Backwards::new();
            writer.tagged(tag::SEQUENCE, |writer| {
                writer.primitive(tag::OCTET_STRING, &vec![7; length]);
            });
            let bytes = writer.finish();
            let outer = der::AnyRef::from_der(&bytes).unwrap();
            let inner = der::AnyRef::from_der(outer.value()).unwrap();
            assert_eq!(inner.value().len(), length);
        }
    }
}
