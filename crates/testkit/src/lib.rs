//! Development only: what tests of several crates share.
//!
//! [`lab`] starts real KDCs on loopback, MIT's, Heimdal's and ours, and runs real programs against them.
//! No crate may depend on this one except for its tests.

pub mod lab;
