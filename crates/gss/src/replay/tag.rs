//! What is kept of a request.

use sha2::{Digest, Sha256};

/// As much of an encrypted authenticator's end as tells it from all others. Every encryption type
/// of today ends in a MAC of 12 to 24 bytes over a random block and the rest; the old RC4 type
/// ends in a stream whose key comes from the MAC.
const TAIL: usize = 32;

/// Stands for one request. The seed keeps strangers from choosing where theirs come to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tag {
    /// What two requests are compared by.
    pub(super) bytes: [u8; 12],
    /// Where to look.
    pub(super) place: u64,
}

impl Tag {
    pub(super) fn new(seed: &[u8; 16], ciphertext: &[u8]) -> Self {
        let tail = match ciphertext.last_chunk::<TAIL>() {
            Some(tail) => tail,
            None => ciphertext,
        };
        let digest: [u8; 32] = Sha256::new()
            .chain_update(seed)
            .chain_update(tail)
            .finalize()
            .into();
        let mut bytes = [0; 12];
        let mut place = [0; 8];
        for (to, from) in bytes.iter_mut().chain(&mut place).zip(digest) {
            *to = from;
        }
        Self {
            bytes,
            place: u64::from_le_bytes(place),
        }
    }
}
