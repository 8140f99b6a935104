//! Development only: what tests of several crates share.
//!
//! [`lab`] starts real KDCs on loopback, MIT's, Heimdal's and ours, and runs real programs against them.
//! [`virtual_site`] is a realm in memory with clients, a virtual clock and a virtual network.
//! [`transcripts`] plays pages of the manual.
//! No crate may depend on this one except for its tests.

pub mod lab;
pub mod transcripts;
#[cfg(feature = "virtual-site")]
pub mod virtual_site;
