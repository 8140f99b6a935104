//! Triple DES with HMAC-SHA1 (RFC 3961 6.3): the simplified profile on whole blocks. Legacy.

use aes::cipher::{Key, KeyInit};
use des::TdesEde3;
use hmac::Hmac;
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

use crate::KeyUsage;
use crate::cbc_cts::{self, Mode};
use crate::mac_key::keyed;
use crate::nfold::nfold;
use crate::profile::{Coverage, Profile, Purpose};
use crate::simplified::derive_random;

/// des3-cbc-sha1-kd.
pub(crate) struct Des3Sha1;

impl Profile for Des3Sha1 {
    type Base = TdesEde3;
    type Encryptor = TdesEde3;
    type Decryptor = TdesEde3;
    type Mac = Hmac<Sha1>;

    const BLOCK: usize = 8;
    const MAC_LENGTH: usize = 20;
    const COVERAGE: Coverage = Coverage::Plaintext;
    const MODE: Mode = Mode::Cbc;

    fn base(key: &[u8]) -> TdesEde3 {
        cipher(key)
    }

    fn encryptor(base: &TdesEde3, usage: KeyUsage) -> TdesEde3 {
        cipher(derive(base, &Purpose::Encryption.constant(usage)).as_ref())
    }

    fn decryptor(encryptor: &TdesEde3) -> TdesEde3 {
        encryptor.clone()
    }

    fn mac(base: &TdesEde3, usage: KeyUsage, purpose: Purpose) -> Hmac<Sha1> {
        keyed(derive(base, &purpose.constant(usage)).as_ref())
    }

    fn derive_password_key(base: &TdesEde3, key: &mut [u8]) {
        key.copy_from_slice(derive(base, b"kerberos").as_ref());
    }

    fn prf(base: &TdesEde3, input: &[u8]) -> Zeroizing<Vec<u8>> {
        let cipher = cipher(derive(base, b"prf").as_ref());
        let mut output = Zeroizing::new(Sha1::digest(input)[..16].to_vec());
        cbc_cts::encrypt(&cipher, Mode::Cbc, &mut output);
        output
    }
}

/// The key that a password makes with a salt (RFC 3961 6.3.1).
pub(crate) fn string_to_key(password: &[u8], salt: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = Zeroizing::new([password, salt].concat());
    let folded = Zeroizing::new(nfold::<21>(&text));
    let base = cipher(random_to_key(&folded).as_ref());
    Zeroizing::new(derive(&base, b"kerberos").to_vec())
}

/// Spreads 168 bits over three DES keys with odd parity (RFC 3961 6.3.1).
pub(crate) fn random_to_key(seed: &[u8; 21]) -> Zeroizing<[u8; 24]> {
    let mut key = Zeroizing::new([0; 24]);
    for (part, bits) in key.chunks_exact_mut(8).zip(seed.chunks_exact(7)) {
        let lowest = (1..).zip(bits).map(|(shift, byte)| (byte & 1) << shift);
        let bytes = bits.iter().copied().chain([lowest.sum()]);
        for (own, byte) in part.iter_mut().zip(bytes) {
            *own = with_odd_parity(byte);
        }
    }
    key
}

fn with_odd_parity(byte: u8) -> u8 {
    let bits = byte & 0xfe;
    bits | u8::from(bits.count_ones().is_multiple_of(2))
}

fn derive(base: &TdesEde3, constant: &[u8]) -> Zeroizing<[u8; 24]> {
    let mut seed = Zeroizing::new([0; 21]);
    derive_random(base, &nfold::<8>(constant).into(), seed.as_mut());
    random_to_key(&seed)
}

fn cipher(key: &[u8]) -> TdesEde3 {
    let mut copy = Key::<TdesEde3>::default();
    copy.copy_from_slice(key);
    let cipher = TdesEde3::new(&copy);
    copy.zeroize();
    cipher
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vectors::{hex, rows};

    #[test]
    fn derives_the_keys_of_rfc_3961() {
        let rows = rows(include_str!("../tests/it/vectors/des3_derive.txt"));
        assert_eq!(rows.len(), 9);
        for row in rows {
            let columns: Vec<_> = row.into_iter().map(hex).collect();
            let [key, constant, random, derived] = columns.as_slice() else {
                panic!("four columns");
            };
            let base = cipher(key);
            let mut output = [0; 21];
            derive_random(&base, &nfold::<8>(constant).into(), &mut output);
            assert_eq!(output.as_slice(), random);
            assert_eq!(derive(&base, constant).as_slice(), derived);
        }
    }
}
