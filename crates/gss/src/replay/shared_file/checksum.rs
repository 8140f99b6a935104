//! Tells a bucket or header that was damaged by accident. Not against people: who can write to the
//! file is its owner.

#![deny(clippy::indexing_slicing)]

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Four chains of multiplications, so that the processor works on all at once. Each step can be
/// undone, so that one changed word always changes the sum.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut lanes: [u64; 4] = [1, 2, 3, 4];
    let (quads, tail) = words.as_chunks::<4>();
    for quad in quads {
        for (lane, word) in lanes.iter_mut().zip(quad) {
            *lane = step(*lane, u64::from_le_bytes(*word));
        }
    }
    let mut sum = lanes.iter().fold(5, |sum, lane| step(sum, *lane));
    for word in tail {
        sum = step(sum, u64::from_le_bytes(*word));
    }
    for byte in rest {
        sum = step(sum, u64::from(*byte));
    }
    sum
}

const fn step(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(MULTIPLIER).rotate_left(29)
}
