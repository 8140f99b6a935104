use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// What the network does to packets. Latencies that differ reorder them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Datagrams that are lost, in per cent.
    pub loss: u32,
    /// Datagrams that arrive twice, in per cent.
    pub duplicates: u32,
    /// Whether TCP gets through at all.
    pub streams: bool,
    /// How long a packet is under way.
    pub latency: RangeInclusive<Duration>,
}

impl Conditions {
    /// Every packet arrives once, after a millisecond.
    pub const CALM: Self = Self {
        loss: 0,
        duplicates: 0,
        streams: true,
        latency: Duration::from_millis(1)..=Duration::from_millis(1),
    };

    /// Three in ten datagrams are lost, three in ten of the others come twice, and any may overtake one that was sent
    /// up to two seconds before it, which is longer than clients wait before they ask again.
    pub const STORM: Self = Self {
        loss: 30,
        duplicates: 30,
        streams: true,
        latency: Duration::from_millis(5)..=Duration::from_millis(2_000),
    };

    /// The latencies of the copies of a datagram that arrive.
    pub(super) fn fate(&self, chance: &mut StdRng) -> Vec<Duration> {
        let copies = match () {
            () if chance.random_range(0..100) < self.loss => 0,
            () if chance.random_range(0..100) < self.duplicates => 2,
            () => 1,
        };
        (0..copies).map(|_| self.delay(chance)).collect()
    }

    /// The latency of one packet.
    pub(super) fn delay(&self, chance: &mut StdRng) -> Duration {
        let bound = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let range = bound(self.latency.start())..=bound(self.latency.end());
        Duration::from_micros(chance.random_range(range))
    }
}
