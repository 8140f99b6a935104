//! The identity service against Keystone's own code, and as a whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod keystone_tokens;
