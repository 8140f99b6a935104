//! How long to wait before a role that ended is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// Who lived that long has earned a quick start.
const LONG_LIFE: Duration = Duration::from_secs(10);

/// Doubles the wait with each short life.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BackOff {
    short_lives: u32,
}

impl BackOff {
    /// The wait after a life of that length.
    pub(super) fn pause_after(&mut self, life: Duration) -> Duration {
        if life >= LONG_LIFE {
            self.short_lives = 0;
        }
        let pause = FIRST.saturating_mul(2_u32.saturating_pow(self.short_lives));
        self.short_lives = self.short_lives.saturating_add(1);
        pause.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_at_once_waits_twice_as_long_each_time_and_never_longer_than_half_a_minute() {
        let mut back_off = BackOff::default();
        let pauses: Vec<u128> = (0..40)
            .map(|_| back_off.pause_after(Duration::ZERO).as_millis())
            .collect();
        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(pauses[39], 30_000);
    }

    #[test]
    fn a_long_life_is_forgiven() {
        let mut back_off = BackOff::default();
        for _ in 0..5 {
            back_off.pause_after(Duration::ZERO);
        }
        assert_eq!(back_off.pause_after(LONG_LIFE), FIRST);
        assert_eq!(back_off.pause_after(Duration::ZERO), 2 * FIRST);
    }
}
