//! Which messages have come already.

use crate::{GssFlags, Order};

/// How far back duplicates are recognised.
const WIDTH: u64 = u64::BITS as u64;

/// The numbers that came, relative to the first one, so that the turn of the counter is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SequenceWindow {
    pub(crate) detects_replay: bool,
    pub(crate) detects_sequence: bool,
    /// The number of the peer's first message.
    pub(crate) base: u64,
    /// One more than the highest that came, relative to the base.
    pub(crate) next: u64,
    /// Bit n: the message n + 1 before `next` came.
    pub(crate) received: u64,
}

impl SequenceWindow {
    /// Nothing has come yet; `base` will be first.
    pub(crate) const fn new(base: u64, flags: GssFlags) -> Self {
        Self {
            detects_replay: flags.contains(GssFlags::REPLAY),
            detects_sequence: flags.contains(GssFlags::SEQUENCE),
            base,
            next: 0,
            received: 0,
        }
    }

    /// Notes that a message came, and says where it stands.
    pub(crate) fn note(&mut self, number: u64) -> Order {
        if !self.detects_replay && !self.detects_sequence {
            return Order::InOrder;
        }
        let relative = number.wrapping_sub(self.base);
        if relative >= self.next {
            self.advance(relative)
        } else {
            self.look_back(self.next.wrapping_sub(relative))
        }
    }

    fn advance(&mut self, relative: u64) -> Order {
        let skipped = relative.wrapping_sub(self.next);
        self.received = match u32::try_from(skipped) {
            Ok(skipped) if skipped < u64::BITS - 1 => self.received << (skipped + 1) | 1,
            _ => 1,
        };
        self.next = relative.wrapping_add(1);
        if skipped > 0 && self.detects_sequence {
            Order::Gap
        } else {
            Order::InOrder
        }
    }

    fn look_back(&mut self, distance: u64) -> Order {
        if distance > WIDTH {
            return if self.detects_replay {
                Order::Old
            } else {
                Order::Unsequenced
            };
        }
        let bit = 1 << (distance - 1);
        if self.detects_replay && self.received & bit != 0 {
            return Order::Duplicate;
        }
        self.received |= bit;
        if self.detects_sequence {
            Order::Unsequenced
        } else {
            Order::InOrder
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: GssFlags = GssFlags::REPLAY.union(GssFlags::SEQUENCE);

    fn orders(base: u64, flags: GssFlags, numbers: &[u64]) -> Vec<Order> {
        let mut window = SequenceWindow::new(base, flags);
        numbers.iter().map(|number| window.note(*number)).collect()
    }

    #[test]
    fn tells_what_came_late_twice_too_early_or_too_late_to_say() {
        use Order::{Duplicate, Gap, InOrder, Old, Unsequenced};
        let seen = orders(10, BOTH, &[10, 12, 11, 12, 11, 80, 12, 16, 15]);
        assert_eq!(
            seen,
            [
                InOrder,
                Gap,
                Unsequenced,
                Duplicate,
                Duplicate,
                Gap,
                Old,
                Old,
                Old
            ]
        );
        let seen = orders(10, BOTH, &[10, 80, 17, 17, 16]);
        assert_eq!(seen, [InOrder, Gap, Unsequenced, Duplicate, Old]);
    }

    #[test]
    fn with_replay_detection_alone_only_duplicates_are_told() {
        use Order::{Duplicate, InOrder, Old};
        let seen = orders(0, GssFlags::REPLAY, &[0, 5, 3, 3, 200, 4]);
        assert_eq!(seen, [InOrder, InOrder, InOrder, Duplicate, InOrder, Old]);
    }

    #[test]
    fn without_flags_nothing_is_told() {
        let seen = orders(0, GssFlags::EMPTY, &[0, 0, 9, 2]);
        assert_eq!(seen, [Order::InOrder; 4]);
    }

    #[test]
    fn the_counter_may_turn() {
        let start = u64::MAX - 1;
        let seen = orders(start, BOTH, &[start, u64::MAX, 0, 1, 0, 3]);
        use Order::{Duplicate, Gap, InOrder};
        assert_eq!(seen, [InOrder, InOrder, InOrder, InOrder, Duplicate, Gap]);
    }

    #[test]
    fn a_leap_beyond_the_window_forgets_what_was_before() {
        for leap in [62, 63, 64, 65, 1 << 40] {
            let mut window = SequenceWindow::new(0, BOTH);
            window.note(0);
            assert_eq!(window.note(leap), Order::Gap);
            assert_eq!(window.note(leap), Order::Duplicate, "{leap}");
            let first = window.note(0);
            let told = if leap < 64 {
                Order::Duplicate
            } else {
                Order::Old
            };
            assert_eq!(first, told, "{leap}");
        }
    }
}
