//! The KDC asked as a function, and by MIT's own programs over UDP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod mit;
mod site;
