//! Token buckets, each in one number: when it would be full again (GCRA).

use std::time::Duration;

use super::crowd::Memory;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// In the long run.
    pub per_second: f64,
    /// At once, when nothing happened for a while.
    pub burst: u32,
}

/// The same in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    interval: u64,
    tolerance: u64,
}

/// When a bucket is full again, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level(u64);

impl Bucket {
    pub(super) fn pace(self) -> Pace {
        let interval = Duration::try_from_secs_f64(1.0 / self.per_second);
        let interval = interval.map_or(u64::MAX, |interval| {
            u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX)
        });
        Pace {
            interval,
            tolerance: interval.saturating_mul(u64::from(self.burst.max(1)) - 1),
        }
    }
}

impl Level {
    /// Takes a token, or says how long until there is one.
    pub(super) fn take(&mut self, pace: Pace, now: u64) -> Result<(), Duration> {
        let full = self.0.max(now);
        let ahead = full - now;
        if ahead > pace.tolerance {
            return Err(Duration::from_nanos(ahead - pace.tolerance));
        }
        self.0 = full.saturating_add(pace.interval);
        Ok(())
    }
}

impl Memory for Level {
    /// A full bucket is like one that was never touched.
    fn worth(&self, now: u64) -> u64 {
        self.0.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let pace = Bucket {
            per_second: 2.0,
            burst: 3,
        }
        .pace();
        let mut level = Level::default();
        let now = 100 * SECOND;
        for _ in 0..3 {
            assert_eq!(level.take(pace, now), Ok(()));
        }
        assert_eq!(level.take(pace, now), Err(Duration::from_millis(500)));
        assert_eq!(level.take(pace, now + SECOND / 2), Ok(()));
        assert!(level.take(pace, now + SECOND / 2).is_err());
        let later = now + 100 * SECOND;
        for _ in 0..3 {
            assert_eq!(level.take(pace, later), Ok(()));
        }
        assert!(level.take(pace, later).is_err());
    }

    #[test]
    fn a_bucket_that_never_fills_is_said_to_be_empty_for_ages() {
        let pace = Bucket {
            per_second: 0.0,
            burst: 1,
        }
        .pace();
        let mut level = Level::default();
        assert_eq!(level.take(pace, SECOND), Ok(()));
        assert!(level.take(pace, 2 * SECOND).unwrap_err() > Duration::from_secs(1_000_000));
    }
}
