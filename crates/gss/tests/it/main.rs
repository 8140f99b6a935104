//! What the crate does, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cves;
mod exported;
mod hostile;
mod libraries;
mod peculiar;
mod peer;
mod python_gssapi;
mod refusals;
mod replay;
mod site;
mod spnego;
mod spnego_libraries;
mod suspended;
mod virtual_pair;
