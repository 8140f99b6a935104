//! Keying a MAC without a question of length.

use hmac::KeyInit;
use hmac::digest::common::Key;
use zeroize::Zeroize;

/// The MAC keyed with `key`, which is not longer than the MAC's own key size.
///
/// HMAC's own key size is its block: a shorter key is padded with zeros (RFC 2104 2), which is
/// what this does, so that no length is left to be refused.
pub(crate) fn keyed<M: KeyInit>(key: &[u8]) -> M {
    let mut padded = Key::<M>::default();
    padded[..key.len()].copy_from_slice(key);
    let mac = M::new(&padded);
    padded.zeroize();
    mac
}
