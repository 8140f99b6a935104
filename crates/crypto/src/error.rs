//! What can go wrong.

use thiserror::Error;

use crate::{ChecksumType, Enctype};

/// Why a cryptographic operation was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The enctype is known but this build computes nothing with it. Give the principal a key of
    /// a newer enctype, or build with the cargo feature `legacy` to import old keys.
    #[error("{0} is a legacy enctype, and this build does not include it")]
    LegacyDisabled(Enctype),

    /// A key does not have the length its enctype prescribes: a damaged keytab, dump or message.
    #[error("a key of {enctype} has {expected} bytes, not {actual}")]
    KeyLength {
        /// The enctype the key was said to have.
        enctype: Enctype,
        /// The only length allowed.
        expected: usize,
        /// The length given.
        actual: usize,
    },

    /// The ciphertext is shorter than the shortest message of its enctype, or not a whole number
    /// of blocks: it was cut off or is not of this enctype.
    #[error("{actual} bytes cannot be a message of {enctype}")]
    CiphertextLength {
        /// The enctype of the key.
        enctype: Enctype,
        /// The length given.
        actual: usize,
    },

    /// The buffer of an in-place encryption has no room for confounder and checksum.
    #[error("a buffer of {actual} bytes does not fit a message of {enctype}")]
    BufferLength {
        /// The enctype of the key.
        enctype: Enctype,
        /// The length given.
        actual: usize,
    },

    /// A message that lies in several places, of an enctype that is too old for it.
    #[error("messages of {0} cannot be protected in parts")]
    Scattered(Enctype),

    /// The message was altered, or was protected with another key or for another usage. With a
    /// key made from a password: the password is wrong.
    #[error("integrity check failed: altered message, or not this key")]
    Integrity,

    /// The checksum is of a type that this key does not make.
    #[error("checksum type {actual} does not belong to a key that makes {expected}")]
    ChecksumType {
        /// The type this key makes.
        expected: ChecksumType,
        /// The type named by the message.
        actual: ChecksumType,
    },

    /// The string-to-key parameters ask for more iterations than the caller allows, or for so few
    /// that passwords would be cheap to guess. Whoever set the password chose the count, or
    /// someone forged the KDC's answer.
    #[error("string-to-key with {count} iterations refused: allowed are {least} to {most}")]
    IterationCount {
        /// The count asked for; 2^32 is written as zero on the wire (RFC 3962 4).
        count: u64,
        /// The smallest count allowed.
        least: u32,
        /// The largest count allowed.
        most: u32,
    },

    /// The string-to-key parameters are not those of the enctype.
    #[error("{length} bytes are not string-to-key parameters of {enctype}")]
    StringToKeyParameters {
        /// The enctype.
        enctype: Enctype,
        /// The length of the parameters given.
        length: usize,
    },

    /// rc4-hmac makes keys only from passwords that are UTF-8.
    #[error("the password is not UTF-8, which rc4-hmac requires")]
    PasswordEncoding,

    /// More pseudo-random output was asked for than 255 blocks of it.
    #[error("PRF+ gives at most {limit} bytes, not {length}")]
    PrfLength {
        /// The length asked for.
        length: usize,
        /// The greatest length this key can give.
        limit: usize,
    },
}

impl CryptoError {
    /// The Kerberos error code (RFC 4120 7.5.9) that tells a peer of this error.
    pub const fn krb_code(&self) -> i32 {
        const KDC_ERR_ETYPE_NOSUPP: i32 = 14;
        const KRB_AP_ERR_BAD_INTEGRITY: i32 = 31;
        const KRB_AP_ERR_INAPP_CKSUM: i32 = 50;
        const KRB_ERR_GENERIC: i32 = 60;
        match self {
            Self::LegacyDisabled(_) => KDC_ERR_ETYPE_NOSUPP,
            Self::CiphertextLength { .. } | Self::Integrity => KRB_AP_ERR_BAD_INTEGRITY,
            Self::ChecksumType { .. } => KRB_AP_ERR_INAPP_CKSUM,
            _ => KRB_ERR_GENERIC,
        }
    }
}
