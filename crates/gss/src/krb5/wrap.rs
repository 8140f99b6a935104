//! Wrap tokens (RFC 4121 4.2.6.2): a message, protected.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::ops::Range;

use rand_core::CryptoRng;

use super::token_header::{HEADER, Kind, TokenHeader};
use crate::{Context, GssError, GssFlags, Unwrapped, UnwrappedInPlace};

const WHAT: &str = Kind::Wrap.words();

impl Context {
    /// A wrap token with `message` in it, encrypted if `confidential`.
    pub fn wrap(&mut self, confidential: bool, message: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut token = Vec::new();
        self.wrap_into(confidential, message, rng, &mut token);
        token
    }

    /// Appends a wrap token with `message` in it to `output`: for callers that keep a buffer.
    pub fn wrap_into(
        &mut self,
        confidential: bool,
        message: &[u8],
        rng: &mut dyn CryptoRng,
        output: &mut Vec<u8>,
    ) {
        let start = output.len();
        if confidential {
            self.seal_into(message, rng, output);
        } else {
            self.sign_into(message, output);
        }
        debug_assert!(output.len() > start);
        self.count_sent();
    }

    fn seal_into(&self, message: &[u8], rng: &mut dyn CryptoRng, output: &mut Vec<u8>) {
        let header = self.next_header(Kind::Wrap, true).to_bytes();
        let (key, usage) = self.send_key(Kind::Wrap);
        let enctype = key.enctype();
        let plain = message.len().saturating_add(HEADER);
        output.reserve(HEADER.saturating_add(enctype.ciphertext_length(plain)));
        output.extend_from_slice(&header);
        let start = output.len();
        output.resize(start.saturating_add(enctype.header_length()), 0);
        output.extend_from_slice(message);
        output.extend_from_slice(&header);
        let end = output.len().saturating_add(enctype.trailer_length(plain));
        output.resize(end, 0);
        let sealed = output
            .get_mut(start..)
            .map(|body| key.encrypt_in_place(usage, body, rng));
        debug_assert!(matches!(sealed, Some(Ok(()))));
    }

    fn sign_into(&self, message: &[u8], output: &mut Vec<u8>) {
        let header = self.next_header(Kind::Wrap, false);
        let (key, usage) = self.send_key(Kind::Wrap);
        let length = key.enctype().checksum_type().length();
        output.reserve(HEADER.saturating_add(message.len()).saturating_add(length));
        let count = u16::try_from(length).unwrap_or(u16::MAX);
        output.extend_from_slice(&header.with_counts(count, 0).to_bytes());
        output.extend_from_slice(message);
        key.checksum_parts_into(usage, &[message, &header.to_bytes()], output);
    }

    /// The message in a wrap token.
    ///
    /// # Errors
    /// [`GssError::BadMic`] when it was changed, [`GssError::Reflected`] when it was made here,
    /// [`GssError::DefectiveToken`] when it is none.
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Unwrapped, GssError> {
        let mut message = token.to_vec();
        let UnwrappedInPlace {
            message: place,
            confidential,
            order,
        } = self.unwrap_in_place(&mut message)?;
        message.truncate(place.end);
        message.drain(..place.start);
        Ok(Unwrapped {
            message,
            confidential,
            order,
        })
    }

    /// Opens a wrap token where it lies, and says where in it the message is.
    ///
    /// # Errors
    /// As [`Context::unwrap`]; what lies in `token` then is of no use.
    pub fn unwrap_in_place(&mut self, token: &mut [u8]) -> Result<UnwrappedInPlace, GssError> {
        let header = TokenHeader::parse(Kind::Wrap, token)?;
        let body = token.get_mut(HEADER..).unwrap_or_default();
        undo_rotation(self.rotation(&header), body);
        let inside = if header.is_sealed() {
            self.open(&header, body)?
        } else {
            self.check(&header, body)?
        };
        Ok(UnwrappedInPlace {
            message: inside.start.saturating_add(HEADER)..inside.end.saturating_add(HEADER),
            confidential: header.is_sealed(),
            order: self.window.note(header.sequence),
        })
    }

    /// By how much the token is rotated. In DCE style Windows and Heimdal rotate by EC as well, and
    /// MIT has an EC of 0 here.
    fn rotation(&self, header: &TokenHeader) -> usize {
        let rotation = usize::from(header.right_rotation);
        if header.is_sealed() && self.flags.contains(GssFlags::DCE_STYLE) {
            rotation.saturating_add(usize::from(header.extra_count))
        } else {
            rotation
        }
    }

    fn open(&self, header: &TokenHeader, body: &mut [u8]) -> Result<Range<usize>, GssError> {
        let (key, usage) = self.receive_key(header)?;
        let inside = key
            .decrypt_in_place(usage, body)
            .map_err(|_| GssError::BadMic(WHAT))?;
        let plain = body.get(inside.clone()).unwrap_or_default();
        let extra = usize::from(header.extra_count);
        let message = plain
            .len()
            .checked_sub(HEADER)
            .and_then(|length| length.checked_sub(extra))
            .ok_or(GssError::DefectiveToken {
                what: WHAT,
                why: "its padding is longer than what is in it",
            })?;
        check_copy(header, plain)?;
        Ok(inside.start..inside.start.saturating_add(message))
    }

    fn check(&self, header: &TokenHeader, body: &[u8]) -> Result<Range<usize>, GssError> {
        let (key, usage) = self.receive_key(header)?;
        let length = usize::from(header.extra_count);
        let end = body
            .len()
            .checked_sub(length)
            .filter(|_| length == key.enctype().checksum_type().length())
            .ok_or(GssError::DefectiveToken {
                what: WHAT,
                why: "its checksum has not the length that the key's type has",
            })?;
        let (message, mac) = body.split_at_checked(end).unwrap_or_default();
        let signed = header.with_counts(0, 0).to_bytes();
        key.verify_checksum_parts(usage, &[message, &signed], mac)
            .map_err(|_| GssError::BadMic(WHAT))?;
        Ok(0..end)
    }

    /// The longest message whose wrap token is no longer than `limit`.
    pub fn wrap_size_limit(&self, confidential: bool, limit: usize) -> usize {
        let enctype = self.session_key().enctype();
        let overhead = if confidential {
            enctype.ciphertext_length(HEADER).saturating_add(HEADER)
        } else {
            HEADER.saturating_add(enctype.checksum_type().length())
        };
        limit.saturating_sub(overhead)
    }
}

/// What follows the header was rotated to the right by any amount.
fn undo_rotation(rotation: usize, body: &mut [u8]) {
    let rotation = rotation.checked_rem(body.len());
    if let Some(rotation) = rotation.filter(|rotation| *rotation > 0) {
        body.rotate_left(rotation);
    }
}

/// What was encrypted ends with the header; only its rotation may have been written later.
pub(super) fn check_copy(header: &TokenHeader, plain: &[u8]) -> Result<(), GssError> {
    let copy = plain
        .last_chunk::<HEADER>()
        .and_then(|copy| TokenHeader::parse(Kind::Wrap, copy).ok());
    if copy.map(|copy| copy.with_counts(copy.extra_count, header.right_rotation)) == Some(*header) {
        Ok(())
    } else {
        Err(GssError::BadMic(WHAT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_by_more_than_there_is_goes_round() {
        let mut body = *b"deabc";
        undo_rotation(7, &mut body);
        assert_eq!(&body, b"abcde");
        undo_rotation(7, &mut []);
    }
}
