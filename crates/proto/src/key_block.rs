//! A key as files hold it: an enctype number, known or not, and its bytes.

use core::fmt;

use kerbstone_crypto::{CryptoError, Enctype, Key};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::message::{EncryptionKey, Secret};

/// Why a stored key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyBlockError {
    /// Another program wrote it for an algorithm that we do not have. Use a key of another enctype.
    #[error("the key has enctype {0}, which is not supported")]
    UnknownEnctype(i32),
    /// The bytes are no key of their enctype, or it is switched off.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Key bytes under the enctype number that a file names, which this program may not know.
///
/// The bytes are wiped on drop, and `Debug` does not print them.
#[derive(Clone)]
pub struct KeyBlock {
    /// The IANA number; negative ones are for private use.
    pub enctype: i32,
    /// The key itself.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl KeyBlock {
    /// Takes over `bytes` without judging whether they fit `enctype`.
    pub fn new(enctype: i32, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            enctype,
            bytes: Zeroizing::new(bytes.into()),
        }
    }

    /// The enctype, when it is one that we can name.
    pub const fn known_enctype(&self) -> Option<Enctype> {
        Enctype::from_number(self.enctype)
    }

    /// The key made ready for computing.
    ///
    /// # Errors
    /// The enctype is unknown or switched off, or the bytes do not fit it.
    pub fn to_key(&self) -> Result<Key, KeyBlockError> {
        let enctype = self
            .known_enctype()
            .ok_or(KeyBlockError::UnknownEnctype(self.enctype))?;
        Ok(Key::new(enctype, &self.bytes)?)
    }
}

impl From<&Key> for KeyBlock {
    fn from(key: &Key) -> Self {
        Self::new(key.enctype().number(), key.bytes())
    }
}

impl From<&EncryptionKey> for KeyBlock {
    fn from(key: &EncryptionKey) -> Self {
        Self::new(key.keytype, key.keyvalue.as_bytes())
    }
}

impl From<&KeyBlock> for EncryptionKey {
    fn from(key: &KeyBlock) -> Self {
        Self {
            keytype: key.enctype,
            keyvalue: Secret::from(key.bytes.as_slice()),
        }
    }
}

impl PartialEq for KeyBlock {
    fn eq(&self, other: &Self) -> bool {
        self.enctype == other.enctype && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for KeyBlock {}

impl fmt::Debug for KeyBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBlock")
            .field("enctype", &self.enctype)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", KeyBlock::new(18, [0xab; 32]));
        assert_eq!(shown, "KeyBlock { enctype: 18, .. }");
    }

    #[test]
    fn a_key_of_an_unknown_enctype_travels_but_does_not_compute() {
        let key = KeyBlock::new(99, [1, 2, 3]);
        assert_eq!(KeyBlock::from(&EncryptionKey::from(&key)), key);
        let refused = key.to_key().unwrap_err();
        assert_eq!(refused, KeyBlockError::UnknownEnctype(99));
        assert!(KeyBlock::new(18, [1, 2, 3]).to_key().is_err());
    }
}
