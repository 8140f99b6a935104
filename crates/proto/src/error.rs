//! What may be wrong with a message, and the protocol code that says so to the other side.

use kerbstone_crypto::CryptoError;

use crate::error_code::ErrorCode;
use crate::time::KerberosTime;

/// Why a message was not understood or not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtoError {
    /// The bytes are not the DER of that message: they were cut, changed, or are another message.
    #[error("malformed {what}: {source}")]
    Malformed {
        /// The name of the ASN.1 type that was expected.
        what: &'static str,
        /// Where and how the encoding fails.
        source: der::Error,
    },
    /// The message is longer than any that we take.
    #[error("{what} of {length} bytes is too long")]
    TooLong {
        /// The name of the ASN.1 type that was expected.
        what: &'static str,
        /// Bytes that came.
        length: usize,
    },
    /// A framed message is shorter than its header says, or its lengths contradict each other.
    #[error("malformed {what}: its lengths do not fit together")]
    Framing {
        /// The name of the framed message.
        what: &'static str,
    },
    /// The protocol version of a framed message is not one that we speak.
    #[error("unknown protocol version {0:#06x}")]
    Version(u16),
    /// The other side encrypted with something else than this key: its password or keytab is
    /// not the one we know, or somebody changed the bytes.
    #[error("decrypt integrity check failed")]
    BadIntegrity,
    /// A checksum does not fit the message: it was changed on the way.
    #[error("message stream modified")]
    Modified,
    /// The checksum is of a type that does not protect the message, or it is missing.
    #[error("inappropriate or missing checksum")]
    InappropriateChecksum,
    /// An encryption type that we do not have, or that does not fit the key.
    #[error("encryption type {0} is not supported")]
    Enctype(i32),
    /// The other side's clock differs by more than the skew allowed: synchronize the clocks.
    #[error("clock skew too great: their clock says {theirs}, ours {ours}")]
    Skew {
        /// The time in their message.
        theirs: KerberosTime,
        /// The time here.
        ours: KerberosTime,
    },
    /// The ticket is no longer valid: get a new one.
    #[error("ticket expired at {0}")]
    TicketExpired(KerberosTime),
    /// The ticket is valid from a later time only, or is postdated and was not validated.
    #[error("ticket not yet valid (from {0})")]
    TicketNotYetValid(KerberosTime),
    /// The ticket has the flag INVALID: it was postdated and must be validated first.
    #[error("ticket has its invalid flag set")]
    TicketInvalid,
    /// The ticket is for another server.
    #[error("the ticket isn't for us")]
    NotUs,
    /// The name in the authenticator is not the one in the ticket.
    #[error("ticket and authenticator do not match")]
    BadMatch,
    /// The message does not come from an address that its ticket or its body names.
    #[error("incorrect net address")]
    BadAddress,
    /// The ticket is encrypted with a key version that the server does not have: renew the keytab.
    #[error("key version {0} is not available")]
    BadKeyVersion(u32),
    /// The server has no key for the ticket's server name.
    #[error("service key not available")]
    NoKey,
    /// The same request came before.
    #[error("request is a replay")]
    Replay,
    /// A sequence number or timestamp that is needed here is missing, or not the one expected.
    #[error("message out of order")]
    BadOrder,
    /// The server's answer does not prove that it read the request.
    #[error("mutual authentication failed")]
    MutualFailed,
    /// Fields of a message contradict what the caller asked for.
    #[error("{0}")]
    Mismatch(&'static str),
    /// A key cannot be used.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl ProtoError {
    /// The code of the KRB-ERROR that tells the other side.
    pub const fn krb_code(&self) -> ErrorCode {
        match self {
            Self::Malformed { .. } | Self::Framing { .. } | Self::Crypto(_) => {
                ErrorCode::KRB_ERR_GENERIC
            }
            Self::TooLong { .. } => ErrorCode::KRB_ERR_FIELD_TOOLONG,
            Self::Version(_) => ErrorCode::KRB_AP_ERR_BADVERSION,
            Self::BadIntegrity => ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            Self::Modified => ErrorCode::KRB_AP_ERR_MODIFIED,
            Self::InappropriateChecksum => ErrorCode::KRB_AP_ERR_INAPP_CKSUM,
            Self::Enctype(_) => ErrorCode::KDC_ERR_ETYPE_NOSUPP,
            Self::Skew { .. } => ErrorCode::KRB_AP_ERR_SKEW,
            Self::TicketExpired(_) => ErrorCode::KRB_AP_ERR_TKT_EXPIRED,
            Self::TicketNotYetValid(_) | Self::TicketInvalid => ErrorCode::KRB_AP_ERR_TKT_NYV,
            Self::NotUs => ErrorCode::KRB_AP_ERR_NOT_US,
            Self::BadMatch | Self::Mismatch(_) => ErrorCode::KRB_AP_ERR_BADMATCH,
            Self::BadAddress => ErrorCode::KRB_AP_ERR_BADADDR,
            Self::BadKeyVersion(_) => ErrorCode::KRB_AP_ERR_BADKEYVER,
            Self::NoKey => ErrorCode::KRB_AP_ERR_NOKEY,
            Self::Replay => ErrorCode::KRB_AP_ERR_REPEAT,
            Self::BadOrder => ErrorCode::KRB_AP_ERR_BADORDER,
            Self::MutualFailed => ErrorCode::KRB_AP_ERR_MUT_FAIL,
        }
    }
}
