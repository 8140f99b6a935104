use std::sync::Arc;

use jiff::Timestamp;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::fernet::Envelope;
use super::{KeyRepository, TokenError};

/// Seals what lies in the store and must be given back as it was: other services' secrets (`ec2`, `totp`).
///
/// The form is that of Keystone's credential repository: Fernet, whose keys never age by themselves.
#[derive(Debug, Clone)]
pub struct BlobSeal {
    keys: Arc<KeyRepository>,
}

impl BlobSeal {
    /// With these keys, which are not those of tokens: those are forgotten after some rotations.
    #[must_use]
    pub const fn new(keys: Arc<KeyRepository>) -> Self {
        Self { keys }
    }

    /// The sealed form of a secret.
    ///
    /// # Errors
    /// The keys cannot be read.
    pub fn seal(
        &self,
        secret: &str,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<String, TokenError> {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let keys = self.keys.current()?;
        Ok(keys.primary().seal(secret.as_bytes(), seconds, rng))
    }

    /// The secret.
    ///
    /// # Errors
    /// None of the keys has sealed it.
    pub fn open(&self, sealed: &str) -> Result<Zeroizing<String>, TokenError> {
        let opened = self.keys.current()?.open(&Envelope::read(sealed)?)?;
        let text = std::str::from_utf8(&opened.plaintext).map_err(|_| TokenError::Malformed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_and_does_not_stand_in_its_sealed_form() {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = rand::rng();
        let open = |name| KeyRepository::set_up(&folder.path().join(name), 3, &mut rand::rng());
        let seal = BlobSeal::new(Arc::new(open("ours").unwrap()));
        let sealed = seal
            .seal("GEZDGNBV", Timestamp::UNIX_EPOCH, &mut rng)
            .unwrap();
        assert!(!sealed.contains("GEZDGNBV"));
        assert_eq!(*seal.open(&sealed).unwrap(), "GEZDGNBV");
        let others = BlobSeal::new(Arc::new(open("others").unwrap()));
        assert!(matches!(others.open(&sealed), Err(TokenError::UnknownKey)));
    }
}
