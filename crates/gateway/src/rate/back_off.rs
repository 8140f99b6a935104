//! Who fails has to wait, longer each time.

use std::time::Duration;

use super::crowd::Memory;

/// How long who fails has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// So often anybody may mistype.
    pub free: u32,
    /// The first wait; each next one is twice as long.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// After so long without a failure all is forgotten.
    pub forgets: Duration,
}

/// What is known of somebody's failures, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    count: u32,
    last: u64,
    until: u64,
}

impl Failures {
    /// Whether they may try again, or how long they have to wait.
    pub(super) const fn may_try(&self, now: u64) -> Result<(), Duration> {
        match self.until.saturating_sub(now) {
            0 => Ok(()),
            wait => Err(Duration::from_nanos(wait)),
        }
    }

    pub(super) fn failed(&mut self, rule: BackOff, now: u64) {
        if now.saturating_sub(self.last) > nanoseconds(rule.forgets) {
            *self = Self::default();
        }
        self.count = self.count.saturating_add(1);
        self.last = now;
        let Some(doublings) = self.count.checked_sub(rule.free.saturating_add(1)) else {
            return;
        };
        let factor = 1_u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX);
        let wait = rule.first.saturating_mul(factor).min(rule.longest);
        self.until = now.saturating_add(nanoseconds(wait));
    }

    pub(super) const fn forgive(&mut self) {
        *self = Self {
            count: 0,
            last: 0,
            until: 0,
        };
    }

    /// One of several people behind one address has come in: that excuses some of the failures, and not those of who
    /// tries others' names between two of their own.
    pub(super) const fn forgive_half(&mut self) {
        self.count /= 2;
        self.until = 0;
    }
}

impl Memory for Failures {
    fn worth(&self, _: u64) -> u64 {
        match self.count {
            0 => 0,
            _ => self.last.max(self.until),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const RULE: BackOff = BackOff {
        free: 2,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(10),
        forgets: Duration::from_secs(100),
    };

    #[test]
    fn each_wait_is_twice_as_long_up_to_the_longest() {
        let mut failures = Failures::default();
        let mut now = 1000 * SECOND;
        for wait in [0, 0, 1, 2, 4, 8, 10, 10] {
            failures.failed(RULE, now);
            match wait {
                0 => assert_eq!(failures.may_try(now), Ok(())),
                wait => assert_eq!(failures.may_try(now), Err(Duration::from_secs(wait))),
            }
            now += wait * SECOND;
            assert_eq!(failures.may_try(now), Ok(()));
        }
        failures.failed(RULE, now + 200 * SECOND);
        assert_eq!(
            failures.may_try(now + 200 * SECOND),
            Ok(()),
            "it was long ago"
        );
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let mut failures = Failures {
            count: u32::MAX - 1,
            last: 1,
            until: 0,
        };
        for _ in 0..3 {
            failures.failed(RULE, 2);
        }
        assert_eq!(failures.may_try(2), Err(RULE.longest));
    }
}
