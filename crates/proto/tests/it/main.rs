//! Kerberos messages against MIT's captured ones, against another implementation's codec, and
//! against what an enemy might send; file formats against MIT's own programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod ccache_files;
mod exchanges;
mod hostile;
mod keytab_files;
mod krb5_conf_files;
mod local_users;
mod mit;
mod mit_messages;
mod oracle;
mod roundtrip;
mod strategies;
mod time_words;
mod values;

use kerbstone_crypto::{Enctype, IterationLimit, Key};

/// The bytes of a text in hex.
pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// The captured message of that name, as bytes; see `captured/README.md`.
macro_rules! captured {
    ($name:literal) => {
        crate::from_hex(include_str!(concat!("captured/", $name, ".hex")))
    };
}
pub(crate) use captured;

pub(crate) fn password_key(enctype: Enctype, password: &str, salt: &str) -> Key {
    let limit = IterationLimit::default();
    Key::from_password(enctype, password.as_bytes(), salt.as_bytes(), None, limit).unwrap()
}

/// The key of bytes 0, 1, 2 ... 31.
pub(crate) fn counting_key() -> Key {
    let bytes: Vec<u8> = (0..32).collect();
    Key::new(Enctype::Aes256CtsHmacSha1_96, &bytes).unwrap()
}
