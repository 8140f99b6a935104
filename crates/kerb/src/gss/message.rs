//! The messages of MIT's sample programs: a byte that says what it is, a length of four bytes, a token.

use std::io::{self, Read, Write};

/// The longest that is read.
const LIMIT: u32 = 16 << 20;

/// What a message is, as bits of its first byte. In the old form of the protocol there is no such byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u8);

impl Mark {
    /// The old form.
    pub(super) const OLD: Self = Self(0);
    /// Nothing, or the end.
    pub(super) const NOOP: Self = Self(1);
    /// A token of establishment.
    pub(super) const CONTEXT: Self = Self(2);
    /// Something said.
    pub(super) const DATA: Self = Self(4);
    /// The proof of something said.
    pub(super) const MIC: Self = Self(8);
    /// A context follows.
    pub(super) const CONTEXT_NEXT: Self = Self(16);
    /// It is wrapped.
    pub(super) const WRAPPED: Self = Self(32);
    /// It is encrypted.
    pub(super) const ENCRYPTED: Self = Self(64);
    /// The answer shall be a MIC.
    pub(super) const SEND_MIC: Self = Self(128);

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With another bit, if it is to be.
    #[must_use]
    pub(super) const fn with(self, other: Self, wanted: bool) -> Self {
        Self(self.0 | if wanted { other.0 } else { 0 })
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) mark: Mark,
    pub(super) token: Vec<u8>,
}

pub(super) fn send(to: &mut impl Write, mark: Mark, token: &[u8]) -> io::Result<()> {
    let length = u32::try_from(token.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(token.len().saturating_add(5));
    if mark != Mark::OLD {
        bytes.push(mark.0);
    }
    bytes.extend(length.to_be_bytes());
    bytes.extend_from_slice(token);
    to.write_all(&bytes)?;
    to.flush()
}

/// The next message; nothing when the other side has ended.
pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut mark = [0; 1];
    if from.read(&mut mark)? == 0 {
        return Ok(None);
    }
    // Lengths of the old form are below 16 MiB, so that their first byte is 0.
    let mut length = [0; 4];
    match mark {
        [0] => from.read_exact(&mut length[1..])?,
        _ => from.read_exact(&mut length)?,
    }
    let length = u32::from_be_bytes(length);
    if length > LIMIT {
        let why = format!("a message of {length} bytes is announced, {LIMIT} are the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut token = Vec::new();
    from.take(length.into()).read_to_end(&mut token)?;
    if token.len() as u64 != u64::from(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mark = Mark(mark[0]);
    Ok(Some(Message { mark, token }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_either_form_are_read_as_they_were_written() {
        let mut bytes = Vec::new();
        let wrapped = Mark::DATA
            .with(Mark::WRAPPED, true)
            .with(Mark::SEND_MIC, false);
        for mark in [Mark::NOOP, wrapped, Mark::OLD] {
            send(&mut bytes, mark, b"token").unwrap();
        }
        let mut from = &bytes[..];
        for mark in [Mark::NOOP, wrapped, Mark::OLD] {
            let token = b"token".to_vec();
            assert_eq!(receive(&mut from).unwrap(), Some(Message { mark, token }));
        }
        assert_eq!(receive(&mut from).unwrap(), None);
    }

    #[test]
    fn a_length_that_lies_costs_nothing() {
        assert!(receive(&mut &b"\x02\xff\xff\xff\xff"[..]).is_err());
        assert!(receive(&mut &b"\x02\x00\x00\x00\x05abc"[..]).is_err());
        assert!(receive(&mut &b"\x02\x00"[..]).is_err());
    }
}
