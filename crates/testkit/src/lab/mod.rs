//! Labs: real KDCs on loopback, each with its own folder, ports and configuration, gone when dropped.
//!
//! [`Mit`] is a realm of the first of the peers.
//! Nothing here waits a fixed time and nothing uses the machine's own Kerberos configuration.
//!
//! ```no_run
//! use kerbstone_testkit::lab::{Mit, Setup};
//!
//! let Some(mit) = Mit::start(&Setup::realm("LAB.EXAMPLE")) else { return };
//! mit.add_user("alice", "correct horse");
//! ```
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a lab that cannot be set up is a failed test, and says so as a test does"
)]

mod daemon;
mod finished;
mod krb5_conf;
mod mit;
mod port;
mod presence;
mod setup;

pub use daemon::Daemon;
pub use finished::Finished;
pub use krb5_conf::{Addresses, Krb5ConfText};
pub use mit::Mit;
pub use port::Port;
pub use presence::{find_program, require};
pub use setup::Setup;
