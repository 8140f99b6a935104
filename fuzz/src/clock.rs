//! Time and chance, the same in every run.

use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// When everything happens.
pub const NOW: Timestamp = Timestamp::new(KerberosTime::from_unix(1_800_000_000), 0);

/// Numbers that only look random.
pub fn random() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// A moment that far from [`NOW`], before or after it.
pub fn around_now(seconds: i32) -> KerberosTime {
    KerberosTime::from_unix(NOW.time.unix().saturating_add(seconds.into()))
}
