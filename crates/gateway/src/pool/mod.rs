//! Pools: servers that stand for one another, behind the gateway.
//!
//! Who gets a request is decided by `dispatch`, which knows no sockets; `send` takes it there, and elsewhere if that
//! fails; the steward tries members while nobody asks anything of them.

mod check;
mod dispatch;
mod error;
mod health;
mod member;
#[allow(
    clippy::module_inception,
    reason = "the folder is about pools, the file about one"
)]
mod pool;
mod pools;
mod report;
mod seat;
mod send;
mod settings;
mod stick_table;
#[cfg(test)]
mod tests;

pub use error::{BadPool, NoSuchMember, PoolError};
pub use pool::Pool;
pub use pools::Pools;
pub use report::{CheckReport, MemberReport, MemberState, PoolReport, Wanted};
pub(crate) use seat::Seat;
pub use send::Served;
pub use settings::{
    Balance, CheckKind, CheckSettings, MemberSettings, PoolSettings, Reuse, StickBy, Stickiness,
    Timeouts,
};
