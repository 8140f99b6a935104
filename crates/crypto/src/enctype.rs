//! Encryption types: their numbers, names and sizes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::ChecksumType;

/// An encryption type, by its IANA number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub enum Enctype {
    /// des3-cbc-sha1-kd (RFC 3961 6.3). Legacy.
    Des3CbcSha1 = 16,
    /// aes128-cts-hmac-sha1-96 (RFC 3962).
    Aes128CtsHmacSha1_96 = 17,
    /// aes256-cts-hmac-sha1-96 (RFC 3962).
    Aes256CtsHmacSha1_96 = 18,
    /// aes128-cts-hmac-sha256-128 (RFC 8009).
    Aes128CtsHmacSha256_128 = 19,
    /// aes256-cts-hmac-sha384-192 (RFC 8009).
    Aes256CtsHmacSha384_192 = 20,
    /// rc4-hmac (RFC 4757). Legacy.
    Rc4Hmac = 23,
    /// camellia128-cts-cmac (RFC 6803).
    Camellia128CtsCmac = 25,
    /// camellia256-cts-cmac (RFC 6803).
    Camellia256CtsCmac = 26,
}

impl Enctype {
    /// Every enctype that can be named, legacy ones last.
    pub const ALL: &'static [Self] = &[
        Self::Aes256CtsHmacSha1_96,
        Self::Aes128CtsHmacSha1_96,
        Self::Aes256CtsHmacSha384_192,
        Self::Aes128CtsHmacSha256_128,
        Self::Camellia256CtsCmac,
        Self::Camellia128CtsCmac,
        Self::Des3CbcSha1,
        Self::Rc4Hmac,
    ];

    /// What `DEFAULT` stands for in a list: the strong enctypes, best understood by peers first.
    ///
    /// The order is MIT's (`default_enctype_list`) without des3 and rc4.
    pub const DEFAULT: &'static [Self] = &[
        Self::Aes256CtsHmacSha1_96,
        Self::Aes128CtsHmacSha1_96,
        Self::Aes256CtsHmacSha384_192,
        Self::Aes128CtsHmacSha256_128,
        Self::Camellia128CtsCmac,
        Self::Camellia256CtsCmac,
    ];

    /// The enctype with this number on the wire, if it is one of ours.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            16 => Self::Des3CbcSha1,
            17 => Self::Aes128CtsHmacSha1_96,
            18 => Self::Aes256CtsHmacSha1_96,
            19 => Self::Aes128CtsHmacSha256_128,
            20 => Self::Aes256CtsHmacSha384_192,
            23 => Self::Rc4Hmac,
            25 => Self::Camellia128CtsCmac,
            26 => Self::Camellia256CtsCmac,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The name that MIT's programs print.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Des3CbcSha1 => "des3-cbc-sha1",
            Self::Aes128CtsHmacSha1_96 => "aes128-cts-hmac-sha1-96",
            Self::Aes256CtsHmacSha1_96 => "aes256-cts-hmac-sha1-96",
            Self::Aes128CtsHmacSha256_128 => "aes128-cts-hmac-sha256-128",
            Self::Aes256CtsHmacSha384_192 => "aes256-cts-hmac-sha384-192",
            Self::Rc4Hmac => "arcfour-hmac",
            Self::Camellia128CtsCmac => "camellia128-cts-cmac",
            Self::Camellia256CtsCmac => "camellia256-cts-cmac",
        }
    }

    /// Other names that MIT's programs accept.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Des3CbcSha1 => &["des3-hmac-sha1", "des3-cbc-sha1-kd"],
            Self::Aes128CtsHmacSha1_96 => &["aes128-cts", "aes128-sha1"],
            Self::Aes256CtsHmacSha1_96 => &["aes256-cts", "aes256-sha1"],
            Self::Aes128CtsHmacSha256_128 => &["aes128-sha2"],
            Self::Aes256CtsHmacSha384_192 => &["aes256-sha2"],
            Self::Rc4Hmac => &["rc4-hmac", "arcfour-hmac-md5"],
            Self::Camellia128CtsCmac => &["camellia128-cts"],
            Self::Camellia256CtsCmac => &["camellia256-cts"],
        }
    }

    /// The name that MIT's traces use, `aes256-cts`.
    pub const fn short_name(self) -> &'static str {
        match (self, self.aliases()) {
            (Self::Des3CbcSha1, _) | (_, []) => self.name(),
            (_, [short, ..]) => short,
        }
    }

    /// Whether the enctype is broken or deprecated (RFC 8429) and served for import only.
    pub const fn is_legacy(self) -> bool {
        matches!(self, Self::Des3CbcSha1 | Self::Rc4Hmac)
    }

    /// Whether this build can compute with the enctype.
    pub const fn is_available(self) -> bool {
        cfg!(feature = "legacy") || !self.is_legacy()
    }

    /// The length of a key, in bytes.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128CtsHmacSha1_96
            | Self::Aes128CtsHmacSha256_128
            | Self::Rc4Hmac
            | Self::Camellia128CtsCmac => 16,
            Self::Des3CbcSha1 => 24,
            Self::Aes256CtsHmacSha1_96
            | Self::Aes256CtsHmacSha384_192
            | Self::Camellia256CtsCmac => 32,
        }
    }

    /// How many random bytes make a key (RFC 3961 3, key-generation seed length).
    pub const fn seed_length(self) -> usize {
        match self {
            Self::Des3CbcSha1 => 21,
            _ => self.key_length(),
        }
    }

    /// The checksum that keys of this enctype make.
    pub const fn checksum_type(self) -> ChecksumType {
        match self {
            Self::Des3CbcSha1 => ChecksumType::HmacSha1Des3Kd,
            Self::Aes128CtsHmacSha1_96 => ChecksumType::HmacSha1_96Aes128,
            Self::Aes256CtsHmacSha1_96 => ChecksumType::HmacSha1_96Aes256,
            Self::Aes128CtsHmacSha256_128 => ChecksumType::HmacSha256_128Aes128,
            Self::Aes256CtsHmacSha384_192 => ChecksumType::HmacSha384_192Aes256,
            Self::Rc4Hmac => ChecksumType::HmacMd5,
            Self::Camellia128CtsCmac => ChecksumType::CmacCamellia128,
            Self::Camellia256CtsCmac => ChecksumType::CmacCamellia256,
        }
    }

    /// How many bytes of an encrypted message stand before the encrypted plaintext.
    pub const fn header_length(self) -> usize {
        match self {
            Self::Des3CbcSha1 => 8,
            Self::Rc4Hmac => 24,
            _ => 16,
        }
    }

    /// How many bytes (padding, checksum) follow an encrypted plaintext of `plaintext` bytes.
    pub const fn trailer_length(self, plaintext: usize) -> usize {
        match self {
            Self::Rc4Hmac => 0,
            Self::Des3CbcSha1 => plaintext.wrapping_neg() % 8 + 20,
            _ => self.checksum_type().length(),
        }
    }

    /// The length of the message that encrypting `plaintext` bytes gives.
    pub const fn ciphertext_length(self, plaintext: usize) -> usize {
        self.header_length() + plaintext + self.trailer_length(plaintext)
    }
}

impl fmt::Display for Enctype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A name that no enctype has. [`Enctype::ALL`] lists those that exist.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("no enctype is called {0:?}")]
pub struct UnknownEnctype(pub String);

impl FromStr for Enctype {
    type Err = UnknownEnctype;

    /// Accepts [`Enctype::name`] and [`Enctype::aliases`] in any case.
    fn from_str(text: &str) -> Result<Self, UnknownEnctype> {
        Self::ALL
            .iter()
            .copied()
            .find(|enctype| enctype.is_called(text))
            .ok_or_else(|| UnknownEnctype(text.to_owned()))
    }
}

impl Enctype {
    fn is_called(self, text: &str) -> bool {
        self.name().eq_ignore_ascii_case(text)
            || self
                .aliases()
                .iter()
                .any(|alias| alias.eq_ignore_ascii_case(text))
    }
}
