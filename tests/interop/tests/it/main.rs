//! Every client at every server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cross_realm;
mod enctypes;
mod matrix;
mod passwords;
mod shared_files;
mod sign_in;
mod stage;
mod tickets;
