//! The operations on a realm in memory, the frames, and the socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod door;
mod dumps;
mod frames;
mod keys;
mod policies;
mod principals;
mod privileges;
mod realms;
mod site;
