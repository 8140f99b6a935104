//! The gssproxy protocol (ONC RPC program 400112): the daemon that keeps keys for applications
//! that cannot read them, and the client that asks it.
//!
//! What lies where:
//! - [`wire`]: the protocol's types, declared once; [`client`]: a connection that waits for replies.
//! - [`settings`]: `gssproxy.conf`, and which service a caller meets; [`desk`]: keys, caches and
//!   sealed handles of the services; [`procedures`]: what each call does; [`daemon`]: sockets,
//!   queues, reload.

pub mod client;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "daemon")]
pub mod desk;
#[cfg(feature = "daemon")]
pub mod procedures;
#[cfg(feature = "daemon")]
pub mod settings;
pub mod wire;
