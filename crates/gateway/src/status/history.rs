//! The last ten minutes, second by second.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

/// Seconds that are remembered.
pub(super) const SECONDS: usize = 600;

/// What came in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Second {
    /// Requests.
    pub(super) requests: u32,
    /// Those that were refused or asked for a proof.
    pub(super) refused: u32,
    /// Those that nobody could answer.
    pub(super) failed: u32,
}

/// The same, from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Requests.
    pub(super) requests: u64,
    /// Those that were refused or asked for a proof.
    pub(super) refused: u64,
    /// Those that nobody could answer.
    pub(super) failed: u64,
}

/// A ring of seconds, written by whoever reads the counters.
#[derive(Debug)]
pub(super) struct History {
    ring: Box<[Second]>,
    /// The second that was written last, since 1970.
    newest: Option<u64>,
    last: Reading,
}

impl Default for History {
    fn default() -> Self {
        Self {
            ring: vec![Second::default(); SECONDS].into_boxed_slice(),
            newest: None,
            last: Reading::default(),
        }
    }
}

impl History {
    /// Of something that has been counted elsewhere for some time.
    pub(super) fn beginning_with(last: Reading) -> Self {
        Self {
            last,
            ..Self::default()
        }
    }

    /// Writes down what has come since the last reading. Seconds in between, in which nobody read, share it.
    pub(super) fn write(&mut self, second: u64, reading: Reading) {
        let newest = self.newest.unwrap_or_else(|| second.saturating_sub(1));
        let passed = second.saturating_sub(newest);
        let more = Second {
            requests: difference(reading.requests, self.last.requests),
            refused: difference(reading.refused, self.last.refused),
            failed: difference(reading.failed, self.last.failed),
        };
        self.last = reading;
        if passed == 0 {
            let place = self.place(newest);
            place.requests = place.requests.saturating_add(more.requests);
            place.refused = place.refused.saturating_add(more.refused);
            place.failed = place.failed.saturating_add(more.failed);
            return;
        }
        let shown = passed.min(SECONDS as u64);
        for step in 0..shown {
            *self.place(second.saturating_sub(step)) = Second {
                requests: share(more.requests, passed, step),
                refused: share(more.refused, passed, step),
                failed: share(more.failed, passed, step),
            };
        }
        self.newest = Some(second);
    }

    /// All of it, the oldest first.
    pub(super) fn seconds(&self) -> impl Iterator<Item = Second> {
        let oldest = self.newest.unwrap_or(0).saturating_add(1);
        (0..SECONDS as u64).map(move |step| {
            let at = slot(oldest.saturating_add(step));
            self.ring.get(at).copied().unwrap_or_default()
        })
    }

    /// How many of something came each second, over the last so many of them.
    pub(super) fn rate(&self, over: usize, of: impl Fn(&Second) -> u32) -> f64 {
        let over = over.clamp(1, SECONDS);
        let late = self.seconds().skip(SECONDS.saturating_sub(over));
        let sum: f64 = late.map(|second| f64::from(of(&second))).sum();
        sum / over as f64
    }

    /// Something in so many columns, the oldest first.
    pub(super) fn columns(&self, columns: usize, of: impl Fn(&Second) -> u32) -> Vec<u32> {
        let each = SECONDS.checked_div(columns).unwrap_or(SECONDS).max(1);
        let values: Vec<u32> = self.seconds().map(|second| of(&second)).collect();
        let sums = values.chunks(each);
        sums.map(|chunk| {
            chunk
                .iter()
                .fold(0, |sum: u32, value| sum.saturating_add(*value))
        })
        .collect()
    }

    fn place(&mut self, second: u64) -> &mut Second {
        #[expect(
            clippy::indexing_slicing,
            reason = "the ring has a place for every slot"
        )]
        &mut self.ring[slot(second)]
    }
}

fn slot(second: u64) -> usize {
    usize::try_from(second)
        .unwrap_or(usize::MAX)
        .checked_rem(SECONDS)
        .unwrap_or(0)
}

fn difference(now: u64, then: u64) -> u32 {
    u32::try_from(now.saturating_sub(then)).unwrap_or(u32::MAX)
}

/// The part of one of so many seconds; the latest has what does not divide.
fn share(whole: u32, seconds: u64, step: u64) -> u32 {
    let whole = u64::from(whole);
    let each = whole.checked_div(seconds).unwrap_or(whole);
    let rest = whole.checked_rem(seconds).unwrap_or(0);
    let part = if step == 0 {
        each.saturating_add(rest)
    } else {
        each
    };
    u32::try_from(part).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(requests: u64) -> Reading {
        Reading {
            requests,
            ..Reading::default()
        }
    }

    #[test]
    fn each_second_has_what_came_in_it() {
        let mut history = History::default();
        for (second, count) in [(1000, 3), (1001, 3), (1002, 10), (1002, 11)] {
            history.write(second, requests(count));
        }
        let last: Vec<u32> = history
            .seconds()
            .skip(SECONDS - 3)
            .map(|second| second.requests)
            .collect();
        assert_eq!(last, [3, 0, 8]);
        assert!((history.rate(2, |second| second.requests) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn what_came_while_nobody_read_is_shared_out_and_nothing_is_lost() {
        let mut history = History::default();
        history.write(1000, requests(0));
        history.write(1004, requests(10));
        let last: Vec<u32> = history
            .seconds()
            .skip(SECONDS - 4)
            .map(|second| second.requests)
            .collect();
        assert_eq!(last, [2, 2, 2, 4]);
        history.write(1004 + 10 * SECONDS as u64, requests(10));
        assert_eq!(history.rate(SECONDS, |second| second.requests), 0.0);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_no_request() {
        let mut history = History::default();
        history.write(1000, requests(1));
        history.write(900, requests(5));
        assert_eq!(history.columns(1, |second| second.requests), [5]);
    }

    #[test]
    fn columns_are_sums() {
        let mut history = History::default();
        history.write(1000, requests(7));
        let columns = history.columns(60, |second| second.requests);
        assert_eq!(columns.len(), 60);
        assert_eq!(columns.last(), Some(&7));
    }
}
