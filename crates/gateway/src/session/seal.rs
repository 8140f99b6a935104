//! Sealing with the keys of a ring: `version | key's number | nonce | ciphertext | tag`, AES-256-GCM.
//!
//! What a thing is for is authenticated with it, so a cookie is no form's token and the reverse.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use base64ct::{Base64UrlUnpadded, Encoding};
use rand::Rng;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NUMBER: usize = 4;
const NONCE: usize = 12;
const TAG: usize = 16;
/// What surrounds the secret.
const AROUND: usize = 1 + NUMBER + NONCE + TAG;
/// Nothing longer is looked at: browsers keep no longer cookie.
const MOST_TEXT: usize = 4096;

/// What a sealed thing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The cookie of a session.
    Session = 1,
    /// The token of a sign-in form.
    Form = 2,
}

/// Why a text does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsealed {
    /// It is no text of ours: too short or long, or not in base64.
    Malformed,
    /// No key of the ring has its number.
    Unknown(u32),
    /// The key does not open it.
    Altered,
}

/// A key, ready for use.
pub(crate) struct SealingKey {
    number: u32,
    bytes: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealingKey({:08x})", self.number)
    }
}

impl SealingKey {
    pub(crate) fn new(number: u32, bytes: Zeroizing<[u8; 32]>) -> Self {
        let cipher = Aes256Gcm::new((&*bytes).into());
        Self {
            number,
            bytes,
            cipher,
        }
    }

    pub(crate) fn random() -> Self {
        let mut rng = rand::rng();
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self::new(rng.next_u32(), bytes)
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Seals, in the letters of cookies and forms.
    pub(crate) fn seal(&self, purpose: Purpose, secret: &[u8]) -> String {
        let mut nonce = Nonce::<Aes256Gcm>::default();
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(secret.len().saturating_add(AROUND));
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.number.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(secret.to_vec());
        let data = associated_data(purpose, self.number);
        match self
            .cipher
            .encrypt_inout_detached(&nonce, &data, body.as_mut_slice().into())
        {
            Ok(tag) => {
                sealed.extend_from_slice(&body);
                sealed.extend_from_slice(&tag);
            }
            // Only for what is longer than 64 GiB; and an empty text opens nowhere.
            Err(_) => sealed.clear(),
        }
        Base64UrlUnpadded::encode_string(&sealed)
    }

    fn open(&self, purpose: Purpose, parts: &Parts<'_>) -> Result<Zeroizing<Vec<u8>>, Unsealed> {
        let altered = |_| Unsealed::Altered;
        let nonce = Nonce::<Aes256Gcm>::try_from(parts.nonce).map_err(altered)?;
        let tag = Tag::<Aes256Gcm>::try_from(parts.tag).map_err(altered)?;
        let mut secret = Zeroizing::new(parts.ciphertext.to_vec());
        let data = associated_data(purpose, self.number);
        self.cipher
            .decrypt_inout_detached(&nonce, &data, secret.as_mut_slice().into(), &tag)
            .map_err(|_| Unsealed::Altered)?;
        Ok(secret)
    }
}

/// Opens a text with whichever of the keys has sealed it.
pub(crate) fn open(
    keys: &[SealingKey],
    purpose: Purpose,
    text: &str,
) -> Result<Zeroizing<Vec<u8>>, Unsealed> {
    let mut octets = [0; MOST_TEXT];
    if text.len() > MOST_TEXT {
        return Err(Unsealed::Malformed);
    }
    let octets_len = Base64UrlUnpadded::decode(text, &mut octets)
        .map_err(|_| Unsealed::Malformed)?
        .len();
    let parts = octets.get(..octets_len).and_then(Parts::of);
    let parts = parts.ok_or(Unsealed::Malformed)?;
    let fits = |key: &&SealingKey| key.number == parts.number;
    let mut fitting = keys.iter().filter(fits).peekable();
    if fitting.peek().is_none() {
        return Err(Unsealed::Unknown(parts.number));
    }
    let opened = fitting.find_map(|key| key.open(purpose, &parts).ok());
    opened.ok_or(Unsealed::Altered)
}

struct Parts<'a> {
    number: u32,
    nonce: &'a [u8],
    ciphertext: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Option<Self> {
        let (&version, rest) = sealed.split_first()?;
        let (number, rest) = rest.split_first_chunk::<NUMBER>()?;
        let (nonce, rest) = rest.split_at_checked(NONCE)?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG)?)?;
        (version == VERSION).then_some(Self {
            number: u32::from_be_bytes(*number),
            nonce,
            ciphertext,
            tag,
        })
    }
}

fn associated_data(purpose: Purpose, number: u32) -> Vec<u8> {
    [
        &b"kerbstone gateway\0"[..],
        &[purpose as u8],
        &number.to_be_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_s_token_is_no_cookie() {
        let key = SealingKey::random();
        let sealed = key.seal(Purpose::Form, b"secret");
        let keys = [key];
        assert_eq!(
            open(&keys, Purpose::Form, &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert_eq!(
            open(&keys, Purpose::Session, &sealed),
            Err(Unsealed::Altered)
        );
    }

    #[test]
    fn two_keys_of_one_number_are_both_tried() {
        let (mine, other) = (SealingKey::random(), SealingKey::random());
        let namesake = SealingKey::new(mine.number(), other.bytes);
        let sealed = mine.seal(Purpose::Session, b"secret");
        assert!(open(&[namesake, mine], Purpose::Session, &sealed).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_whole_and_not_otherwise(
            secret in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), flip in 1_u8..64,
        ) {
            let key = SealingKey::random();
            let sealed = key.seal(Purpose::Session, &secret);
            let keys = [key];
            let opened = open(&keys, Purpose::Session, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), secret.as_slice());
            const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut altered = sealed.clone().into_bytes();
            let place = at.index(altered.len());
            let value = LETTERS.iter().position(|&letter| letter == altered[place]).unwrap();
            altered[place] = LETTERS[(value + usize::from(flip)) % 64];
            let altered = String::from_utf8(altered).unwrap();
            prop_assert!(open(&keys, Purpose::Session, &altered).is_err());
            prop_assert!(open(&keys, Purpose::Session, &sealed[..place]).is_err());
        }

        #[test]
        fn no_text_whatever_makes_trouble(text in ".{0,200}") {
            let keys = [SealingKey::random()];
            prop_assert!(open(&keys, Purpose::Session, &text).is_err());
        }
    }
}
