//! The plugin in real programs, before Debian's daemon and ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod caches;
mod contexts;
mod enabling;
mod failures;
mod native;
mod privileged;
mod processes;
mod symbols;
mod workshop;
