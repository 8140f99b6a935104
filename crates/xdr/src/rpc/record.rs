use thiserror::Error;

use crate::error::XdrError;
use crate::opaque::Opaque;
use crate::writer::Writer;

/// The longest message that is sent or read.
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// The bytes before a record: its length, and whether it is the message's last.
pub const RECORD_MARK: usize = 4;

const LAST_FRAGMENT: u32 = 1 << 31;

/// Why a record is not read: the stream cannot be believed from here on, and is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// The message comes in several fragments. Nobody sends those over a unix socket.
    #[error("a message in several fragments")]
    Fragments,
    /// The message is longer than [`MAX_MESSAGE`].
    #[error("a message of {0} bytes, where at most {MAX_MESSAGE} are read")]
    TooLong(usize),
}

/// The length of the message behind this mark.
///
/// # Errors
/// [`RecordFault`]: close the stream.
pub fn record_length(mark: [u8; RECORD_MARK]) -> Result<usize, RecordFault> {
    let mark = u32::from_be_bytes(mark);
    if mark & LAST_FRAGMENT == 0 {
        return Err(RecordFault::Fragments);
    }
    let length = usize::try_from(mark & !LAST_FRAGMENT).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE {
        return Err(RecordFault::TooLong(length));
    }
    Ok(length)
}

/// A writer with room for the mark, which [`finish_record`] writes.
pub(super) fn begin_record() -> Writer {
    let mut out = Writer::new(RECORD_MARK.saturating_add(MAX_MESSAGE));
    out.u32(0);
    out
}

/// The whole record: the mark and the message behind it.
///
/// # Errors
/// [`XdrError::OverLimit`]: the message is longer than [`MAX_MESSAGE`].
pub fn finish_record(mut out: Writer) -> Result<Opaque, XdrError> {
    let length = out.position().saturating_sub(RECORD_MARK);
    let mark = u32::try_from(length).unwrap_or(u32::MAX) | LAST_FRAGMENT;
    out.replace_front(mark.to_be_bytes());
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_length_of_a_last_fragment_only() {
        assert_eq!(record_length([0x80, 0, 0, 40]), Ok(40));
        assert_eq!(record_length([0x80, 0, 0, 0]), Ok(0));
        assert_eq!(record_length([0, 0, 0, 40]), Err(RecordFault::Fragments));
    }

    #[test]
    fn takes_a_mebibyte_and_no_byte_more() {
        assert_eq!(record_length([0x80, 0x10, 0, 0]), Ok(MAX_MESSAGE));
        assert_eq!(
            record_length([0x80, 0x10, 0, 1]),
            Err(RecordFault::TooLong(MAX_MESSAGE + 1))
        );
        assert_eq!(
            record_length([0xff; 4]),
            Err(RecordFault::TooLong(0x7fff_ffff))
        );
    }

    #[test]
    fn writes_a_mebibyte_and_no_byte_more() {
        let mut out = begin_record();
        out.opaque(&vec![1; MAX_MESSAGE - 4]);
        let record = finish_record(out).unwrap();
        assert_eq!(
            record_length(record[..4].try_into().unwrap()),
            Ok(MAX_MESSAGE)
        );

        let mut out = begin_record();
        out.opaque(&vec![1; MAX_MESSAGE]);
        assert!(matches!(
            finish_record(out),
            Err(XdrError::OverLimit { .. })
        ));
    }
}
