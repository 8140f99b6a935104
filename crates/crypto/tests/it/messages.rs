//! Encryption and checksums seen from outside: what goes round, and what is refused.

use kerbstone_crypto::{ChecksumType, CryptoError, Enctype, Key, KeyUsage};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

const USAGE: KeyUsage = KeyUsage::TICKET;

fn available() -> impl Iterator<Item = Enctype> {
    Enctype::ALL
        .iter()
        .copied()
        .filter(|enctype| enctype.is_available())
}

fn any_key() -> impl Strategy<Value = Key> {
    let enctypes: Vec<_> = available().collect();
    (prop::sample::select(enctypes), any::<[u8; 32]>())
        .prop_map(|(enctype, seed)| Key::random(enctype, &mut rng(seed)).unwrap())
}

fn rng(seed: [u8; 32]) -> StdRng {
    StdRng::from_seed(seed)
}

/// What decrypting gives: des3 pads to whole blocks and cannot tell.
fn padded(enctype: Enctype, plaintext: &[u8]) -> Vec<u8> {
    let mut plaintext = plaintext.to_vec();
    if enctype == Enctype::Des3CbcSha1 {
        plaintext.resize(plaintext.len().next_multiple_of(8), 0);
    }
    plaintext
}

proptest! {
    #[test]
    fn what_is_encrypted_decrypts(
        key in any_key(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        usage in any::<u32>(),
        seed in any::<[u8; 32]>(),
    ) {
        let usage = KeyUsage(usage);
        let message = key.encrypt(usage, &plaintext, &mut rng(seed));
        prop_assert_eq!(message.len(), key.enctype().ciphertext_length(plaintext.len()));
        let opened = key.decrypt(usage, &message)?;
        prop_assert_eq!(&*opened, &padded(key.enctype(), &plaintext));
    }

    #[test]
    fn appending_and_in_place_give_the_same_message(
        key in any_key(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        seed in any::<[u8; 32]>(),
    ) {
        let message = key.encrypt(USAGE, &plaintext, &mut rng(seed));

        let mut appended = b"before".to_vec();
        key.encrypt_into(USAGE, &plaintext, &mut rng(seed), &mut appended);
        prop_assert_eq!(appended.strip_prefix(b"before"), Some(message.as_slice()));

        let enctype = key.enctype();
        let mut laid_out = vec![0; enctype.header_length()];
        laid_out.extend(&plaintext);
        laid_out.resize(enctype.ciphertext_length(plaintext.len()), 0);
        key.encrypt_in_place(USAGE, &mut laid_out, &mut rng(seed))?;
        prop_assert_eq!(&laid_out, &message);

        let range = key.decrypt_in_place(USAGE, &mut laid_out)?;
        prop_assert_eq!(&laid_out[range], &padded(enctype, &plaintext));
    }

    #[test]
    fn a_flipped_bit_is_refused_and_nothing_is_left(
        key in any_key(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
        bit in 0..8,
    ) {
        let mut message = key.encrypt(USAGE, &plaintext, &mut rng([1; 32]));
        let position = position.index(message.len());
        message[position] ^= 1u8 << bit;
        prop_assert_eq!(key.decrypt(USAGE, &message), Err(CryptoError::Integrity));
        prop_assert_eq!(key.decrypt_in_place(USAGE, &mut message), Err(CryptoError::Integrity));
        prop_assert!(message.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_truncated_message_is_refused(
        key in any_key(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        kept in any::<prop::sample::Index>(),
    ) {
        let message = key.encrypt(USAGE, &plaintext, &mut rng([1; 32]));
        let kept = kept.index(message.len());
        prop_assert!(key.decrypt(USAGE, &message[..kept]).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused(
        key in any_key(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(key.decrypt(USAGE, &bytes).is_err());
    }

    #[test]
    fn another_usage_or_key_is_refused(
        key in any_key(),
        other in any_key(),
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let message = key.encrypt(USAGE, &plaintext, &mut rng([1; 32]));
        let checksum = key.checksum(USAGE, &plaintext);
        let kind = key.enctype().checksum_type();
        let wrong = KeyUsage::AP_REP;
        prop_assert!(key.decrypt(wrong, &message).is_err());
        prop_assert!(key.verify_checksum(wrong, kind, &plaintext, &checksum).is_err());
        prop_assert!(other.decrypt(USAGE, &message).is_err());
        prop_assert!(other.verify_checksum(USAGE, kind, &plaintext, &checksum).is_err());
    }

    #[test]
    fn a_checksum_proves_its_data_only(
        key in any_key(),
        data in prop::collection::vec(any::<u8>(), 1..200),
        position in any::<prop::sample::Index>(),
    ) {
        let kind = key.enctype().checksum_type();
        let checksum = key.checksum(USAGE, &data);
        prop_assert_eq!(checksum.len(), kind.length());
        key.verify_checksum(USAGE, kind, &data, &checksum)?;
        let mut altered = data.clone();
        altered[position.index(data.len())] ^= 0x10;
        prop_assert_eq!(
            key.verify_checksum(USAGE, kind, &altered, &checksum),
            Err(CryptoError::Integrity)
        );
        prop_assert_eq!(
            key.verify_checksum(USAGE, kind, &data, &checksum[1..]),
            Err(CryptoError::Integrity)
        );
    }
}

#[test]
fn every_flipped_bit_of_a_message_is_refused() {
    for enctype in available() {
        let key = Key::random(enctype, &mut rng([2; 32])).unwrap();
        let message = key.encrypt(
            USAGE,
            b"a message of some blocks, not whole",
            &mut rng([3; 32]),
        );
        for bit in 0..message.len() * 8 {
            let mut altered = message.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.decrypt(USAGE, &altered),
                Err(CryptoError::Integrity),
                "{enctype}"
            );
        }
    }
}

#[test]
fn every_length_goes_round() {
    for enctype in available() {
        let key = Key::random(enctype, &mut rng([2; 32])).unwrap();
        for length in 0..300 {
            let plaintext = vec![0x5a; length];
            let message = key.encrypt(USAGE, &plaintext, &mut rng([3; 32]));
            assert_eq!(
                *key.decrypt(USAGE, &message).unwrap(),
                padded(enctype, &plaintext)
            );
        }
    }
}

#[test]
fn a_buffer_without_room_is_refused() {
    for enctype in available() {
        let key = Key::random(enctype, &mut rng([2; 32])).unwrap();
        let least = enctype.ciphertext_length(0);
        for length in 0..least {
            let refused = key.encrypt_in_place(USAGE, &mut vec![0; length], &mut rng([3; 32]));
            let error = CryptoError::BufferLength {
                enctype,
                actual: length,
            };
            assert_eq!(refused, Err(error));
        }
        key.encrypt_in_place(USAGE, &mut vec![0; least], &mut rng([3; 32]))
            .unwrap();
    }
}

#[test]
fn a_checksum_of_another_type_is_refused() {
    let key = Key::new(Enctype::Aes256CtsHmacSha1_96, &[1; 32]).unwrap();
    let checksum = key.checksum(USAGE, b"data");
    let kind = ChecksumType::HmacSha1_96Aes128;
    assert_eq!(
        key.verify_checksum(USAGE, kind, b"data", &checksum),
        Err(CryptoError::ChecksumType {
            expected: ChecksumType::HmacSha1_96Aes256,
            actual: kind
        })
    );
}

#[test]
fn threads_that_share_a_key_agree() {
    let key = Key::new(Enctype::Aes256CtsHmacSha1_96, &[1; 32]).unwrap();
    std::thread::scope(|scope| {
        for start in 0..8 {
            let key = key.clone();
            scope.spawn(move || {
                for usage in (start..start + 32).map(KeyUsage) {
                    let fresh = Key::new(key.enctype(), key.bytes()).unwrap();
                    let message = key.encrypt(usage, b"shared", &mut rng([4; 32]));
                    assert_eq!(*fresh.decrypt(usage, &message).unwrap(), b"shared");
                }
            });
        }
    });
}
