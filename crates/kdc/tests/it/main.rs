//! The KDC asked as a function, and by MIT's and Heimdal's own programs over UDP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod acting;
mod as_exchange;
mod client;
mod cross_realm;
mod hostile;
mod password_change;
mod peers;
mod site;
mod tgs_exchange;
