#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod keys;
mod messages;
mod mit;
mod vectors;
