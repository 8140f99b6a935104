//! The client against real KDCs and, where a real one would not lie, against a scripted one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod acquired;
mod caches;
mod client;
mod failover;
mod heimdal;
mod hostile;
mod keytabs;
mod logins;
mod on_behalf;
mod passwords;
mod scripted;
mod texts;
mod tickets;
