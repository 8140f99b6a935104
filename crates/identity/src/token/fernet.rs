//! The Fernet format: AES-128-CBC and HMAC-SHA256 over a version, a time and a vector, in base64url.
//!
//! Keystone strips the padding from what it gives out and takes it with and without.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use aes::Aes128;
use base64ct::{Base64UrlUnpadded, Encoding};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use hmac::digest::common::Key;
use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::TokenError;

/// A token of a federated user in a hundred groups has some four thousand characters.
const LONGEST: usize = 32 * 1024;
const VERSION: u8 = 0x80;
const BLOCK: usize = 16;

/// One key: the first half signs, the second encrypts.
#[derive(Clone)]
pub struct FernetKey {
    signing: Zeroizing<[u8; 16]>,
    encryption: Zeroizing<[u8; 16]>,
}

/// A token taken out of its base64, not yet believed.
#[derive(Debug)]
pub(super) struct Envelope {
    signed: Vec<u8>,
    mac: [u8; 32],
}

/// What was in a token, and when it was made.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    /// In seconds since 1970.
    pub(super) made_at: u64,
}

impl FernetKey {
    /// A new key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self {
            signing: Zeroizing::new([0; 16]),
            encryption: Zeroizing::new([0; 16]),
        };
        rng.fill_bytes(&mut *key.signing);
        rng.fill_bytes(&mut *key.encryption);
        key
    }

    /// A key as it stands in a file of Keystone's repository: base64url of 32 octets.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let octets =
            Zeroizing::new(Base64UrlUnpadded::decode_vec(text.trim().trim_end_matches('=')).ok()?);
        let (signing, encryption) = octets.split_first_chunk::<16>()?;
        Some(Self {
            signing: Zeroizing::new(*signing),
            encryption: Zeroizing::new(encryption.try_into().ok()?),
        })
    }

    /// The key as a file of the repository holds it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let octets = Zeroizing::new([*self.signing, *self.encryption].concat());
        let mut text = Zeroizing::new(Base64UrlUnpadded::encode_string(&octets));
        text.push('=');
        text
    }

    /// A token without padding that holds `plaintext` and says that it was made at `now`, in seconds since 1970.
    #[must_use]
    pub fn seal(&self, plaintext: &[u8], now: u64, rng: &mut dyn CryptoRng) -> String {
        let mut vector = [0; BLOCK];
        rng.fill_bytes(&mut vector);
        let blocks = Encryptor::<Aes128>::new((&*self.encryption).into(), (&vector).into())
            .encrypt_padded_vec::<Pkcs7>(plaintext);
        let mut token = Vec::with_capacity(blocks.len().saturating_add(57));
        token.push(VERSION);
        token.extend_from_slice(&now.to_be_bytes());
        token.extend_from_slice(&vector);
        token.extend_from_slice(&blocks);
        let mac = self.mac(&token).finalize().into_bytes();
        token.extend_from_slice(&mac);
        Base64UrlUnpadded::encode_string(&token)
    }

    /// What `envelope` holds, when this key made it.
    pub(super) fn open(&self, envelope: &Envelope) -> Result<Opened, TokenError> {
        self.mac(&envelope.signed)
            .verify(&envelope.mac.into())
            .map_err(|_| TokenError::UnknownKey)?;
        let (made_at, rest) = envelope
            .signed
            .get(1..)
            .and_then(<[u8]>::split_first_chunk::<8>)
            .ok_or(TokenError::NotFernet)?;
        let (vector, blocks) = rest
            .split_first_chunk::<BLOCK>()
            .ok_or(TokenError::NotFernet)?;
        let plaintext = Decryptor::<Aes128>::new((&*self.encryption).into(), vector.into())
            .decrypt_padded_vec::<Pkcs7>(blocks)
            .map_err(|_| TokenError::NotFernet)?;
        Ok(Opened {
            plaintext: Zeroizing::new(plaintext),
            made_at: u64::from_be_bytes(*made_at),
        })
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mut block = Key::<Hmac<Sha256>>::default();
        for (octet, key) in block.iter_mut().zip(self.signing.iter()) {
            *octet = *key;
        }
        let mut mac = Hmac::<Sha256>::new(&block);
        block.zeroize();
        mac.update(signed);
        mac
    }
}

impl std::fmt::Debug for FernetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FernetKey").finish_non_exhaustive()
    }
}

impl Envelope {
    pub(super) fn read(text: &str) -> Result<Self, TokenError> {
        if text.len() > LONGEST {
            return Err(TokenError::TooLong);
        }
        let mut signed = Base64UrlUnpadded::decode_vec(text.trim_end_matches('='))
            .map_err(|_| TokenError::NotFernet)?;
        let (_, mac) = signed
            .split_last_chunk::<32>()
            .ok_or(TokenError::NotFernet)?;
        let mac = *mac;
        signed.truncate(signed.len().saturating_sub(mac.len()));
        let blocks = signed.len().checked_sub(25).ok_or(TokenError::NotFernet)?;
        if signed.first() != Some(&VERSION) || blocks == 0 || !blocks.is_multiple_of(BLOCK) {
            return Err(TokenError::NotFernet);
        }
        Ok(Self { signed, mac })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://github.com/fernet/spec/blob/master/generate.json>
    #[test]
    fn opens_the_vector_of_the_specification() {
        let key = FernetKey::from_text("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
        let envelope = Envelope::read(
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        )
        .unwrap();
        let opened = key.open(&envelope).unwrap();
        assert_eq!(*opened.plaintext, b"hello");
        assert_eq!(opened.made_at, 499_162_800);
    }

    #[test]
    fn refuses_a_token_in_which_any_octet_was_altered() {
        let key = FernetKey::generate(&mut rand::rng());
        let token = key.seal(b"what a token says", 1_700_000_000, &mut rand::rng());
        for place in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let opened = Envelope::read(&altered).and_then(|envelope| key.open(&envelope));
            assert!(opened.is_err(), "altered at {place}");
        }
        for length in 0..token.len() {
            let opened = Envelope::read(&token[..length]).and_then(|envelope| key.open(&envelope));
            assert!(opened.is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_key_goes_through_its_file_form() {
        let key = FernetKey::generate(&mut rand::rng());
        let again = FernetKey::from_text(&key.to_text()).unwrap();
        assert_eq!(key.to_text(), again.to_text());
        assert!(FernetKey::from_text("c2hvcnQ=").is_none());
    }
}
