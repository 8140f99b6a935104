//! Machines on their way through hands that are not to have their keys.
//!
//! What `suspend` gives has the session key of a ticket in it, with which its holder could go to the
//! service by itself, and delegated tickets. A daemon that gives it to its caller seals it: the
//! caller cannot read it, nor change it, nor bring it to another door than the one it came from.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::GssError;

/// Outside of what RFC 4120 7.5.1 gives away.
const USAGE: KeyUsage = KeyUsage(1036);

/// The key that seals what is suspended. It need not outlive the process: what is under way then
/// begins anew.
#[derive(Clone, Debug)]
pub struct SuspensionKey(Key);

impl SuspensionKey {
    /// A fresh one.
    ///
    /// # Errors
    /// None that happens: the encryption type is one of today.
    pub fn random(rng: &mut dyn CryptoRng) -> Result<Self, GssError> {
        Ok(Self(Key::random(Enctype::Aes256CtsHmacSha384_192, rng)?))
    }

    /// Seals a machine for `door`: the service, the caller, or both, in whatever words.
    pub fn seal(&self, suspended: &[u8], door: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        let length = u32::try_from(door.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut plain = Zeroizing::new(Vec::with_capacity(
            suspended
                .len()
                .saturating_add(door.len())
                .saturating_add(length.len()),
        ));
        plain.extend_from_slice(&length);
        plain.extend_from_slice(door);
        plain.extend_from_slice(suspended);
        self.0.encrypt(USAGE, &plain, rng)
    }

    /// Opens it again at the same door.
    ///
    /// # Errors
    /// [`GssError::Import`] when it was not sealed with this key for this door.
    pub fn open(&self, sealed: &[u8], door: &[u8]) -> Result<Zeroizing<Vec<u8>>, GssError> {
        const FOREIGN: GssError = GssError::Import("it was not sealed here");
        let mut plain = self.0.decrypt(USAGE, sealed).map_err(|_| FOREIGN)?;
        let (length, rest) = plain.split_first_chunk().ok_or(FOREIGN)?;
        let is_same = u32::from_be_bytes(*length) == u32::try_from(door.len()).unwrap_or(u32::MAX)
            && rest.starts_with(door);
        if !is_same {
            return Err(FOREIGN);
        }
        let ahead = door.len().saturating_add(4);
        plain.drain(..ahead);
        Ok(plain)
    }
}
