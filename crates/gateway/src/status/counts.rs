//! What is counted of one entry point: a few increments for each request, in memory that no other thread writes to.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::took::{BUCKETS, Took, bucket};
use crate::observer::Outcome;
use crate::way::Way;

/// Threads beyond these share a place with others, which costs time and no count.
const PLACES: usize = 8;
/// The ways, and one for requests that were decided before any way.
const WAYS: usize = Way::ALL.len() + 1;
const OUTCOMES: usize = Outcome::ALL.len();

static NEXT_PLACE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: usize = NEXT_PLACE.fetch_add(1, Ordering::Relaxed) % PLACES;
}

/// The counters of one entry point.
#[derive(Debug, Default)]
pub struct Counts {
    places: [Place; PLACES],
}

/// What one thread has counted; on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Place {
    decided: [[AtomicU64; OUTCOMES]; WAYS],
    took: [AtomicU64; BUCKETS],
    octets_in: AtomicU64,
    octets_out: AtomicU64,
}

/// The counters of an entry point, added up.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    decided: [[u64; OUTCOMES]; WAYS],
    /// How long answers took to begin.
    pub took: Took,
    /// Octets of requests' bodies.
    pub octets_in: u64,
    /// Octets of answers' bodies.
    pub octets_out: u64,
}

impl Counts {
    /// A request has been decided.
    pub fn decided(&self, way: Option<Way>, outcome: Outcome, took: Duration) {
        let place = self.place();
        let by_way = place.decided.get(index(way));
        if let Some(count) = by_way.and_then(|counts| counts.get(outcome as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(count) = place.took.get(bucket(took)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An exchange is over.
    pub fn carried(&self, octets_in: u64, octets_out: u64) {
        let place = self.place();
        place.octets_in.fetch_add(octets_in, Ordering::Relaxed);
        place.octets_out.fetch_add(octets_out, Ordering::Relaxed);
    }

    /// All threads' counts together.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for place in &self.places {
            totals.add(place);
        }
        totals
    }

    fn place(&self) -> &Place {
        let [first, ..] = &self.places;
        self.places.get(PLACE.with(|place| *place)).unwrap_or(first)
    }
}

impl Default for Place {
    fn default() -> Self {
        Self {
            decided: std::array::from_fn(|_| Default::default()),
            took: std::array::from_fn(|_| AtomicU64::new(0)),
            octets_in: AtomicU64::new(0),
            octets_out: AtomicU64::new(0),
        }
    }
}

impl Totals {
    fn add(&mut self, place: &Place) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        for (sums, counts) in self.decided.iter_mut().zip(&place.decided) {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum = sum.saturating_add(read(count));
            }
        }
        self.took.add(place.took.iter().map(read));
        self.octets_in = self.octets_in.saturating_add(read(&place.octets_in));
        self.octets_out = self.octets_out.saturating_add(read(&place.octets_out));
    }

    /// Adds another entry point's.
    pub fn join(&mut self, other: &Self) {
        for (sums, counts) in self.decided.iter_mut().zip(&other.decided) {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum = sum.saturating_add(*count);
            }
        }
        self.took.join(&other.took);
        self.octets_in = self.octets_in.saturating_add(other.octets_in);
        self.octets_out = self.octets_out.saturating_add(other.octets_out);
    }

    /// Requests of one kind; `way` is `None` for those that were decided before any.
    pub fn of(&self, way: Option<Way>, outcome: Outcome) -> u64 {
        let by_way = self.decided.get(index(way));
        let count = by_way.and_then(|counts| counts.get(outcome as usize));
        count.copied().unwrap_or_default()
    }

    /// Requests that ended so.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        ways().map(|way| self.of(way, outcome)).sum()
    }

    /// Requests that came by this way.
    pub fn way(&self, way: Option<Way>) -> u64 {
        let outcomes = Outcome::ALL.into_iter();
        outcomes.map(|outcome| self.of(way, outcome)).sum()
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        ways().map(|way| self.way(way)).sum()
    }
}

/// The ways, and `None` for none.
pub fn ways() -> impl Iterator<Item = Option<Way>> {
    Way::ALL.into_iter().map(Some).chain([None])
}

const fn index(way: Option<Way>) -> usize {
    match way {
        Some(way) => way as usize,
        None => Way::ALL.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_count_is_counted_once_each() {
        const EACH: u64 = 1000;
        let counts = Counts::default();
        std::thread::scope(|scope| {
            for _ in 0..PLACES * 2 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let took = Duration::from_micros(20);
                        counts.decided(Some(Way::Session), Outcome::Admitted, took);
                        counts.carried(1, 2);
                    }
                });
            }
        });
        let totals = counts.totals();
        let all = EACH * u64::try_from(PLACES * 2).unwrap();
        assert_eq!(totals.requests(), all);
        assert_eq!(totals.of(Some(Way::Session), Outcome::Admitted), all);
        assert_eq!((totals.octets_in, totals.octets_out), (all, 2 * all));
        assert_eq!(totals.took.count(), all);
    }

    #[test]
    fn kinds_of_requests_are_told_apart() {
        let counts = Counts::default();
        counts.decided(Some(Way::Negotiate), Outcome::Refused, Duration::ZERO);
        counts.decided(None, Outcome::Misdirected, Duration::ZERO);
        let totals = counts.totals();
        assert_eq!(totals.outcome(Outcome::Refused), 1);
        assert_eq!(totals.way(None), 1);
        assert_eq!(totals.way(Some(Way::Basic)), 0);
        assert_eq!(totals.requests(), 2);
    }
}
