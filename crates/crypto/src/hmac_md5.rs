//! HMAC-MD5 and the checksum made with it, which MS-SFU wants in PA-FOR-USER whatever the key is.

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::mac_key::keyed;
use crate::{CryptoError, Key, KeyUsage};

impl Key {
    /// The checksum [`ChecksumType::HmacMd5`](crate::ChecksumType::HmacMd5) with a key of any enctype (MS-SFU 2.2.1). For
    /// nothing else: MD5 is broken, and this is what that one message is defined with.
    pub fn hmac_md5_checksum(&self, usage: KeyUsage, data: &[u8]) -> [u8; 16] {
        *checksum(self.bytes(), usage, &[data])
    }

    /// Compares such a checksum in constant time.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`] when they differ, in length also.
    pub fn verify_hmac_md5_checksum(
        &self,
        usage: KeyUsage,
        data: &[u8],
        mac: &[u8],
    ) -> Result<(), CryptoError> {
        let expected = checksum(self.bytes(), usage, &[data]);
        match bool::from(expected.as_slice().ct_eq(mac)) {
            true => Ok(()),
            false => Err(CryptoError::Integrity),
        }
    }
}

/// RFC 4757 4.
pub(crate) fn checksum(key: &[u8], usage: KeyUsage, parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    let signing = hmac_md5(key, &[b"signaturekey\0"]);
    let mut digest = Md5::new_with_prefix(wire_usage(usage));
    for part in parts {
        digest.update(part);
    }
    hmac_md5(signing.as_ref(), &[&digest.finalize()])
}

/// Usage numbers that Microsoft's first implementation had otherwise (RFC 4757 3). The RFC's table
/// also changes 9, which neither MIT nor Heimdal does.
pub(crate) fn wire_usage(KeyUsage(usage): KeyUsage) -> [u8; 4] {
    match usage {
        3 => 8u32,
        23 => 13,
        usage => usage,
    }
    .to_le_bytes()
}

pub(crate) fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    let mut mac: Hmac<Md5> = keyed(key);
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}
