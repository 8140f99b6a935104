//! Two clocks that disagree.

use std::time::Duration;

use kerbstone_proto::ccache::ClockOffset;
use kerbstone_proto::time::{KerberosTime, Timestamp};

const MICROS: i64 = 1_000_000;

/// How far a KDC's clock is ahead of ours; negative when it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Offset {
    micros: i64,
}

impl Offset {
    /// `theirs - ours`.
    pub fn between(theirs: Timestamp, ours: Timestamp) -> Self {
        Self {
            micros: micros(theirs).saturating_sub(micros(ours)),
        }
    }

    /// The least that explains `theirs`, which was told without its microseconds: none when `ours` lies within that
    /// second.
    pub fn from_whole_second(theirs: KerberosTime, ours: Timestamp) -> Self {
        let first = Self::between(Timestamp::new(theirs, 0), ours);
        let last = Self::between(Timestamp::new(theirs, 999_999), ours);
        Self {
            micros: 0.clamp(first.micros, last.micros),
        }
    }

    /// The KDC's time when ours is `now`.
    pub fn apply(self, now: Timestamp) -> Timestamp {
        let total = micros(now).saturating_add(self.micros);
        let usec = u32::try_from(total.rem_euclid(MICROS)).unwrap_or(0);
        Timestamp::new(KerberosTime::from_unix(total.div_euclid(MICROS)), usec)
    }

    /// Whole seconds, rounded towards zero.
    pub const fn seconds(self) -> i64 {
        self.micros / MICROS
    }

    /// Its size without its direction.
    pub const fn size(self) -> Duration {
        Duration::from_micros(self.micros.unsigned_abs())
    }
}

impl From<ClockOffset> for Offset {
    fn from(stored: ClockOffset) -> Self {
        Self {
            micros: i64::from(stored.seconds)
                .saturating_mul(MICROS)
                .saturating_add(i64::from(stored.microseconds)),
        }
    }
}

impl From<Offset> for ClockOffset {
    fn from(offset: Offset) -> Self {
        Self {
            seconds: i32::try_from(offset.micros.div_euclid(MICROS)).unwrap_or(0),
            microseconds: i32::try_from(offset.micros.rem_euclid(MICROS)).unwrap_or(0),
        }
    }
}

const fn micros(time: Timestamp) -> i64 {
    time.time
        .unix()
        .saturating_mul(MICROS)
        .saturating_add(time.usec as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_undoes_the_difference_it_was_measured_from() {
        let at = |seconds, usec| Timestamp::new(KerberosTime::from_unix(seconds), usec);
        for (theirs, ours) in [
            (at(100, 5), at(90, 999_999)),
            (at(90, 0), at(100, 1)),
            (at(7, 7), at(7, 7)),
        ] {
            let offset = Offset::between(theirs, ours);
            assert_eq!(offset.apply(ours), theirs);
            assert_eq!(Offset::from(ClockOffset::from(offset)), offset);
        }
    }

    #[test]
    fn a_second_without_microseconds_says_no_more_than_it_must() {
        let theirs = KerberosTime::from_unix(100);
        for (seconds, usec, micros) in [
            (100, 0, 0),
            (100, 999_999, 0),
            (99, 999_999, 1),
            (101, 0, -1),
            (90, 500_000, 9_500_000),
        ] {
            let ours = Timestamp::new(KerberosTime::from_unix(seconds), usec);
            let offset = Offset::from_whole_second(theirs, ours);
            assert_eq!(offset, Offset { micros });
        }
    }
}
