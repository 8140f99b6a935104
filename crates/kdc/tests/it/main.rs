//! The KDC asked as a function, and by MIT's own programs over UDP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod as_exchange;
mod client;
mod hostile;
mod mit;
mod password_change;
mod site;
mod tgs_exchange;
