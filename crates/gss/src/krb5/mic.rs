//! MIC tokens (RFC 4121 4.2.6.1): a proof that travels beside its message.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::token_header::{HEADER, Kind, TokenHeader};
use crate::{Context, GssError, Order};

impl Context {
    /// A token that proves `message`, which travels beside it.
    pub fn get_mic(&mut self, message: &[u8]) -> Vec<u8> {
        self.get_mic_of_parts(&[message])
    }

    /// A token that proves a message in several pieces.
    pub fn get_mic_of_parts(&mut self, message: &[&[u8]]) -> Vec<u8> {
        let header = self.next_header(Kind::Mic, false).to_bytes();
        let (key, usage) = self.send_key(Kind::Mic);
        let length = key.enctype().checksum_type().length();
        let mut token = Vec::with_capacity(HEADER.saturating_add(length));
        token.extend_from_slice(&header);
        with_header(message, &header, |parts| {
            key.checksum_parts_into(usage, parts, &mut token);
        });
        self.count_sent();
        token
    }

    /// Checks a token that came beside `message`.
    ///
    /// # Errors
    /// [`GssError::BadMic`] when the message was changed, [`GssError::Reflected`] when the token
    /// was made here, [`GssError::DefectiveToken`] when it is none.
    pub fn verify_mic(&mut self, message: &[u8], token: &[u8]) -> Result<Order, GssError> {
        self.verify_mic_of_parts(&[message], token)
    }

    /// Checks a token that came beside a message in several pieces.
    ///
    /// # Errors
    /// As [`Context::verify_mic`].
    pub fn verify_mic_of_parts(
        &mut self,
        message: &[&[u8]],
        token: &[u8],
    ) -> Result<Order, GssError> {
        let header = TokenHeader::parse(Kind::Mic, token)?;
        let (key, usage) = self.receive_key(&header)?;
        let Some((header_bytes, mac)) = token.split_at_checked(HEADER) else {
            return Err(GssError::BadMic(Kind::Mic.words()));
        };
        with_header(message, header_bytes, |parts| {
            key.verify_checksum_parts(usage, parts, mac)
        })
        .map_err(|_| GssError::BadMic(Kind::Mic.words()))?;
        Ok(self.window.note(header.sequence))
    }
}

/// The message and the header after it, without an allocation when the message is in one piece.
pub(super) fn with_header<T>(
    message: &[&[u8]],
    header: &[u8],
    work: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    match message {
        [whole] => work(&[whole, header]),
        pieces => {
            let mut parts = pieces.to_vec();
            parts.push(header);
            work(&parts)
        }
    }
}
