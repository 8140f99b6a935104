//! The keyed checksum that goes with each enctype.

use std::fmt;

/// A keyed checksum type, by its IANA number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub enum ChecksumType {
    /// hmac-sha1-des3-kd (RFC 3961 6.3), 20 bytes. Legacy.
    HmacSha1Des3Kd = 12,
    /// hmac-sha1-96-aes128 (RFC 3962), 12 bytes.
    HmacSha1_96Aes128 = 15,
    /// hmac-sha1-96-aes256 (RFC 3962), 12 bytes.
    HmacSha1_96Aes256 = 16,
    /// cmac-camellia128 (RFC 6803), 16 bytes.
    CmacCamellia128 = 17,
    /// cmac-camellia256 (RFC 6803), 16 bytes.
    CmacCamellia256 = 18,
    /// hmac-sha256-128-aes128 (RFC 8009), 16 bytes.
    HmacSha256_128Aes128 = 19,
    /// hmac-sha384-192-aes256 (RFC 8009), 24 bytes.
    HmacSha384_192Aes256 = 20,
    /// hmac-md5 of rc4-hmac (RFC 4757 4), 16 bytes. Legacy.
    HmacMd5 = -138,
}

impl ChecksumType {
    /// The checksum type with this number on the wire, if it is one of ours.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            12 => Self::HmacSha1Des3Kd,
            15 => Self::HmacSha1_96Aes128,
            16 => Self::HmacSha1_96Aes256,
            17 => Self::CmacCamellia128,
            18 => Self::CmacCamellia256,
            19 => Self::HmacSha256_128Aes128,
            20 => Self::HmacSha384_192Aes256,
            -138 => Self::HmacMd5,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The length of a checksum, in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::HmacSha1_96Aes128 | Self::HmacSha1_96Aes256 => 12,
            Self::CmacCamellia128
            | Self::CmacCamellia256
            | Self::HmacSha256_128Aes128
            | Self::HmacMd5 => 16,
            Self::HmacSha1Des3Kd => 20,
            Self::HmacSha384_192Aes256 => 24,
        }
    }

    /// The name of the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha1Des3Kd => "hmac-sha1-des3-kd",
            Self::HmacSha1_96Aes128 => "hmac-sha1-96-aes128",
            Self::HmacSha1_96Aes256 => "hmac-sha1-96-aes256",
            Self::CmacCamellia128 => "cmac-camellia128",
            Self::CmacCamellia256 => "cmac-camellia256",
            Self::HmacSha256_128Aes128 => "hmac-sha256-128-aes128",
            Self::HmacSha384_192Aes256 => "hmac-sha384-192-aes256",
            Self::HmacMd5 => "hmac-md5",
        }
    }
}

impl fmt::Display for ChecksumType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
