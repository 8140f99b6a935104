//! The sixteen bytes before every per-message token (RFC 4121 4.2.6).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::{Key, KeyUsage};

use crate::{Context, GssError};

/// The header's length.
pub(crate) const HEADER: usize = 16;

/// The sender is the acceptor.
pub(crate) const SENT_BY_ACCEPTOR: u8 = 1;
/// The message is encrypted.
pub(crate) const SEALED: u8 = 2;
/// The key is the acceptor's.
pub(crate) const ACCEPTOR_SUBKEY: u8 = 4;

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mic,
    Wrap,
}

impl Kind {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Mic => "MIC token",
            Self::Wrap => "wrap token",
        }
    }

    const fn id(self) -> [u8; 2] {
        match self {
            Self::Mic => [4, 4],
            Self::Wrap => [5, 4],
        }
    }

    /// The key usage for what the initiator or the acceptor sends.
    const fn usage(self, by_initiator: bool) -> KeyUsage {
        match (self, by_initiator) {
            (Self::Mic, true) => KeyUsage::GSS_INITIATOR_SIGN,
            (Self::Mic, false) => KeyUsage::GSS_ACCEPTOR_SIGN,
            (Self::Wrap, true) => KeyUsage::GSS_INITIATOR_SEAL,
            (Self::Wrap, false) => KeyUsage::GSS_ACCEPTOR_SEAL,
        }
    }
}

/// A header. EC and RRC mean nothing in a MIC token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenHeader {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    /// Padding before the encrypted copy of the header, or the checksum's length.
    pub(crate) extra_count: u16,
    /// By how much what follows was rotated to the right.
    pub(crate) right_rotation: u16,
    pub(crate) sequence: u64,
}

impl TokenHeader {
    pub(crate) const fn is_sealed(&self) -> bool {
        self.flags & SEALED != 0
    }

    /// With EC and RRC as in a token that is checksummed or encrypted.
    pub(crate) const fn with_counts(self, extra_count: u16, right_rotation: u16) -> Self {
        Self {
            extra_count,
            right_rotation,
            ..self
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let [id0, id1] = self.kind.id();
        let [e0, e1, r0, r1] = match self.kind {
            Kind::Mic => [0xff; 4],
            Kind::Wrap => {
                let [e0, e1] = self.extra_count.to_be_bytes();
                let [r0, r1] = self.right_rotation.to_be_bytes();
                [e0, e1, r0, r1]
            }
        };
        let [s0, s1, s2, s3, s4, s5, s6, s7] = self.sequence.to_be_bytes();
        [
            id0, id1, self.flags, 0xff, e0, e1, r0, r1, s0, s1, s2, s3, s4, s5, s6, s7,
        ]
    }

    /// Reads the header of a token of the kind that is expected.
    pub(crate) fn parse(kind: Kind, token: &[u8]) -> Result<Self, GssError> {
        let what = kind.words();
        let defective = |why| GssError::DefectiveToken { what, why };
        let header: &[u8; HEADER] = token
            .first_chunk()
            .ok_or_else(|| defective("it is shorter than its header"))?;
        let [id0, id1, flags, filler, e0, e1, r0, r1, sequence @ ..] = *header;
        if [id0, id1] != kind.id() {
            return Err(defective(match [id0, id1] {
                [4, 4] => "it is a MIC token",
                [5, 4] => "it is a wrap token",
                [1, 1] | [2, 1] => {
                    "it is of the old kind (RFC 1964), which contexts with today's keys do not have"
                }
                _ => "it begins with none of the marks of such tokens",
            }));
        }
        if filler != 0xff || (kind == Kind::Mic && [e0, e1, r0, r1] != [0xff; 4]) {
            return Err(defective("its filler bytes are not 0xff"));
        }
        Ok(Self {
            kind,
            flags,
            extra_count: u16::from_be_bytes([e0, e1]),
            right_rotation: u16::from_be_bytes([r0, r1]),
            sequence: u64::from_be_bytes(sequence),
        })
    }
}

impl Context {
    /// The header of the next token to send; EC and RRC are 0.
    pub(crate) fn next_header(&self, kind: Kind, sealed: bool) -> TokenHeader {
        let mut flags = 0;
        if !self.is_initiator {
            flags |= SENT_BY_ACCEPTOR;
        }
        if sealed {
            flags |= SEALED;
        }
        if self.acceptor_subkey.is_some() {
            flags |= ACCEPTOR_SUBKEY;
        }
        TokenHeader {
            kind,
            flags,
            extra_count: 0,
            right_rotation: 0,
            sequence: self.send_sequence,
        }
    }

    /// Notes that a token goes out.
    pub(crate) const fn count_sent(&mut self) {
        self.send_sequence = self.send_sequence.wrapping_add(1);
    }

    /// What outgoing tokens are protected with.
    pub(crate) fn send_key(&self, kind: Kind) -> (&Key, KeyUsage) {
        (self.session_key(), kind.usage(self.is_initiator))
    }

    /// What an incoming token is protected with; refuses tokens of this side.
    pub(crate) fn receive_key(&self, header: &TokenHeader) -> Result<(&Key, KeyUsage), GssError> {
        let by_acceptor = header.flags & SENT_BY_ACCEPTOR != 0;
        if by_acceptor != self.is_initiator {
            return Err(GssError::Reflected(header.kind.words()));
        }
        let key = match &self.acceptor_subkey {
            Some(key) if header.flags & ACCEPTOR_SUBKEY != 0 => key,
            _ => &self.subkey,
        };
        Ok((key, header.kind.usage(!self.is_initiator)))
    }
}
