use std::time::{Duration, Instant};

use kerbstone_proto::time::{KerberosTime, Timestamp};

/// When every site begins: a day of 2027.
pub const EPOCH: KerberosTime = KerberosTime::from_unix(1_800_000_000);

/// How far a host's clock is off, in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew(i64);

impl Skew {
    /// A clock that shows this many seconds more than the true time; fewer when negative.
    #[must_use]
    pub const fn seconds(ahead: i64) -> Self {
        Self(ahead)
    }

    /// What the host's clock shows at a true time.
    #[must_use]
    pub const fn apply(self, now: Timestamp) -> Timestamp {
        let shown = now.time.unix().saturating_add(self.0);
        Timestamp::new(KerberosTime::from_unix(shown), now.usec)
    }
}

/// The true time of a site, which moves only when it is told to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// What the machines' `Instant`s count from. Nothing but differences to it is ever used.
    base: Instant,
    elapsed: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            elapsed: Duration::ZERO,
        }
    }

    pub(super) const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::new(EPOCH, 0).saturating_add(self.elapsed)
    }

    pub(super) fn instant(&self) -> Instant {
        self.base + self.elapsed
    }

    pub(super) fn elapsed_at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    /// Never moves backwards.
    pub(super) fn move_to(&mut self, elapsed: Duration) {
        self.elapsed = self.elapsed.max(elapsed);
    }
}
