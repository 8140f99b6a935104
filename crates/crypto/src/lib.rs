//! Kerberos cryptography: enctypes, keys, encryption, checksums, string-to-key, PRF.
//!
//! The three types to know are [`Enctype`] (which algorithm), [`KeyUsage`] (what for) and
//! [`Key`] (with which secret, and everything derived from it so far). A [`Key`] encrypts,
//! decrypts, makes and checks checksums, and is made from a password, from random bytes or by
//! combining two others.
//!
//! There is no I/O, no clock and no message format here: what goes in and out are bytes, and
//! randomness is passed in.
//!
//! des3-cbc-sha1 and rc4-hmac can always be named; keys of them exist only with the cargo feature
//! `legacy`, which serves importing from older realms.

mod aes_sha1;
mod aes_sha2;
mod camellia_cmac;
mod cbc_cts;
mod checksum_type;
#[cfg(feature = "legacy")]
mod des3_sha1;
mod enctype;
mod enctype_list;
mod error;
mod hmac_md5;
mod key;
mod key_usage;
mod mac_key;
mod nfold;
mod portions;
mod prf;
mod profile;
#[cfg(feature = "legacy")]
mod rc4_hmac;
mod schedules;
mod simplified;
mod string_to_key;
mod suite;
#[cfg(test)]
mod test_vectors;

pub use checksum_type::ChecksumType;
pub use enctype::{Enctype, UnknownEnctype};
pub use enctype_list::EnctypeList;
pub use error::CryptoError;
pub use key::Key;
pub use key_usage::KeyUsage;
pub use nfold::nfold;
pub use portions::Portion;
pub use string_to_key::IterationLimit;
