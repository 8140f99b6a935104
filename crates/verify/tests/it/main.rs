//! Passwords at real KDCs: MIT's and ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod impostor;
mod passwords;
mod realm;
mod silent;
