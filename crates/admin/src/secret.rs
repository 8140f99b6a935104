//! Passwords and keys on their way.

use std::fmt;

use base64ct::{Base64, Encoding};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped and never printed. In JSON they are base64, which needs no
/// escapes, so that reading them leaves no copy in the parser's buffers.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(Base64::encode_string(&self.0));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FromBase64)
    }
}

struct FromBase64;

impl Visitor<'_> for FromBase64 {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        // The text may be a secret that somebody forgot to encode: the error does not repeat it.
        let bytes = Base64::decode_vec(text).map_err(|_| E::custom("a secret is not base64"))?;
        Ok(Secret::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_passes_through_json_and_is_not_printed() {
        let secret = Secret::from(&b"p\xff\"ss"[..]);
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(serde_json::from_str::<Secret>(&json).unwrap(), secret);
        assert!(!format!("{secret:?}").contains("ss"));
    }

    #[test]
    fn what_is_not_base64_is_not_repeated_in_the_error() {
        let error = serde_json::from_str::<Secret>("\"hunter 2!\"").unwrap_err();
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}
