//! The secrets of application credentials: shown once, kept as what they can be checked with.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::Hmac;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Work for one guess at a secret that somebody thought up (OWASP, 2023).
const ROUNDS: u32 = 600_000;
/// More would let whoever writes the store stop the service.
const MOST_ROUNDS: u32 = 10_000_000;

/// What a secret is checked with.
///
/// A secret of our own making cannot be guessed, so one SHA-256 does; one that a person chose costs whoever guesses
/// many rounds of PBKDF2.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Generated([u8; 32]),
    Chosen {
        rounds: u32,
        salt: Vec<u8>,
        hash: [u8; 32],
    },
}

/// A new secret: 64 random octets in base64url, as Keystone makes them.
pub fn generated(rng: &mut dyn CryptoRng) -> Zeroizing<String> {
    let mut octets = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *octets);
    Zeroizing::new(Base64UrlUnpadded::encode_string(&*octets))
}

impl SecretHash {
    /// Of a secret that [`generated`] made.
    #[must_use]
    pub fn of_generated(secret: &str) -> Self {
        Self(Kind::Generated(Sha256::digest(secret).into()))
    }

    /// Of a secret that somebody chose. It takes as long as a check of it does.
    pub fn of_chosen(secret: &str, rng: &mut dyn CryptoRng) -> Self {
        Self::with_rounds(secret, ROUNDS, rng)
    }

    fn with_rounds(secret: &str, rounds: u32, rng: &mut dyn CryptoRng) -> Self {
        let mut salt = vec![0; 16];
        rng.fill_bytes(&mut salt);
        let hash = stretched(secret, &salt, rounds);
        Self(Kind::Chosen { rounds, salt, hash })
    }

    /// As [`fmt::Display`] wrote it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let kind = parts.next()?;
        let octets = |part: &str| Base64UrlUnpadded::decode_vec(part).ok();
        let kind = match kind {
            "sha256" => Kind::Generated(octets(parts.next()?)?.try_into().ok()?),
            "pbkdf2-sha256" => Kind::Chosen {
                rounds: parts
                    .next()?
                    .parse()
                    .ok()
                    .filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))?,
                salt: octets(parts.next()?)?,
                hash: octets(parts.next()?)?.try_into().ok()?,
            },
            _ => return None,
        };
        parts.next().is_none().then_some(Self(kind))
    }

    /// Whether a check takes so long that it belongs where blocking is allowed.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        matches!(self.0, Kind::Chosen { .. })
    }

    /// Whether this is the secret.
    #[must_use]
    pub fn matches(&self, secret: &str) -> bool {
        match &self.0 {
            Kind::Generated(hash) => {
                let shown: [u8; 32] = Sha256::digest(secret).into();
                shown.ct_eq(hash).into()
            }
            Kind::Chosen { rounds, salt, hash } => {
                stretched(secret, salt, *rounds).ct_eq(hash).into()
            }
        }
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |octets: &[u8]| Base64UrlUnpadded::encode_string(octets);
        match &self.0 {
            Kind::Generated(hash) => write!(f, "sha256${}", text(hash)),
            Kind::Chosen { rounds, salt, hash } => {
                write!(f, "pbkdf2-sha256${rounds}${}${}", text(salt), text(hash))
            }
        }
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHash").finish_non_exhaustive()
    }
}

fn stretched(secret: &str, salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut hash = [0; 32];
    // It fails for lengths that no slice of 32 octets has.
    let _infallible = pbkdf2::pbkdf2::<Hmac<Sha256>>(secret.as_bytes(), salt, rounds, &mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_again_and_another_is_not() {
        let mut rng = rand::rng();
        let secret = generated(&mut rng);
        assert_eq!(secret.len(), 86);
        for (hash, slow) in [
            (SecretHash::of_generated(&secret), false),
            (SecretHash::with_rounds(&secret, 10, &mut rng), true),
        ] {
            let again = SecretHash::parse(&hash.to_string()).unwrap();
            assert!(again.matches(&secret));
            assert!(!again.matches("another"));
            assert_eq!(again.is_slow(), slow);
            assert!(!hash.to_string().contains(&*secret));
        }
    }

    #[test]
    fn pbkdf2_is_the_one_of_rfc_7914() {
        let hash = stretched("passwd", b"salt", 1);
        assert_eq!(hash[..8], [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]);
    }

    #[test]
    fn what_is_no_hash_is_not_read() {
        for text in [
            "",
            "md5$AAAA",
            "sha256$AAAA",
            "sha256$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$more",
            "pbkdf2-sha256$0$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "pbkdf2-sha256$4000000000$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(SecretHash::parse(text), None, "{text}");
        }
    }
}
