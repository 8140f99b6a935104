//! What tells one enctype from another among those that derive a key per usage and purpose,
//! encrypt after a confounder and append a truncated MAC. All but rc4-hmac do.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use hmac::Mac;
use zeroize::Zeroizing;

use crate::KeyUsage;
use crate::cbc_cts::Mode;

/// What a derived key is for (RFC 3961 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Checksum,
    Encryption,
    Integrity,
}

impl Purpose {
    pub(crate) const ALL: [Self; 3] = [Self::Checksum, Self::Encryption, Self::Integrity];

    /// The constant that keys for this purpose and usage are derived from.
    pub(crate) const fn constant(self, usage: KeyUsage) -> [u8; 5] {
        let [a, b, c, d] = usage.0.to_be_bytes();
        let purpose = match self {
            Self::Checksum => 0x99,
            Self::Encryption => 0xaa,
            Self::Integrity => 0x55,
        };
        [a, b, c, d, purpose]
    }
}

/// What the MAC of a message is taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Coverage {
    /// Confounder and plaintext (RFC 3961, RFC 6803).
    Plaintext,
    /// An initial vector of zeros and the ciphertext (RFC 8009).
    Ciphertext,
}

/// One enctype.
pub(crate) trait Profile: Sized + 'static {
    /// What derivation needs of the protocol key.
    type Base: Send + Sync;
    type Encryptor: BlockCipherEncrypt + Send + Sync;
    type Decryptor: BlockCipherDecrypt + Send + Sync;
    type Mac: Mac + Clone + Send + Sync;

    const BLOCK: usize;
    const MAC_LENGTH: usize;
    const COVERAGE: Coverage;
    const MODE: Mode;

    fn base(key: &[u8]) -> Self::Base;
    fn encryptor(base: &Self::Base, usage: KeyUsage) -> Self::Encryptor;
    fn decryptor(encryptor: &Self::Encryptor) -> Self::Decryptor;
    fn mac(base: &Self::Base, usage: KeyUsage, purpose: Purpose) -> Self::Mac;
    /// DK(base, "kerberos"): the last step of string-to-key.
    fn derive_password_key(base: &Self::Base, key: &mut [u8]);
    fn prf(base: &Self::Base, input: &[u8]) -> Zeroizing<Vec<u8>>;
}
