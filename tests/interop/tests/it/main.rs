//! Every client at every server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod attacker;
mod cross_realm;
mod dns;
mod enctypes;
mod matrix;
mod on_path;
mod passwords;
mod published_faults;
mod shared_files;
mod sign_in;
mod stage;
mod tickets;
