//! Keys from passwords.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use hmac::digest::{FixedOutput, Update};
use hmac::{Hmac, KeyInit};
use pbkdf2::pbkdf2;
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use crate::aes_sha1::{Aes128Sha1, Aes256Sha1};
use crate::aes_sha2::{Aes128Sha256, Aes256Sha384};
use crate::camellia_cmac::{Camellia128Cmac, Camellia256Cmac};
use crate::profile::Profile;
use crate::{CryptoError, Enctype};
#[cfg(feature = "legacy")]
use crate::{des3_sha1, rc4_hmac};

/// How many iterations string-to-key may be asked for.
///
/// The count comes from the network (ETYPE-INFO2) before anything is authenticated, so whoever
/// answers in a KDC's place chooses it: a huge one keeps a client computing, a tiny one makes the
/// reply cheap to guess passwords from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IterationLimit {
    at_most: u32,
    weak: bool,
}

impl IterationLimit {
    /// What MIT's library allows, so that no principal that signs in with MIT's kinit is refused
    /// here: from the enctype's default count (4096, or 32768 with SHA-2 and Camellia) up to 2^24.
    /// A key takes one to twenty milliseconds at the default, some ten seconds at the top.
    pub const DEFAULT: Self = Self::at_most(0x0100_0000);

    /// From the enctype's default count up to `count`.
    pub const fn at_most(count: u32) -> Self {
        Self {
            at_most: count,
            weak: false,
        }
    }

    /// Also allows fewer iterations than the enctype's default, for parameters that come from a
    /// store or a file of our own.
    pub const fn or_weak(self) -> Self {
        Self { weak: true, ..self }
    }
}

impl Default for IterationLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The bytes of the key of `enctype` that a password makes.
pub(crate) fn string_to_key(
    enctype: Enctype,
    password: &[u8],
    salt: &[u8],
    params: Option<&[u8]>,
    limit: IterationLimit,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let count = || iteration_count(enctype, params, limit);
    // RFC 6803 4 and RFC 8009 4 put the enctype's name before the salt, RFC 3962 does not.
    let named = || [enctype.name().as_bytes(), &[0], salt].concat();
    match enctype {
        Enctype::Aes128CtsHmacSha1_96 => {
            stretch::<Aes128Sha1, Hmac<Sha1>>(enctype, password, salt, count()?)
        }
        Enctype::Aes256CtsHmacSha1_96 => {
            stretch::<Aes256Sha1, Hmac<Sha1>>(enctype, password, salt, count()?)
        }
        Enctype::Aes128CtsHmacSha256_128 => {
            stretch::<Aes128Sha256, Hmac<Sha256>>(enctype, password, &named(), count()?)
        }
        Enctype::Aes256CtsHmacSha384_192 => {
            stretch::<Aes256Sha384, Hmac<Sha384>>(enctype, password, &named(), count()?)
        }
        Enctype::Camellia128CtsCmac => {
            stretch::<Camellia128Cmac, Hmac<Sha1>>(enctype, password, &named(), count()?)
        }
        Enctype::Camellia256CtsCmac => {
            stretch::<Camellia256Cmac, Hmac<Sha1>>(enctype, password, &named(), count()?)
        }
        #[cfg(feature = "legacy")]
        Enctype::Des3CbcSha1 | Enctype::Rc4Hmac
            if params.is_some_and(|params| !params.is_empty()) =>
        {
            let length = params.map_or(0, <[u8]>::len);
            Err(CryptoError::StringToKeyParameters { enctype, length })
        }
        #[cfg(feature = "legacy")]
        Enctype::Des3CbcSha1 => Ok(des3_sha1::string_to_key(password, salt)),
        #[cfg(feature = "legacy")]
        Enctype::Rc4Hmac => rc4_hmac::string_to_key(password),
        #[cfg(not(feature = "legacy"))]
        Enctype::Des3CbcSha1 | Enctype::Rc4Hmac => Err(CryptoError::LegacyDisabled(enctype)),
    }
}

/// The iteration count that `params` ask for: four bytes, zero meaning 2^32 (RFC 3962 4).
fn iteration_count(
    enctype: Enctype,
    params: Option<&[u8]>,
    limit: IterationLimit,
) -> Result<u32, CryptoError> {
    let default = default_iterations(enctype);
    let Some(params) = params else {
        return Ok(default);
    };
    let bytes = params
        .try_into()
        .map_err(|_| CryptoError::StringToKeyParameters {
            enctype,
            length: params.len(),
        })?;
    let least = if limit.weak { 1 } else { default };
    match u32::from_be_bytes(bytes) {
        count if (least..=limit.at_most).contains(&count) => Ok(count),
        count => Err(CryptoError::IterationCount {
            count: if count == 0 { 1 << 32 } else { count.into() },
            least,
            most: limit.at_most,
        }),
    }
}

fn default_iterations(enctype: Enctype) -> u32 {
    match enctype {
        Enctype::Aes128CtsHmacSha1_96 | Enctype::Aes256CtsHmacSha1_96 => 4096,
        _ => 32768,
    }
}

/// PBKDF2, then DK(stretched, "kerberos").
fn stretch<P, M>(
    enctype: Enctype,
    password: &[u8],
    salt: &[u8],
    count: u32,
) -> Result<Zeroizing<Vec<u8>>, CryptoError>
where
    P: Profile,
    M: KeyInit + Update + FixedOutput + Clone,
{
    let mut key = Zeroizing::new(vec![0; enctype.key_length()]);
    pbkdf2::<M>(password, salt, count, &mut key).map_err(|_| CryptoError::KeyLength {
        enctype,
        expected: enctype.key_length(),
        actual: password.len(),
    })?;
    let base = P::base(&key);
    P::derive_password_key(&base, &mut key);
    Ok(key)
}
