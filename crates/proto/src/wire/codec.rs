//! From bytes to a message and back.

use der::asn1::{Application, ApplicationRef, ContextSpecific, ContextSpecificRef};
use der::{Decode, Encode, EncodeValue, Error, ErrorKind, Tag, TagMode, TagNumber, Tagged};

use crate::error::ProtoError;

/// A message longer than this is refused before it is read.
pub const MAX_MESSAGE_LENGTH: usize = 16 << 20;

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
