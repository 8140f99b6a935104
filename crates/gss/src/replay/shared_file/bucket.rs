//! A bucket: 63 requests, and what tells whether they can be believed.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | checksum of the rest |
//! | 8..12 | generation of the file, as in its header |
//! | 12..16 | until when a request that belongs here may lie on a deeper level |
//! | 16..1024 | requests: a tag of 12 bytes and the time until which it is kept; 0 is none |
//!
//! A bucket is written as a whole by one call and crosses no page, so a writer that is killed
//! leaves the old one or the new one.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::checksum::checksum;

pub(super) const BUCKET_BYTES: usize = 1024;
const RECORD_BYTES: usize = 16;

/// Seconds since 1970. Until 2106.
pub(super) type Seconds = u32;

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    generation: u32,
    overflows_until: Seconds,
    records: [Record; RECORDS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    tag: [u8; 12],
    keep_until: Seconds,
}

/// Requests in a bucket.
pub(super) const RECORDS: usize = BUCKET_BYTES / RECORD_BYTES - 1;

impl Bucket {
    pub(super) const fn empty(generation: u32) -> Self {
        Self {
            generation,
            overflows_until: 0,
            records: [Record {
                tag: [0; 12],
                keep_until: 0,
            }; RECORDS],
        }
    }

    /// Nothing when the checksum is wrong.
    pub(super) fn from_bytes(bytes: &[u8; BUCKET_BYTES]) -> Option<Self> {
        let (expected, rest) = bytes.split_first_chunk::<8>()?;
        if checksum(rest) != u64::from_le_bytes(*expected) {
            return None;
        }
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let (overflows_until, rest) = rest.split_first_chunk::<4>()?;
        let mut bucket = Self::empty(u32::from_le_bytes(*generation));
        bucket.overflows_until = u32::from_le_bytes(*overflows_until);
        for (record, bytes) in bucket.records.iter_mut().zip(rest.as_chunks::<16>().0) {
            let (tag, keep_until) = bytes.split_first_chunk::<12>()?;
            record.tag = *tag;
            record.keep_until = u32::from_le_bytes(*keep_until.first_chunk()?);
        }
        Some(bucket)
    }

    pub(super) fn to_bytes(&self) -> [u8; BUCKET_BYTES] {
        let mut bytes = [0; BUCKET_BYTES];
        if let Some((sum, rest)) = bytes.split_first_chunk_mut::<8>() {
            let head = self.generation.to_le_bytes().into_iter();
            let head = head.chain(self.overflows_until.to_le_bytes());
            let (words, _) = rest.as_chunks_mut::<8>();
            if let Some((first, words)) = words.split_first_mut() {
                for (to, from) in first.iter_mut().zip(head) {
                    *to = from;
                }
                let (pairs, _) = words.as_chunks_mut::<2>();
                for (pair, record) in pairs.iter_mut().zip(&self.records) {
                    let flat = pair.as_flattened_mut();
                    let from = record
                        .tag
                        .into_iter()
                        .chain(record.keep_until.to_le_bytes());
                    for (to, from) in flat.iter_mut().zip(from) {
                        *to = from;
                    }
                }
            }
            *sum = checksum(rest).to_le_bytes();
        }
        bytes
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    pub(super) fn holds(&self, tag: &[u8; 12]) -> bool {
        self.records
            .iter()
            .any(|record| record.tag == *tag && record.keep_until != 0)
    }

    pub(super) const fn overflows_until(&self) -> Seconds {
        self.overflows_until
    }

    pub(super) fn overflow_until(&mut self, until: Seconds) {
        self.overflows_until = self.overflows_until.max(until);
    }

    /// Puts a request where there is none or an expired one.
    ///
    /// False when there is no such place.
    pub(super) fn put(&mut self, tag: &[u8; 12], keep_until: Seconds, now: Seconds) -> bool {
        let free = self
            .records
            .iter_mut()
            .find(|record| record.keep_until < now);
        if let Some(record) = free {
            *record = Record {
                tag: *tag,
                keep_until,
            };
            return true;
        }
        false
    }

    /// How many requests in it are still kept.
    pub(super) fn live(&self, now: Seconds) -> usize {
        let live = self
            .records
            .iter()
            .filter(|record| record.keep_until >= now);
        live.filter(|record| record.keep_until != 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_read_as_it_was_written() {
        let mut bucket = Bucket::empty(7);
        assert!(bucket.put(b"twelve bytes", 900, 500));
        bucket.overflow_until(1200);
        let read = Bucket::from_bytes(&bucket.to_bytes()).unwrap();
        assert!(read.holds(b"twelve bytes"));
        assert!(!read.holds(&[0; 12]), "an empty place is no request");
        assert_eq!(read.generation(), 7);
        assert_eq!(read.overflows_until(), 1200);
        assert_eq!((read.live(900), read.live(901)), (1, 0));
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let mut bucket = Bucket::empty(7);
        bucket.put(b"twelve bytes", 900, 500);
        let good = bucket.to_bytes();
        for bit in 0..BUCKET_BYTES * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Bucket::from_bytes(&bad).is_none(), "bit {bit}");
        }
        assert!(Bucket::from_bytes(&[0; BUCKET_BYTES]).is_none(), "a hole");
    }

    #[test]
    fn expired_places_are_used_again_and_live_ones_are_not() {
        let mut bucket = Bucket::empty(1);
        for number in 0..RECORDS {
            let tag = [number as u8 + 1; 12];
            assert!(bucket.put(&tag, 1000 + number as u32, 900));
        }
        assert!(!bucket.put(b"twelve bytes", 2000, 1000));
        assert!(bucket.put(b"twelve bytes", 2000, 1001));
        assert!(!bucket.holds(&[1; 12]) && bucket.holds(&[2; 12]));
    }
}
