//! The identity service against Keystone's own code, and as a whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod auth;
mod differential;
mod directory;
mod frame;
mod handed_on;
mod keystone_tokens;
mod play;
mod side;
