//! The tokens that establish a context: a frame, a mark of two bytes, a Kerberos message
//! (RFC 4121 4.1).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::framing::{FRAME_TAG, check_size, frame, unframe};
use crate::{GssError, Oid};

/// The tag of an AP-REQ without a frame, as DCE style has it.
pub(crate) const AP_REQ_TAG: u8 = 0x6e;
/// The tag of an AP-REP without a frame.
const AP_REP_TAG: u8 = 0x6f;
/// The tag of a KRB-ERROR without a frame.
const KRB_ERROR_TAG: u8 = 0x7e;

/// What stands in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    ApReq,
    ApRep,
    Error,
    /// The initiator asks for the acceptor's ticket-granting ticket.
    TgtRequest,
    /// Here it is.
    TgtReply,
}

impl Mark {
    const fn bytes(self) -> [u8; 2] {
        match self {
            Self::ApReq => [1, 0],
            Self::ApRep => [2, 0],
            Self::Error => [3, 0],
            Self::TgtRequest => [4, 0],
            Self::TgtReply => [4, 1],
        }
    }

    const fn from_bytes(bytes: [u8; 2]) -> Option<Self> {
        Some(match bytes {
            [1, 0] => Self::ApReq,
            [2, 0] => Self::ApRep,
            [3, 0] => Self::Error,
            [4, 0] => Self::TgtRequest,
            [4, 1] => Self::TgtReply,
            _ => return None,
        })
    }
}

/// A token taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    /// The mechanism in the frame; a token of DCE style has none.
    pub(crate) mech: Option<Oid>,
    pub(crate) mark: Mark,
    pub(crate) message: &'a [u8],
}

/// Makes a token of a message.
pub(crate) fn write(mech: &Oid, mark: Mark, message: &[u8]) -> Vec<u8> {
    frame(mech, &[&mark.bytes(), message])
}

/// Takes a token apart.
pub(crate) fn read(token: &[u8]) -> Result<Token<'_>, GssError> {
    check_size(token)?;
    let bare = |mark| Token {
        mech: None,
        mark,
        message: token,
    };
    match token.first() {
        Some(&AP_REQ_TAG) => return Ok(bare(Mark::ApReq)),
        Some(&AP_REP_TAG) => return Ok(bare(Mark::ApRep)),
        Some(&KRB_ERROR_TAG) => return Ok(bare(Mark::Error)),
        Some(&FRAME_TAG) => {}
        _ => return Err(stranger(token)),
    }
    let framed = unframe(token)?;
    if !framed.mech.is_krb5() && framed.mech != Oid::KRB5_USER_TO_USER {
        return Err(GssError::Mechanism(framed.mech));
    }
    let (mark, message) = framed
        .inner
        .split_first_chunk()
        .and_then(|(mark, message)| Some((Mark::from_bytes(*mark)?, message)))
        .ok_or(GssError::DefectiveToken {
            what: "Kerberos token",
            why: "it has none of the marks of such tokens",
        })?;
    Ok(Token {
        mech: Some(framed.mech),
        mark,
        message,
    })
}

/// What can be said of bytes that are nothing of ours.
fn stranger(token: &[u8]) -> GssError {
    let why = if token.is_empty() {
        "it is empty"
    } else if token.starts_with(b"NTLMSSP\0") {
        "it is NTLM, which is not spoken here: the other side has no Kerberos ticket for this service"
    } else if matches!(token, [0x04 | 0x05, 0x04, ..]) {
        "it is a message of an established context"
    } else {
        "it has no frame that names a mechanism"
    };
    GssError::DefectiveToken {
        what: "Kerberos token",
        why,
    }
}
