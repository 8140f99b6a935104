//! Where things lie in the file: a header, then levels of buckets, each level four times as large
//! as the one before.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::bucket::BUCKET_BYTES;

/// The header has a page of its own, so that no bucket crosses the border of a page.
pub(super) const HEADER_BYTES: u64 = 4096;
/// Buckets of the first level: it takes 64 KiB and holds 4,032 requests.
pub(super) const FIRST_BUCKETS: u64 = 64;
/// So many levels would take 5.3 GiB.
pub(super) const MAX_LEVELS: u32 = 9;

/// Buckets of a level.
pub(super) const fn buckets(level: u32) -> u64 {
    FIRST_BUCKETS.saturating_mul(4_u64.saturating_pow(level))
}

/// Where a level begins.
pub(super) const fn level_offset(level: u32) -> u64 {
    let mut offset = HEADER_BYTES;
    let mut before = 0;
    while before < level {
        offset = offset.saturating_add(buckets(before).saturating_mul(BUCKET_BYTES as u64));
        before = before.saturating_add(1);
    }
    offset
}

/// How long a file of so many levels is.
pub(super) const fn file_size(levels: u32) -> u64 {
    level_offset(levels)
}

/// Where the bucket lies that a request falls into.
pub(super) const fn bucket_offset(level: u32, place: u64) -> u64 {
    // The number of buckets is a power of two.
    let index = place & buckets(level).saturating_sub(1);
    level_offset(level).saturating_add(index.saturating_mul(BUCKET_BYTES as u64))
}

/// Which lock guards a request's buckets. Two requests that share a bucket on any level share the
/// one on the first, and so the lock.
pub(super) const fn stripe(place: u64) -> u64 {
    place & FIRST_BUCKETS.saturating_sub(1)
}

/// The levels that fit into so many bytes; one at least.
pub(super) fn levels_within(bytes: u64) -> u32 {
    (2..=MAX_LEVELS)
        .take_while(|levels| file_size(*levels) <= bytes)
        .last()
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_lie_one_behind_the_other() {
        assert_eq!(level_offset(0), 4096);
        assert_eq!(level_offset(1), 4096 + 64 * 1024);
        assert_eq!(level_offset(2), 4096 + (64 + 256) * 1024);
        assert_eq!(levels_within(0), 1);
        assert_eq!(levels_within(file_size(3)), 3);
        assert_eq!(levels_within(file_size(3) - 1), 2);
    }

    #[test]
    fn what_shares_a_bucket_shares_a_lock() {
        for place in [0, 1, 63, 64, 0xdead_beef, u64::MAX] {
            for level in 0..MAX_LEVELS {
                let offset = bucket_offset(level, place);
                assert!((level_offset(level)..level_offset(level + 1)).contains(&offset));
                let index = (offset - level_offset(level)) / 1024;
                assert_eq!(index & 63, stripe(place));
            }
        }
    }
}
