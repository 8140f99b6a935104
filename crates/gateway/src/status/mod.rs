//! The gateway as its administrators see it: what it counts, and the page that shows it.
//!
//! Requests are counted where they are decided ([`Counts`]), in memory of the thread's own; once a second somebody reads
//! the counters and writes down what has come ([`Ledger::read`]). The page and its JSON ([`Status`]) are made of both.

mod counts;
mod exchange;
mod history;
pub(crate) mod ledger;
mod memory;
mod overview;
mod page;
mod report;
mod sparkline;
mod took;
mod words;

pub use counts::{Counts, Totals, ways};
pub use exchange::{Exchange, RequestLine};
pub(crate) use ledger::Connected;
pub use ledger::{Ledger, Tally};
pub use memory::resident as resident_memory;
pub use overview::NoSessions;
pub use page::answer;
pub(crate) use page::{LIVE, TABLES};
pub use report::{
    Chart, Facts, Latency, ListenerFacts, ListenerStatus, MemberStatus, PoolStatus, RouteFacts,
    RouteStatus, Status,
};
pub use took::Took;
