//! The proxy as its neighbours see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod callers;
mod callers_peer;
mod daemon;
mod debian_daemon;
mod desk;
mod gssproxy_conf;
mod gssproxy_conf_peer;
mod procedures;
