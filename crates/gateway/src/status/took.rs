//! How long things took, in a fixed number of counters: four to each doubling, so that a figure is off by a fifth at most.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::time::Duration;

/// Up to 2^26 microseconds, which is more than a minute.
const DOUBLINGS: u32 = 26;
/// Four to each doubling.
const FINER: u32 = 2;
/// How many counters that takes.
pub(super) const BUCKETS: usize = ((DOUBLINGS + 1) << FINER) as usize;

/// The counter of a duration.
pub(super) const fn bucket(took: Duration) -> usize {
    let micros = took.as_micros();
    let micros = if micros >> DOUBLINGS == 0 {
        // Fits, by what has just been asked.
        micros as u32
    } else {
        (1 << DOUBLINGS) - 1
    };
    let Some(doublings) = micros.checked_ilog2() else {
        return 0;
    };
    // The two bits after the first one.
    let finer = (micros << (u32::BITS - 1).saturating_sub(doublings) << 1) >> (u32::BITS - FINER);
    (doublings << FINER | finer) as usize
}

/// The longest duration that belongs to a counter.
fn upper_end(bucket: usize) -> Duration {
    let bucket = u64::try_from(bucket).unwrap_or(u64::MAX);
    let (doublings, finer) = (bucket >> FINER, bucket & ((1 << FINER) - 1));
    let quarters = finer.saturating_add(1).saturating_add(1 << FINER);
    Duration::from_micros((quarters << doublings) >> FINER)
}

/// How long things took.
#[derive(Clone, Debug)]
pub struct Took([u64; BUCKETS]);

impl Default for Took {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Took {
    /// Adds counters, the shortest durations' first.
    pub fn add(&mut self, counts: impl Iterator<Item = u64>) {
        for (sum, count) in self.0.iter_mut().zip(counts) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Adds others.
    pub fn join(&mut self, other: &Self) {
        self.add(other.0.iter().copied());
    }

    /// What has come since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.0.iter().zip(&earlier.0);
        let mut later = Self::default();
        later.add(pairs.map(|(now, then)| now.saturating_sub(*then)));
        later
    }

    /// How many things.
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time within which so many thousandths of them were done; `None` when there were none.
    pub fn within(&self, thousandths: u64) -> Option<Duration> {
        let wanted = self.count().saturating_mul(thousandths).div_ceil(1000);
        let mut seen = 0_u64;
        self.0.iter().enumerate().find_map(|(bucket, count)| {
            seen = seen.saturating_add(*count);
            (seen >= wanted && seen > 0).then(|| upper_end(bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_at_most_a_fourth_shorter_than_the_end_of_its_counter() {
        for micros in [
            1_u64, 2, 3, 4, 5, 7, 8, 100, 1023, 1024, 1025, 999_999, 60_000_000,
        ] {
            let took = Duration::from_micros(micros);
            let end = upper_end(bucket(took));
            assert!(end >= took, "{took:?} {end:?}");
            assert!(
                end <= took * 5 / 4 + Duration::from_micros(1),
                "{took:?} {end:?}"
            );
        }
    }

    #[test]
    fn longer_is_never_counted_before_shorter_and_nothing_is_too_long() {
        let buckets: Vec<usize> = (0..4096)
            .map(|micros| bucket(Duration::from_micros(micros)))
            .collect();
        assert!(buckets.is_sorted());
        assert_eq!(bucket(Duration::MAX), BUCKETS - 5);
    }

    #[test]
    fn most_are_quick_and_some_are_slow() {
        let mut took = Took::default();
        let mut counts = [0; BUCKETS];
        counts[bucket(Duration::from_micros(100))] = 98;
        counts[bucket(Duration::from_millis(100))] = 2;
        took.add(counts.into_iter());
        assert!(took.within(500).unwrap() < Duration::from_micros(130));
        assert!(took.within(990).unwrap() >= Duration::from_millis(100));
        assert_eq!(Took::default().within(500), None);
    }
}
