//! Keys, and everything that is done with one.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

#[cfg(feature = "legacy")]
use crate::des3_sha1::random_to_key;
use crate::string_to_key::string_to_key;
use crate::suite::{Material, Suite, open_suite};
use crate::{ChecksumType, CryptoError, Enctype, IterationLimit, KeyUsage, Portion};

/// A key with its enctype and with what has been derived from it so far.
///
/// The keys derived for a usage, with their cipher and MAC schedules, are computed when the usage
/// first occurs and kept with the key. Clones share them and are cheap. Everything is wiped when
/// the last clone goes. Comparison takes constant time; `Debug` prints the enctype only.
///
/// ```
/// use kerbstone_crypto::{Enctype, Key, KeyUsage};
///
/// # fn example(rng: &mut dyn rand_core::CryptoRng) -> Result<(), kerbstone_crypto::CryptoError> {
/// let key = Key::random(Enctype::Aes256CtsHmacSha1_96, rng)?;
/// let message = key.encrypt(KeyUsage::KRB_PRIV, b"hello", rng);
/// assert_eq!(*key.decrypt(KeyUsage::KRB_PRIV, &message)?, b"hello");
/// assert!(key.decrypt(KeyUsage::KRB_CRED, &message).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Key(Arc<dyn Suite>);

impl Key {
    /// The key with these bytes. DES parity bits are taken as they are: the cipher ignores them.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`]; [`CryptoError::LegacyDisabled`] for enctypes 16 and 23 unless
    /// the feature `legacy` is on.
    pub fn new(enctype: Enctype, bytes: &[u8]) -> Result<Self, CryptoError> {
        open_suite(Material::new(enctype, bytes)?).map(Self)
    }

    /// A fresh key.
    ///
    /// # Errors
    /// [`CryptoError::LegacyDisabled`] only.
    pub fn random(enctype: Enctype, rng: &mut dyn CryptoRng) -> Result<Self, CryptoError> {
        let mut seed = Zeroizing::new([0; 32]);
        let (seed, _) = seed.split_at_mut(enctype.seed_length());
        rng.fill_bytes(seed);
        Self::from_random(enctype, seed)
    }

    /// The key that [`Enctype::seed_length`] random bytes make (RFC 3961 3, random-to-key).
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn from_random(enctype: Enctype, seed: &[u8]) -> Result<Self, CryptoError> {
        #[cfg(feature = "legacy")]
        if enctype == Enctype::Des3CbcSha1 {
            let wrong_length = |_| CryptoError::KeyLength {
                enctype,
                expected: enctype.seed_length(),
                actual: seed.len(),
            };
            let seed = seed.try_into().map_err(wrong_length)?;
            return Self::new(enctype, random_to_key(seed).as_ref());
        }
        Self::new(enctype, seed)
    }

    /// The key that a password makes with a salt (RFC 3961 3, string-to-key).
    ///
    /// `params` are the parameters of ETYPE-INFO2 (for AES and Camellia an iteration count of
    /// four bytes); without them the enctype's default applies.
    ///
    /// # Errors
    /// [`CryptoError::IterationCount`] above `limit`, before anything is computed;
    /// [`CryptoError::StringToKeyParameters`], [`CryptoError::PasswordEncoding`],
    /// [`CryptoError::LegacyDisabled`].
    pub fn from_password(
        enctype: Enctype,
        password: &[u8],
        salt: &[u8],
        params: Option<&[u8]>,
        limit: IterationLimit,
    ) -> Result<Self, CryptoError> {
        Self::new(
            enctype,
            &string_to_key(enctype, password, salt, params, limit)?,
        )
    }

    /// The key's enctype.
    pub fn enctype(&self) -> Enctype {
        self.0.material().enctype()
    }

    /// The key itself. Secret.
    pub fn bytes(&self) -> &[u8] {
        self.0.material().bytes()
    }

    pub(crate) fn suite(&self) -> &dyn Suite {
        &*self.0
    }
}

/// Encryption with integrity protection.
impl Key {
    /// Encrypts `plaintext`, with a confounder from `rng`.
    pub fn encrypt(&self, usage: KeyUsage, plaintext: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut message = Vec::new();
        self.encrypt_into(usage, plaintext, rng, &mut message);
        message
    }

    /// Encrypts `plaintext` and appends the message to `output`, the only memory this touches.
    pub fn encrypt_into(
        &self,
        usage: KeyUsage,
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
        output: &mut Vec<u8>,
    ) {
        let enctype = self.enctype();
        let start = output.len();
        output.reserve(enctype.ciphertext_length(plaintext.len()));
        extend_with_zeros(output, enctype.header_length());
        output.extend_from_slice(plaintext);
        extend_with_zeros(output, enctype.trailer_length(plaintext.len()));
        if let Some(message) = output.get_mut(start..) {
            self.0.seal(usage, message, rng);
        }
    }

    /// Encrypts a message that has been laid out by the caller: [`Enctype::header_length`] bytes
    /// of room, the plaintext, [`Enctype::trailer_length`] bytes of room. What stands in the
    /// rooms does not matter.
    ///
    /// # Errors
    /// [`CryptoError::BufferLength`] if no plaintext gives a message of this length.
    pub fn encrypt_in_place(
        &self,
        usage: KeyUsage,
        message: &mut [u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CryptoError> {
        let enctype = self.enctype();
        let actual = message.len();
        let plaintext = actual
            .checked_sub(enctype.ciphertext_length(0))
            .ok_or(CryptoError::BufferLength { enctype, actual })?;
        if enctype == Enctype::Des3CbcSha1 && plaintext % 8 != 0 {
            return Err(CryptoError::BufferLength { enctype, actual });
        }
        self.0.seal(usage, message, rng);
        Ok(())
    }

    /// Checks and decrypts a message. des3-cbc-sha1 leaves its padding (zeros) on the plaintext.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`], [`CryptoError::CiphertextLength`].
    pub fn decrypt(
        &self,
        usage: KeyUsage,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let mut message = Zeroizing::new(ciphertext.to_vec());
        let plaintext = self.decrypt_in_place(usage, &mut message)?;
        message.truncate(plaintext.end);
        message.drain(..plaintext.start);
        Ok(message)
    }

    /// Checks and decrypts a message in place, and says where in it the plaintext now stands. If
    /// the check fails the message is wiped: nothing of an unproven plaintext is left.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`], [`CryptoError::CiphertextLength`].
    pub fn decrypt_in_place(
        &self,
        usage: KeyUsage,
        message: &mut [u8],
    ) -> Result<Range<usize>, CryptoError> {
        let opened = self.0.open(usage, message);
        if opened.is_err() {
            message.zeroize();
        }
        opened
    }
}

/// Checksums.
impl Key {
    /// The checksum over `data`, of the type [`Enctype::checksum_type`].
    pub fn checksum(&self, usage: KeyUsage, data: &[u8]) -> Vec<u8> {
        self.0.checksum(usage, &[data]).as_bytes().to_vec()
    }

    /// Checks a checksum in constant time.
    ///
    /// # Errors
    /// [`CryptoError::ChecksumType`] if `kind` is not what this key makes;
    /// [`CryptoError::Integrity`].
    pub fn verify_checksum(
        &self,
        usage: KeyUsage,
        kind: ChecksumType,
        data: &[u8],
        mac: &[u8],
    ) -> Result<(), CryptoError> {
        let expected = self.enctype().checksum_type();
        if kind != expected {
            return Err(CryptoError::ChecksumType {
                expected,
                actual: kind,
            });
        }
        self.0.checksum(usage, &[data]).verify(mac)
    }
}

impl Key {
    /// Appends the checksum over the concatenation of `parts` to `output`.
    pub fn checksum_parts_into(&self, usage: KeyUsage, parts: &[&[u8]], output: &mut Vec<u8>) {
        output.extend_from_slice(self.0.checksum(usage, parts).as_bytes());
    }

    /// Compares the checksum over the concatenation of `parts` with `mac` in constant time.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`] when they differ, in length also.
    pub fn verify_checksum_parts(
        &self,
        usage: KeyUsage,
        parts: &[&[u8]],
        mac: &[u8],
    ) -> Result<(), CryptoError> {
        self.0.checksum(usage, parts).verify(mac)
    }

    /// Encrypts a message that lies in several places, where it lies: its header goes to
    /// `header`, its trailer to `trailer`, whose lengths are those that the enctype prescribes.
    ///
    /// # Errors
    /// [`CryptoError::BufferLength`] when header or trailer have another length, and
    /// [`CryptoError::Scattered`] for enctypes of old that cannot do so.
    pub fn encrypt_portions(
        &self,
        usage: KeyUsage,
        header: &mut [u8],
        portions: &mut [Portion<'_>],
        trailer: &mut [u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CryptoError> {
        self.check_ends(header, trailer)?;
        self.0.seal_portions(usage, header, portions, trailer, rng)
    }

    /// Checks and decrypts a message that lies in several places, where it lies.
    ///
    /// # Errors
    /// As [`Key::encrypt_portions`], and [`CryptoError::Integrity`]: then nothing was decrypted.
    pub fn decrypt_portions(
        &self,
        usage: KeyUsage,
        header: &mut [u8],
        portions: &mut [Portion<'_>],
        trailer: &[u8],
    ) -> Result<(), CryptoError> {
        self.check_ends(header, trailer)?;
        self.0.open_portions(usage, header, portions, trailer)
    }

    fn check_ends(&self, header: &[u8], trailer: &[u8]) -> Result<(), CryptoError> {
        let enctype = self.enctype();
        if enctype.is_legacy() {
            return Err(CryptoError::Scattered(enctype));
        }
        for (end, expected) in [
            (header, enctype.header_length()),
            (trailer, enctype.trailer_length(0)),
        ] {
            if end.len() != expected {
                let actual = end.len();
                return Err(CryptoError::BufferLength { enctype, actual });
            }
        }
        Ok(())
    }
}

fn extend_with_zeros(output: &mut Vec<u8>, count: usize) {
    output.resize(output.len().saturating_add(count), 0);
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.enctype() == other.enctype() && bool::from(self.bytes().ct_eq(other.bytes()))
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Key").field(&self.enctype()).finish()
    }
}
