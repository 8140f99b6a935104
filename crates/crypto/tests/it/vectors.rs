//! Published test vectors, one file per kind in `vectors/`.

use std::convert::Infallible;

use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage, nfold};
use rand_core::{TryCryptoRng, TryRng};

const WEAK: IterationLimit = IterationLimit::DEFAULT.or_weak();

#[test]
fn nfold_gives_the_values_of_rfc_3961() {
    fn check<const N: usize>(input: &str, folded: &str) {
        assert_eq!(
            nfold::<N>(input.as_bytes()).as_slice(),
            hex(folded),
            "{input}"
        );
    }
    check::<8>("012345", "be072631276b1955");
    check::<7>("password", "78a07b6caf85fa");
    check::<8>("Rough Consensus, and Running Code", "bb6ed30870b7f0e0");
    check::<21>("password", "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e");
    check::<24>(
        "MASSACHVSETTS INSTITVTE OF TECHNOLOGY",
        "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b",
    );
    check::<21>("Q", "518a54a215a8452a518a54a215a8452a518a54a215");
    check::<21>("ba", "fb25d531ae8974499f52fd92ea9857c4ba24cf297e");
    check::<8>("kerberos", "6b65726265726f73");
    check::<16>("kerberos", "6b65726265726f737b9b5b2b93132b93");
    check::<21>("kerberos", "8372c236344e5f1550cd0747e15d62ca7a5a3bcea4");
    check::<32>(
        "kerberos",
        "6b65726265726f737b9b5b2b93132b935c9bdcdad95c9899c4cae4dee6d6cae4",
    );
}

#[test]
fn passwords_give_the_published_keys() {
    for [enctype, password, salt, params, key] in table(include_str!("vectors/string_to_key.txt")) {
        let Some(enctype) = available(&enctype) else {
            continue;
        };
        let params = hex(&params);
        let params = (!params.is_empty()).then_some(params.as_slice());
        let made = Key::from_password(enctype, &hex(&password), &hex(&salt), params, WEAK).unwrap();
        assert_eq!(made.bytes(), hex(&key), "{enctype}");
    }
}

#[test]
fn published_messages_decrypt_and_encrypt_again_to_the_same_bytes() {
    for [enctype, usage, key, plaintext, message] in table(include_str!("vectors/messages.txt")) {
        let Some(enctype) = available(&enctype) else {
            continue;
        };
        let (key, usage) = (Key::new(enctype, &hex(&key)).unwrap(), number(&usage));
        let (plaintext, message) = (hex(&plaintext), hex(&message));

        let mut opened = message.clone();
        let range = key.decrypt_in_place(usage, &mut opened).unwrap();
        assert!(opened[range.clone()].starts_with(&plaintext), "{enctype}");
        assert!(range.len() - plaintext.len() < 8, "{enctype}");

        let confounder = opened[..enctype.header_length()].to_vec();
        let again = key.encrypt(usage, &plaintext, &mut Replay::of(enctype, &confounder));
        assert_eq!(again, message, "{enctype}");
    }
}

#[test]
fn checksums_are_the_published_ones() {
    for [enctype, usage, key, data, checksum] in table(include_str!("vectors/checksums.txt")) {
        let Some(enctype) = available(&enctype) else {
            continue;
        };
        let (key, usage) = (Key::new(enctype, &hex(&key)).unwrap(), number(&usage));
        assert_eq!(
            key.checksum(usage, &hex(&data)),
            hex(&checksum),
            "{enctype}"
        );
        key.verify_checksum(usage, enctype.checksum_type(), &hex(&data), &hex(&checksum))
            .unwrap();
    }
}

#[test]
fn prf_gives_the_published_outputs() {
    for [enctype, key, input, output] in table(include_str!("vectors/prf.txt")) {
        let Some(enctype) = available(&enctype) else {
            continue;
        };
        let key = Key::new(enctype, &hex(&key)).unwrap();
        assert_eq!(*key.prf(&hex(&input)), hex(&output), "{enctype}");
    }
}

#[test]
fn two_keys_combine_to_the_published_key() {
    for [enctype, key] in table(include_str!("vectors/krb_fx_cf2.txt")) {
        let Some(enctype) = available(&enctype) else {
            continue;
        };
        let from = |text: &[u8]| {
            Key::from_password(enctype, text, text, None, IterationLimit::DEFAULT).unwrap()
        };
        let combined = Key::combine(&from(b"key1"), b"a", &from(b"key2"), b"b").unwrap();
        assert_eq!(combined.bytes(), hex(&key), "{enctype}");
    }
}

/// Gives again the confounder that a published message was made with.
struct Replay(Vec<u8>);

impl Replay {
    fn of(enctype: Enctype, header: &[u8]) -> Self {
        let checksum = if enctype == Enctype::Rc4Hmac { 16 } else { 0 };
        Self(header[checksum..].to_vec())
    }
}

impl TryRng for Replay {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("a confounder is bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("a confounder is bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Replay {}

fn table<const COLUMNS: usize>(text: &str) -> Vec<[String; COLUMNS]> {
    let rows: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> = line.split(' ').map(str::to_owned).collect();
            columns.try_into().expect(line)
        })
        .collect();
    assert!(!rows.is_empty());
    rows
}

fn available(number: &str) -> Option<Enctype> {
    let enctype = Enctype::from_number(number.parse().unwrap()).unwrap();
    enctype.is_available().then_some(enctype)
}

fn number(usage: &str) -> KeyUsage {
    KeyUsage(usage.parse().unwrap())
}

fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.trim_start_matches('-');
    (0..digits.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&digits[start..start + 2], 16).unwrap())
        .collect()
}
