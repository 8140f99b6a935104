//! Camellia with CMAC (RFC 6803): the simplified profile with another MAC and derivation.

use std::marker::PhantomData;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, Key};
use camellia::{Camellia128, Camellia256};
use cmac::{Cmac, KeyInit, Mac};
use zeroize::{Zeroize, Zeroizing};

use crate::KeyUsage;
use crate::cbc_cts::Mode;
use crate::mac_key::keyed;
use crate::profile::{Coverage, Profile, Purpose};

/// camellia128-cts-cmac.
pub(crate) type Camellia128Cmac = CamelliaCmac<Camellia128, Cmac<Camellia128>>;
/// camellia256-cts-cmac.
pub(crate) type Camellia256Cmac = CamelliaCmac<Camellia256, Cmac<Camellia256>>;

pub(crate) struct CamelliaCmac<C, M>(PhantomData<(C, M)>);

impl<C, M> Profile for CamelliaCmac<C, M>
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit + Clone + Send + Sync + 'static,
    M: Mac + KeyInit + Clone + Send + Sync + 'static,
{
    type Base = M;
    type Encryptor = C;
    type Decryptor = C;
    type Mac = M;

    const BLOCK: usize = 16;
    const MAC_LENGTH: usize = 16;
    const COVERAGE: Coverage = Coverage::Plaintext;
    const MODE: Mode = Mode::Cts;

    fn base(key: &[u8]) -> M {
        keyed(key)
    }

    fn encryptor(base: &M, usage: KeyUsage) -> C {
        derive_keyed(base, &Purpose::Encryption.constant(usage))
    }

    fn decryptor(encryptor: &C) -> C {
        encryptor.clone()
    }

    fn mac(base: &M, usage: KeyUsage, purpose: Purpose) -> M {
        derive_keyed(base, &purpose.constant(usage))
    }

    fn derive_password_key(base: &M, key: &mut [u8]) {
        derive(base, b"kerberos", key);
    }

    fn prf(base: &M, input: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut mac: M = derive_keyed(base, b"prf");
        mac.update(input);
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }
}

fn derive_keyed<M: Mac + Clone, K: KeyInit>(base: &M, constant: &[u8]) -> K {
    let mut key = Key::<K>::default();
    derive(base, constant, &mut key);
    let keyed = K::new(&key);
    key.zeroize();
    keyed
}

/// KDF-FEEDBACK-CMAC (RFC 6803 3).
fn derive<M: Mac + Clone>(base: &M, constant: &[u8], output: &mut [u8]) {
    let bits = output.len() as u32 * 8;
    let mut feedback = Zeroizing::new([0; 16]);
    for (piece, counter) in output.chunks_mut(16).zip(1u32..) {
        let mut mac = base.clone();
        mac.update(feedback.as_ref());
        mac.update(&counter.to_be_bytes());
        mac.update(constant);
        mac.update(&[0]);
        mac.update(&bits.to_be_bytes());
        let mut derived = mac.finalize().into_bytes();
        feedback.copy_from_slice(&derived);
        derived.zeroize();
        piece.copy_from_slice(&feedback[..piece.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vectors::check_derived_keys;

    #[test]
    fn derives_the_keys_of_rfc_6803() {
        check_derived_keys("25", |key, constant, output| {
            derive(&Camellia128Cmac::base(key), constant, output);
        });
        check_derived_keys("26", |key, constant, output| {
            derive(&Camellia256Cmac::base(key), constant, output);
        });
    }
}
