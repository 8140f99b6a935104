//! What a realm's store promises, tried from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod aliases;
mod child;
mod directory;
mod dumps;
mod fixture;
mod full_disk;
mod keys;
mod kill;
mod lockouts;
mod policies;
mod principals;
mod sealing;
mod volume;
