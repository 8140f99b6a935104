//! The seal on a handle: what only the service's desk opens.
//!
//! Plain, a handle is what `gss_export_cred` gives: for each mechanism its OID and its text, each
//! behind a length of 32 bits. It is sealed as RFC 3961 says, with the usage number 16.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

use kerbstone_client::Context;
use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_gss::Oid;
use kerbstone_proto::keytab::Keytab;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::DeskError;

/// Data of an application (MIT: `KRB5_KEYUSAGE_APP_DATA_ENCRYPT`).
const USAGE: KeyUsage = KeyUsage(16);
/// Shorter padding might be a plain text's own end.
const LEAST_PADDING: u8 = 8;
/// What handles are sealed with when there is no keytab.
const RANDOM_KEY: Enctype = Enctype::Aes256CtsHmacSha1_96;

/// The key that seals a service's handles: the keytab's first of a permitted encryption type.
pub(super) fn key_in(keytab: &Keytab, context: &Context) -> Option<Key> {
    let permitted = context.conf().libdefaults().permitted_enctypes();
    let permitted = permitted.unwrap_or_else(|_| Enctype::DEFAULT.to_vec());
    keytab
        .entries()
        .filter(|entry| {
            let enctype = entry.key.known_enctype();
            enctype.is_some_and(|enctype| permitted.contains(&enctype))
        })
        .find_map(|entry| entry.key.to_key().ok())
}

/// One for this run, when there is no keytab.
pub(super) fn random_key(rng: &mut dyn CryptoRng) -> Result<Key, DeskError> {
    Ok(Key::random(RANDOM_KEY, rng).map_err(kerbstone_gss::GssError::from)?)
}

/// Seals a text of the krb5 mechanism.
pub(super) fn seal(key: &Key, text: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mech = Oid::KRB5.contents().to_vec();
    let enctype = key.enctype();
    let length = text.len().saturating_add(mech.len()).saturating_add(8);
    let padding = padding(enctype, length);
    let mut plain = Zeroizing::new(Vec::with_capacity(
        length.saturating_add(usize::from(padding)),
    ));
    for part in [mech.as_slice(), text] {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(part);
    }
    plain.extend(std::iter::repeat_n(padding, padding.into()));
    key.encrypt(USAGE, &plain, rng)
}

/// The text of the krb5 mechanism in a handle; nothing when the key does not open it.
pub(super) fn open(key: &Key, handle: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, DeskError>> {
    let mut plain = key.decrypt(USAGE, handle).ok()?;
    let length = plain.len().saturating_sub(padding_of(&plain));
    plain.truncate(length);
    Some(text_in(&plain))
}

/// Only encryption types that pad by themselves (DES3) need it: one cannot tell how much they add.
fn padding(enctype: Enctype, length: usize) -> u8 {
    let sealed = |more: u8| enctype.ciphertext_length(length.saturating_add(more.into()));
    if sealed(0) != sealed(1) {
        return 0;
    }
    let up_to = LEAST_PADDING.saturating_add(16);
    (LEAST_PADDING..up_to)
        .find(|&padding| sealed(padding) != sealed(padding.saturating_add(1)))
        .unwrap_or(LEAST_PADDING)
}

fn padding_of(plain: &[u8]) -> usize {
    let Some(&last) = plain.last().filter(|&&last| last >= LEAST_PADDING) else {
        return 0;
    };
    let length = usize::from(last);
    let Some(text) = plain.len().checked_sub(length) else {
        return 0;
    };
    let is_padding = plain
        .get(text..)
        .is_some_and(|end| end.iter().all(|&byte| byte == last));
    if is_padding && text > 1 { length } else { 0 }
}

fn text_in(plain: &[u8]) -> Result<Zeroizing<Vec<u8>>, DeskError> {
    let cut_off = DeskError::Handle("it is cut off");
    let mut rest = plain;
    let mut found = None;
    while !rest.is_empty() {
        let Some((mech, behind)) = counted(rest) else {
            return Err(cut_off);
        };
        let Some((text, behind)) = counted(behind) else {
            return Err(cut_off);
        };
        rest = behind;
        if Oid::from_contents(mech) == Oid::KRB5 && found.replace(text).is_some() {
            return Err(DeskError::Handle("it is of the krb5 mechanism twice"));
        }
    }
    let text = found.ok_or(DeskError::Handle("it is not of the krb5 mechanism"))?;
    Ok(Zeroizing::new(text.to_vec()))
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn key(enctype: Enctype) -> Key {
        Key::random(enctype, &mut StdRng::seed_from_u64(1)).unwrap()
    }

    #[test]
    fn opens_what_it_has_sealed_with_every_enctype() {
        for enctype in Enctype::DEFAULT {
            let key = key(*enctype);
            let handle = seal(&key, b"[\"K5C1\",[]]", &mut StdRng::seed_from_u64(2));
            let text = open(&key, &handle).unwrap().unwrap();
            assert_eq!(text.as_slice(), b"[\"K5C1\",[]]");
            assert!(open(&key, handle.get(1..).unwrap()).is_none());
        }
    }

    #[test]
    fn pads_where_the_enctype_pads_and_takes_it_away_again() {
        assert_eq!(padding(Enctype::Aes256CtsHmacSha1_96, 100), 0);
        assert_eq!(padding(Enctype::Des3CbcSha1, 104), 0);
        assert_eq!(padding(Enctype::Des3CbcSha1, 101), 11);
        assert_eq!(padding(Enctype::Des3CbcSha1, 103), 9);
        let mut plain = vec![1; 50];
        assert_eq!(padding_of(&plain), 0);
        plain.extend([8; 8]);
        assert_eq!(padding_of(&plain), 8);
        plain.pop();
        assert_eq!(padding_of(&plain), 0);
        assert_eq!(padding_of(&[9; 9]), 0);
        assert_eq!(padding_of(&[]), 0);
    }

    #[test]
    fn takes_the_krb5_mechanisms_part_alone() {
        let other = [0, 0, 0, 1, 42, 0, 0, 0, 2, 7, 7];
        let mut plain = other.to_vec();
        assert!(text_in(&plain).is_err());
        plain.extend([0, 0, 0, 9]);
        plain.extend(Oid::KRB5.contents());
        plain.extend([0, 0, 0, 1, b'x']);
        assert_eq!(text_in(&plain).unwrap().as_slice(), b"x");
        let twice = [plain.as_slice(), plain.as_slice()].concat();
        assert!(text_in(&twice).is_err());
        plain.pop();
        assert!(text_in(&plain).is_err());
    }

    proptest! {
        #[test]
        fn does_not_stumble_over_any_plain_text(plain in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = text_in(&plain);
            let _ = padding_of(&plain);
        }
    }
}
