use std::sync::Arc;

use jiff::Timestamp;
use rand::CryptoRng;

use super::fernet::{Envelope, Opened};
use super::{KeyRepository, MethodCodes, Payload, Receipt, TokenError};

/// How far the clocks of those who share a key repository may differ, in seconds: as in Kerberos.
const SKEW: i64 = 300;

/// Makes and opens tokens, or receipts, with the keys of one repository.
#[derive(Debug)]
pub struct TokenSeal {
    keys: Arc<KeyRepository>,
    codes: MethodCodes,
}

/// Something that was taken out of a token of ours or of a Keystone that shares our keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed<T> {
    /// What it says.
    pub content: T,
    /// When it was made, to a second.
    pub issued_at: Timestamp,
}

impl TokenSeal {
    /// With these keys, and the list of methods that all who share them have.
    #[must_use]
    pub fn new(keys: Arc<KeyRepository>, codes: MethodCodes) -> Self {
        Self { keys, codes }
    }

    /// The keys with which it seals.
    #[must_use]
    pub fn keys(&self) -> &KeyRepository {
        &self.keys
    }

    /// A token, and the time that stands in it: `now` to a second.
    pub fn seal(
        &self,
        payload: &Payload,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(String, Timestamp), TokenError> {
        self.seal_octets(&payload.pack(&self.codes)?, now, rng)
    }

    /// What a token says. Whether it has expired or has been revoked is for others to ask.
    pub fn open(&self, token: &str, now: Timestamp) -> Result<Unsealed<Payload>, TokenError> {
        let (opened, issued_at) = self.open_octets(token, now)?;
        Ok(Unsealed {
            content: Payload::unpack(&opened.plaintext, &self.codes)?,
            issued_at,
        })
    }

    /// The like of [`Self::seal`] for a receipt.
    pub fn seal_receipt(
        &self,
        receipt: &Receipt,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(String, Timestamp), TokenError> {
        self.seal_octets(&receipt.pack(&self.codes)?, now, rng)
    }

    /// The like of [`Self::open`] for a receipt.
    pub fn open_receipt(
        &self,
        receipt: &str,
        now: Timestamp,
    ) -> Result<Unsealed<Receipt>, TokenError> {
        let (opened, issued_at) = self.open_octets(receipt, now)?;
        Ok(Unsealed {
            content: Receipt::unpack(&opened.plaintext, &self.codes)?,
            issued_at,
        })
    }

    fn seal_octets(
        &self,
        plaintext: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(String, Timestamp), TokenError> {
        let issued_at =
            Timestamp::from_second(now.as_second()).map_err(|_| TokenError::Malformed)?;
        let seconds = u64::try_from(now.as_second()).map_err(|_| TokenError::Malformed)?;
        let token = self.keys.current()?.primary().seal(plaintext, seconds, rng);
        Ok((token, issued_at))
    }

    fn open_octets(&self, token: &str, now: Timestamp) -> Result<(Opened, Timestamp), TokenError> {
        let envelope = Envelope::read(token)?;
        let opened = match self.keys.current()?.open(&envelope) {
            // The keys may have been rotated since they were looked at.
            Err(TokenError::UnknownKey) if self.keys.look_again()? => {
                self.keys.current()?.open(&envelope)?
            }
            opened => opened?,
        };
        let issued_at = i64::try_from(opened.made_at)
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or(TokenError::FromTheFuture)?;
        match issued_at.as_second() > now.as_second().saturating_add(SKEW) {
            true => Err(TokenError::FromTheFuture),
            false => Ok((opened, issued_at)),
        }
    }
}
