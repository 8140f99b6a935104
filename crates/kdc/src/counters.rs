//! How many requests of each kind ended in which way.

use std::sync::atomic::{AtomicU64, Ordering};

use kerbstone_proto::error_code::ErrorCode;

use crate::audit::{Exchange, Outcome};

/// Protocol error codes are counted singly up to this one, what lies above together in the last.
const CODES: usize = 128;

/// Plain atomics; reading them never disturbs the answering threads.
#[derive(Debug)]
pub struct Counters {
    exchanges: [ExchangeCounters; Exchange::COUNT],
}

#[derive(Debug)]
struct ExchangeCounters {
    granted: AtomicU64,
    repeated: AtomicU64,
    dropped: AtomicU64,
    refused: [AtomicU64; CODES],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            exchanges: std::array::from_fn(|_| ExchangeCounters {
                granted: AtomicU64::new(0),
                repeated: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
                refused: std::array::from_fn(|_| AtomicU64::new(0)),
            }),
        }
    }
}

impl Counters {
    /// Requests that were answered with what they asked for.
    pub fn granted(&self, exchange: Exchange) -> u64 {
        self.of(exchange)
            .map_or(0, |counters| counters.granted.load(Ordering::Relaxed))
    }

    /// Retransmissions that were answered from memory.
    pub fn repeated(&self, exchange: Exchange) -> u64 {
        self.of(exchange)
            .map_or(0, |counters| counters.repeated.load(Ordering::Relaxed))
    }

    /// Requests that got no answer at all.
    pub fn dropped(&self, exchange: Exchange) -> u64 {
        self.of(exchange)
            .map_or(0, |counters| counters.dropped.load(Ordering::Relaxed))
    }

    /// Refusals by protocol error code, those that occurred only.
    pub fn refused(&self, exchange: Exchange) -> impl Iterator<Item = (ErrorCode, u64)> {
        self.of(exchange)
            .into_iter()
            .flat_map(|counters| counters.refused.iter().enumerate())
            .filter_map(|(code, count)| {
                let count = count.load(Ordering::Relaxed);
                let code = i32::try_from(code).ok()?;
                (count > 0).then_some((ErrorCode(code), count))
            })
    }

    pub(crate) fn count(&self, exchange: Exchange, outcome: &Outcome) {
        let Some(counters) = self.of(exchange) else {
            return;
        };
        let counter = match outcome {
            Outcome::Granted => Some(&counters.granted),
            Outcome::Repeated => Some(&counters.repeated),
            Outcome::Dropped { .. } => Some(&counters.dropped),
            Outcome::Refused { code, .. } => {
                let code = usize::try_from(code.0).unwrap_or(CODES);
                counters.refused.get(code).or(counters.refused.last())
            }
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of(&self, exchange: Exchange) -> Option<&ExchangeCounters> {
        self.exchanges.get(exchange.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_code_by_itself() {
        let counters = Counters::default();
        let refused = Outcome::Refused {
            code: ErrorCode(25),
            why: "NEEDED_PREAUTH".into(),
        };
        counters.count(Exchange::As, &refused);
        counters.count(Exchange::As, &refused);
        counters.count(Exchange::As, &Outcome::Granted);
        let refusals: Vec<_> = counters.refused(Exchange::As).collect();
        assert_eq!(refusals, [(ErrorCode(25), 2)]);
        assert_eq!(counters.granted(Exchange::As), 1);
        assert_eq!(counters.granted(Exchange::Tgs), 0);
    }

    #[test]
    fn puts_codes_beyond_the_table_into_the_last() {
        let counters = Counters::default();
        for code in [-5, 70_000] {
            let why = "?".into();
            let code = ErrorCode(code);
            counters.count(Exchange::Tgs, &Outcome::Refused { code, why });
        }
        let refusals: Vec<_> = counters.refused(Exchange::Tgs).collect();
        assert_eq!(refusals, [(ErrorCode(127), 2)]);
    }
}
