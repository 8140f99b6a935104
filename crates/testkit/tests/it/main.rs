//! Sites in virtual time: what users, administrators and attackers do over days, on networks that fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod accounts;
mod clocks;
mod cross_realm;
mod determinism;
mod failover;
mod key_rollover;
mod lives;
mod replays;
mod storms;
mod town;
