//! AES with HMAC-SHA2 (RFC 8009): encrypt-then-MAC, keys derived by HMAC.

use std::marker::PhantomData;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, Key, KeyInit};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc};
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384};
use zeroize::{Zeroize, Zeroizing};

use crate::KeyUsage;
use crate::cbc_cts::Mode;
use crate::mac_key::keyed;
use crate::profile::{Coverage, Profile, Purpose};

/// aes128-cts-hmac-sha256-128: keys for MACs have 16 bytes, the PRF gives 32.
pub(crate) type Aes128Sha256 = AesSha2<Aes128Enc, Aes128Dec, Hmac<Sha256>, 16, 32>;
/// aes256-cts-hmac-sha384-192: keys for MACs have 24 bytes, the PRF gives 48.
pub(crate) type Aes256Sha384 = AesSha2<Aes256Enc, Aes256Dec, Hmac<Sha384>, 24, 48>;

pub(crate) struct AesSha2<E, D, M, const MAC_KEY: usize, const PRF: usize>(PhantomData<(E, D, M)>);

impl<E, D, M, const MAC_KEY: usize, const PRF: usize> Profile for AesSha2<E, D, M, MAC_KEY, PRF>
where
    E: BlockCipherEncrypt + KeyInit + Send + Sync + 'static,
    D: BlockCipherDecrypt<BlockSize = E::BlockSize> + for<'a> From<&'a E> + Send + Sync + 'static,
    M: Mac + KeyInit + Clone + Send + Sync + 'static,
{
    type Base = M;
    type Encryptor = E;
    type Decryptor = D;
    type Mac = M;

    const BLOCK: usize = 16;
    const MAC_LENGTH: usize = MAC_KEY;
    const COVERAGE: Coverage = Coverage::Ciphertext;
    const MODE: Mode = Mode::Cts;

    fn base(key: &[u8]) -> M {
        keyed(key)
    }

    fn encryptor(base: &M, usage: KeyUsage) -> E {
        let mut key = Key::<E>::default();
        derive(base, &Purpose::Encryption.constant(usage), &[], &mut key);
        let cipher = E::new(&key);
        key.zeroize();
        cipher
    }

    fn decryptor(encryptor: &E) -> D {
        D::from(encryptor)
    }

    fn mac(base: &M, usage: KeyUsage, purpose: Purpose) -> M {
        let mut key = Zeroizing::new([0; MAC_KEY]);
        derive(base, &purpose.constant(usage), &[], key.as_mut());
        keyed(key.as_ref())
    }

    fn derive_password_key(base: &M, key: &mut [u8]) {
        derive(base, b"kerberos", &[], key);
    }

    fn prf(base: &M, input: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut output = Zeroizing::new(vec![0; PRF]);
        derive(base, b"prf", input, &mut output);
        output
    }
}

/// KDF-HMAC-SHA2 (RFC 8009 3), for outputs no longer than the hash.
fn derive<M: Mac + Clone>(base: &M, label: &[u8], context: &[u8], output: &mut [u8]) {
    let bits = output.len() as u32 * 8;
    let mut mac = base.clone();
    mac.update(&1u32.to_be_bytes());
    mac.update(label);
    mac.update(&[0]);
    mac.update(context);
    mac.update(&bits.to_be_bytes());
    let mut derived = mac.finalize().into_bytes();
    output.copy_from_slice(&derived[..output.len()]);
    derived.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vectors::check_derived_keys;

    #[test]
    fn derives_the_keys_of_rfc_8009() {
        check_derived_keys("19", |key, constant, output| {
            derive(&Aes128Sha256::base(key), constant, &[], output);
        });
        check_derived_keys("20", |key, constant, output| {
            derive(&Aes256Sha384::base(key), constant, &[], output);
        });
    }
}
