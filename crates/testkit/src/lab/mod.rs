//! Labs: real KDCs on loopback, each with its own folder, ports and configuration, gone when dropped.
//!
//! [`Mit`] and [`Heimdal`] are realms of the peers, [`Kerb`] is one of ours; [`Session`] runs any suite's user programs against any of them.
//! [`Apache`] and [`Sshd`] are services with keytabs of such realms, [`Gssproxy`] keeps keytabs for others.
//! [`Keystone`] knows projects and roles, [`Openstack`] is who asks it, [`Haproxy`] stands in front of such services.
//! Nothing here waits a fixed time and nothing uses the machine's own Kerberos configuration.
//!
//! ```no_run
//! use kerbstone_testkit::lab::{Mit, Session, Setup, Suite};
//!
//! let Some(mit) = Mit::start(&Setup::realm("LAB.EXAMPLE")) else { return };
//! mit.add_user("alice", "correct horse");
//! let session = Session::new(Suite::Mit, mit.krb5_conf());
//! session.sign_in("alice", "correct horse", &["-f"]).succeeded();
//! assert!(session.list().contains("krbtgt/LAB.EXAMPLE@LAB.EXAMPLE"));
//! ```
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a lab that cannot be set up is a failed test, and says so as a test does"
)]

mod apache;
mod artifacts;
mod daemon;
mod directory;
mod dns;
mod finished;
mod gssproxy;
mod haproxy;
mod heimdal;
mod kerb;
mod keys;
mod keystone;
mod krb5_conf;
mod mit;
mod openstack;
mod port;
mod presence;
mod pty;
mod server;
mod session;
mod setup;
mod sshd;

pub use apache::Apache;
pub use artifacts::{interposer_library, kerb_binary};
pub use daemon::Daemon;
pub use dns::{Dns, Records, has_network_to_itself};
pub use finished::Finished;
pub use gssproxy::{Gssproxy, Keeper};
pub use haproxy::Haproxy;
pub use heimdal::{Heimdal, heimdal_folder};
pub use kerb::Kerb;
pub use keys::Keys;
pub use keystone::{Keystone, KeystoneSetup};
pub use krb5_conf::{Addresses, Krb5ConfText};
pub use mit::Mit;
pub use openstack::Openstack;
pub use port::Port;
pub use presence::{find_program, require, require_file};
pub use server::Server;
pub use session::{Session, Suite};
pub use setup::Setup;
pub use sshd::Sshd;
