//! What every enctype can do with a key, and which code does it.

use std::ops::Range;
use std::sync::Arc;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::aes_sha1::{Aes128Sha1, Aes256Sha1};
use crate::aes_sha2::{Aes128Sha256, Aes256Sha384};
use crate::camellia_cmac::{Camellia128Cmac, Camellia256Cmac};
#[cfg(feature = "legacy")]
use crate::des3_sha1::Des3Sha1;
#[cfg(feature = "legacy")]
use crate::rc4_hmac::Rc4Hmac;
use crate::schedules::Schedules;
use crate::{CryptoError, Enctype, KeyUsage, Portion};

/// A key of some enctype with what has been derived from it.
pub(crate) trait Suite: Send + Sync {
    fn material(&self) -> &Material;

    /// Encrypts a message that is laid out as header room, plaintext, trailer room (see
    /// [`Enctype::header_length`]) and long enough.
    fn seal(&self, usage: KeyUsage, message: &mut [u8], rng: &mut dyn CryptoRng);

    /// Checks and decrypts a message, and says where in it the plaintext stands. The caller wipes
    /// the message when this fails.
    fn open(&self, usage: KeyUsage, message: &mut [u8]) -> Result<Range<usize>, CryptoError>;

    /// Encrypts a message that lies in several places; header and trailer have the right lengths.
    fn seal_portions(
        &self,
        usage: KeyUsage,
        header: &mut [u8],
        portions: &mut [Portion<'_>],
        trailer: &mut [u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CryptoError>;

    /// Checks and decrypts such a message.
    fn open_portions(
        &self,
        usage: KeyUsage,
        header: &mut [u8],
        portions: &mut [Portion<'_>],
        trailer: &[u8],
    ) -> Result<(), CryptoError>;

    /// The checksum over the concatenation of `parts`.
    fn checksum(&self, usage: KeyUsage, parts: &[&[u8]]) -> Tag;

    /// The enctype's pseudo-random function (RFC 3961 3).
    fn prf(&self, input: &[u8]) -> Zeroizing<Vec<u8>>;
}

/// Readies a key of the right length for use.
pub(crate) fn open_suite(material: Material) -> Result<Arc<dyn Suite>, CryptoError> {
    Ok(match material.enctype {
        Enctype::Aes128CtsHmacSha1_96 => Arc::new(Schedules::<Aes128Sha1>::new(material)),
        Enctype::Aes256CtsHmacSha1_96 => Arc::new(Schedules::<Aes256Sha1>::new(material)),
        Enctype::Aes128CtsHmacSha256_128 => Arc::new(Schedules::<Aes128Sha256>::new(material)),
        Enctype::Aes256CtsHmacSha384_192 => Arc::new(Schedules::<Aes256Sha384>::new(material)),
        Enctype::Camellia128CtsCmac => Arc::new(Schedules::<Camellia128Cmac>::new(material)),
        Enctype::Camellia256CtsCmac => Arc::new(Schedules::<Camellia256Cmac>::new(material)),
        #[cfg(feature = "legacy")]
        Enctype::Des3CbcSha1 => Arc::new(Schedules::<Des3Sha1>::new(material)),
        #[cfg(feature = "legacy")]
        Enctype::Rc4Hmac => Arc::new(Rc4Hmac(material)),
        #[cfg(not(feature = "legacy"))]
        enctype @ (Enctype::Des3CbcSha1 | Enctype::Rc4Hmac) => {
            return Err(CryptoError::LegacyDisabled(enctype));
        }
    })
}

/// The bytes of a key, with the enctype that says how many they are.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Material {
    #[zeroize(skip)]
    enctype: Enctype,
    bytes: [u8; 32],
}

impl Material {
    pub(crate) fn new(enctype: Enctype, bytes: &[u8]) -> Result<Self, CryptoError> {
        let expected = enctype.key_length();
        if bytes.len() != expected {
            return Err(CryptoError::KeyLength {
                enctype,
                expected,
                actual: bytes.len(),
            });
        }
        let mut material = Self {
            enctype,
            bytes: [0; 32],
        };
        for (own, given) in material.bytes.iter_mut().zip(bytes) {
            *own = *given;
        }
        Ok(material)
    }

    pub(crate) fn enctype(&self) -> Enctype {
        self.enctype
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.enctype.key_length()]
    }
}

/// A truncated MAC.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    bytes: [u8; 24],
    length: usize,
}

impl Tag {
    /// The first `length` bytes of `mac`.
    pub(crate) fn truncate(mac: &[u8], length: usize) -> Self {
        debug_assert!(length <= mac.len() && length <= 24);
        let mut bytes = [0; 24];
        for (own, given) in bytes.iter_mut().zip(mac.iter().take(length)) {
            *own = *given;
        }
        Self { bytes, length }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, claimed: &[u8]) -> Result<(), CryptoError> {
        if bool::from(self.as_bytes().ct_eq(claimed)) {
            Ok(())
        } else {
            Err(CryptoError::Integrity)
        }
    }
}
