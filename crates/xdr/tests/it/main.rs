#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bounds;
mod declared;
mod headers;
mod round_trips;
mod strictness;
