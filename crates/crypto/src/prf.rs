//! PRF+ and the combination of two keys (RFC 6113 5.1).

use zeroize::Zeroizing;

use crate::{CryptoError, Key};

impl Key {
    /// The enctype's pseudo-random function (RFC 3961 3): as many bytes as the enctype prescribes.
    pub fn prf(&self, input: &[u8]) -> Zeroizing<Vec<u8>> {
        self.suite().prf(input)
    }

    /// PRF+ (RFC 6113 5.1): `length` pseudo-random bytes.
    ///
    /// # Errors
    /// [`CryptoError::PrfLength`] above 255 outputs of [`Key::prf`].
    pub fn prf_plus(
        &self,
        pepper: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let mut output = Zeroizing::new(Vec::with_capacity(length));
        let mut input = [&[0], pepper].concat();
        for counter in 1..=u8::MAX {
            if output.len() >= length {
                break;
            }
            if let Some(first) = input.first_mut() {
                *first = counter;
            }
            let block = self.prf(&input);
            let missing = length.saturating_sub(output.len());
            output.extend(block.iter().take(missing));
        }
        if output.len() < length {
            return Err(CryptoError::PrfLength {
                length,
                limit: output.len(),
            });
        }
        Ok(output)
    }

    /// KRB-FX-CF2 (RFC 6113 5.1): a key of `first`'s enctype that depends on both keys.
    ///
    /// ```
    /// use kerbstone_crypto::{Enctype, Key};
    ///
    /// let subkey = Key::new(Enctype::Aes128CtsHmacSha1_96, &[1; 16])?;
    /// let session = Key::new(Enctype::Aes256CtsHmacSha1_96, &[2; 32])?;
    /// let armor = Key::combine(&subkey, b"subkeyarmor", &session, b"ticketarmor")?;
    /// assert_eq!(armor.enctype(), Enctype::Aes128CtsHmacSha1_96);
    /// # Ok::<(), kerbstone_crypto::CryptoError>(())
    /// ```
    pub fn combine(
        first: &Self,
        first_pepper: &[u8],
        second: &Self,
        second_pepper: &[u8],
    ) -> Result<Self, CryptoError> {
        let enctype = first.enctype();
        let mut seed = first.prf_plus(first_pepper, enctype.seed_length())?;
        let other = second.prf_plus(second_pepper, enctype.seed_length())?;
        for (byte, other) in seed.iter_mut().zip(other.iter()) {
            *byte ^= other;
        }
        Self::from_random(enctype, &seed)
    }
}
