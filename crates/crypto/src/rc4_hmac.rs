//! RC4 with HMAC-MD5 (RFC 4757). Legacy; nothing is kept between messages.

use std::ops::Range;

use aes::cipher::{Key, KeyInit, StreamCipher};
use hmac::{Hmac, Mac};
use md4::Md4;
use rand_core::CryptoRng;
use rc4::Rc4;
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

use crate::hmac_md5::{checksum, hmac_md5, wire_usage};
use crate::mac_key::keyed;
use crate::suite::{Material, Suite, Tag};
use crate::{CryptoError, Enctype, KeyUsage, Portion};

const CHECKSUM: usize = 16;
const HEADER: usize = Enctype::Rc4Hmac.header_length();

/// rc4-hmac.
pub(crate) struct Rc4Hmac(pub(crate) Material);

impl Suite for Rc4Hmac {
    fn material(&self) -> &Material {
        &self.0
    }

    fn seal(&self, usage: KeyUsage, message: &mut [u8], rng: &mut dyn CryptoRng) {
        let key = self.usage_key(usage);
        let (room, body) = message.split_at_mut(CHECKSUM);
        rng.fill_bytes(&mut body[..HEADER - CHECKSUM]);
        room.copy_from_slice(hmac_md5(key.as_ref(), &[body]).as_ref());
        crypt(&hmac_md5(key.as_ref(), &[room]), body);
    }

    fn open(&self, usage: KeyUsage, message: &mut [u8]) -> Result<Range<usize>, CryptoError> {
        let actual = message.len();
        if actual < HEADER {
            let enctype = Enctype::Rc4Hmac;
            return Err(CryptoError::CiphertextLength { enctype, actual });
        }
        let key = self.usage_key(usage);
        let (claimed, body) = message.split_at_mut(CHECKSUM);
        crypt(&hmac_md5(key.as_ref(), &[claimed]), body);
        Tag::truncate(hmac_md5(key.as_ref(), &[body]).as_ref(), CHECKSUM).verify(claimed)?;
        Ok(HEADER..actual)
    }

    fn seal_portions(
        &self,
        _: KeyUsage,
        _: &mut [u8],
        _: &mut [Portion<'_>],
        _: &mut [u8],
        _: &mut dyn CryptoRng,
    ) -> Result<(), CryptoError> {
        Err(CryptoError::Scattered(Enctype::Rc4Hmac))
    }

    fn open_portions(
        &self,
        _: KeyUsage,
        _: &mut [u8],
        _: &mut [Portion<'_>],
        _: &[u8],
    ) -> Result<(), CryptoError> {
        Err(CryptoError::Scattered(Enctype::Rc4Hmac))
    }

    fn checksum(&self, usage: KeyUsage, parts: &[&[u8]]) -> Tag {
        let mac = checksum(self.0.bytes(), usage, parts);
        Tag::truncate(mac.as_ref(), CHECKSUM)
    }

    /// HMAC-SHA1 of the whole input, as MIT and Heimdal compute it; RFC 4757 defines none.
    fn prf(&self, input: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut mac: Hmac<Sha1> = keyed(self.0.bytes());
        mac.update(input);
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }
}

impl Rc4Hmac {
    fn usage_key(&self, usage: KeyUsage) -> Zeroizing<[u8; 16]> {
        hmac_md5(self.0.bytes(), &[&wire_usage(usage)])
    }
}

/// The key that a password makes: MD4 of its UTF-16, without salt.
pub(crate) fn string_to_key(password: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let text = str::from_utf8(password).map_err(|_| CryptoError::PasswordEncoding)?;
    let mut wide = Zeroizing::new(Vec::with_capacity(2 * text.len()));
    wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    Ok(Zeroizing::new(Md4::digest(&*wide).to_vec()))
}

fn crypt(key: &Zeroizing<[u8; 16]>, data: &mut [u8]) {
    // RC4 repeats its key as often as it goes, so that a key and its double are the same.
    let mut doubled = Key::<Rc4>::default();
    for (own, byte) in doubled.iter_mut().zip(key.iter().cycle()) {
        *own = *byte;
    }
    Rc4::new(&doubled).apply_keystream(data);
    doubled.zeroize();
}
