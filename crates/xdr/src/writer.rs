use std::fmt;
use std::mem;

use crate::error::XdrError;
use crate::opaque::{Opaque, wipe};
use crate::reader::UNIT;

/// Room for most messages: one allocation is enough for them.
const FIRST_ROOM: usize = 4096;

/// Gathers a message in one buffer, up to a limit.
///
/// Writing cannot fail: what would go beyond the limit is dropped, and [`Writer::finish`] says so.
pub struct Writer {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl Writer {
    /// A writer that takes `limit` bytes at most.
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            over: false,
        }
    }

    /// How many bytes were written.
    pub const fn position(&self) -> usize {
        self.bytes.len()
    }

    /// What was written.
    ///
    /// # Errors
    /// [`XdrError::OverLimit`].
    pub fn finish(mut self) -> Result<Opaque, XdrError> {
        if self.over {
            return Err(XdrError::OverLimit { limit: self.limit });
        }
        Ok(Opaque::from(mem::take(&mut self.bytes)))
    }

    /// An `unsigned int`.
    pub fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    /// An `int`.
    pub fn i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    /// An `unsigned hyper`.
    pub fn u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// A `hyper`.
    pub fn i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    /// A `bool`.
    pub fn bool(&mut self, value: bool) {
        self.u32(value.into());
    }

    /// An `opaque<>`.
    pub fn opaque(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.put(bytes);
        self.put(match bytes.len() % UNIT {
            1 => &[0; 3],
            2 => &[0; 2],
            3 => &[0; 1],
            _ => &[],
        });
    }

    /// The count before an array's elements.
    pub fn count(&mut self, count: usize) {
        match u32::try_from(count) {
            Ok(count) => self.u32(count),
            Err(_) => self.over = true,
        }
    }

    /// Replaces the first bytes by these, which were kept free for them.
    pub(crate) fn replace_front<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(front) = self.bytes.first_chunk_mut() {
            *front = bytes;
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let after = self.bytes.len().saturating_add(bytes.len());
        if self.over || after > self.limit {
            self.over = true;
            return;
        }
        if after > self.bytes.capacity() {
            self.grow(after);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Moves to a larger buffer and wipes the old one, which a `Vec` that grows would not.
    #[cold]
    fn grow(&mut self, least: usize) {
        let room = self.bytes.capacity().saturating_mul(2);
        let mut larger = Vec::with_capacity(least.max(room).max(FIRST_ROOM));
        larger.extend_from_slice(&self.bytes);
        wipe(&mut self.bytes);
        self.bytes = larger;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("position", &self.position())
            .field("limit", &self.limit)
            .field("over", &self.over)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_its_limit_and_says_so() {
        let mut writer = Writer::new(8);
        writer.u32(1);
        writer.u64(2);
        writer.u32(3);
        assert_eq!(writer.position(), 4);
        assert_eq!(writer.finish(), Err(XdrError::OverLimit { limit: 8 }));
    }

    #[test]
    fn keeps_what_was_written_while_it_grows() {
        let mut writer = Writer::new(1 << 20);
        let long = vec![7; 10_000];
        writer.u32(5);
        writer.opaque(&long);
        writer.opaque(&long);
        let bytes = writer.finish().unwrap();
        assert_eq!(bytes.len(), 4 + 2 * (4 + 10_000));
        assert_eq!(bytes[..4], [0, 0, 0, 5]);
        assert_eq!(bytes[10_008..10_012], 10_000u32.to_be_bytes());
    }
}
