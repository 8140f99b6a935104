//! AES with HMAC-SHA1-96 (RFC 3962): the simplified profile with ciphertext stealing.

use std::marker::PhantomData;

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, Key, KeyInit};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc};
use hmac::Hmac;
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

use crate::KeyUsage;
use crate::cbc_cts::{self, Mode};
use crate::mac_key::keyed;
use crate::nfold::nfold;
use crate::profile::{Coverage, Profile, Purpose};
use crate::simplified::{derive_random, folded_constant};

/// aes128-cts-hmac-sha1-96.
pub(crate) type Aes128Sha1 = AesSha1<Aes128Enc, Aes128Dec>;
/// aes256-cts-hmac-sha1-96.
pub(crate) type Aes256Sha1 = AesSha1<Aes256Enc, Aes256Dec>;

pub(crate) struct AesSha1<E, D>(PhantomData<(E, D)>);

impl<E, D> Profile for AesSha1<E, D>
where
    E: BlockCipherEncrypt<BlockSize = U16> + KeyInit + Send + Sync + 'static,
    D: BlockCipherDecrypt<BlockSize = U16> + for<'a> From<&'a E> + Send + Sync + 'static,
{
    type Base = E;
    type Encryptor = E;
    type Decryptor = D;
    type Mac = Hmac<Sha1>;

    const BLOCK: usize = 16;
    const MAC_LENGTH: usize = 12;
    const COVERAGE: Coverage = Coverage::Plaintext;
    const MODE: Mode = Mode::Cts;

    fn base(key: &[u8]) -> E {
        let mut copy = Key::<E>::default();
        copy.copy_from_slice(key);
        let base = E::new(&copy);
        copy.zeroize();
        base
    }

    fn encryptor(base: &E, usage: KeyUsage) -> E {
        derive_cipher(base, folded_constant(usage, Purpose::Encryption))
    }

    fn decryptor(encryptor: &E) -> D {
        D::from(encryptor)
    }

    fn mac(base: &E, usage: KeyUsage, purpose: Purpose) -> Hmac<Sha1> {
        let mut key = Key::<E>::default();
        derive_random(base, &folded_constant(usage, purpose).into(), &mut key);
        let mac = keyed(&key);
        key.zeroize();
        mac
    }

    fn derive_password_key(base: &E, key: &mut [u8]) {
        derive_random(base, &nfold(b"kerberos").into(), key);
    }

    /// RFC 3962 6: one block of the hash, encrypted under the key derived for "prf".
    fn prf(base: &E, input: &[u8]) -> Zeroizing<Vec<u8>> {
        let cipher = derive_cipher(base, nfold(b"prf"));
        let mut output = Zeroizing::new(Sha1::digest(input)[..16].to_vec());
        cbc_cts::encrypt(&cipher, Mode::Cts, &mut output);
        output
    }
}

fn derive_cipher<E>(base: &E, folded: [u8; 16]) -> E
where
    E: BlockCipherEncrypt<BlockSize = U16> + KeyInit,
{
    let mut key = Key::<E>::default();
    derive_random(base, &folded.into(), &mut key);
    let cipher = E::new(&key);
    key.zeroize();
    cipher
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vectors::check_derived_keys;

    #[test]
    fn derives_the_published_keys() {
        check_derived_keys("17", |key, constant, output| {
            derive_random(&Aes128Sha1::base(key), &nfold(constant).into(), output);
        });
        check_derived_keys("18", |key, constant, output| {
            derive_random(&Aes256Sha1::base(key), &nfold(constant).into(), output);
        });
    }
}
