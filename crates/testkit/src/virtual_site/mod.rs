//! A whole site in one process: realms, KDCs, clients, and between them a network that loses, repeats and delays.
//!
//! Time and chance belong to the site. Its clock moves when something is due, so that days pass in milliseconds, and
//! all randomness comes from the seed, so that one seed gives one [trace](VirtualSite::trace). The KDCs are
//! [`Kdc`](kerbstone_kdc::Kdc) and the clients are the machines of `kerbstone_client`, as in production; only the
//! drivers are replaced.
//!
//! ```
//! use kerbstone_client::LoginOptions;
//! use kerbstone_testkit::virtual_site::{Conditions, VirtualSite};
//!
//! let mut site = VirtualSite::new(1);
//! site.add_realm("SITE.EXAMPLE");
//! site.add_user("alice@SITE.EXAMPLE", "correct horse");
//! let laptop = site.add_client();
//! site.set_conditions(Conditions::STORM);
//! let ticket = site.login(laptop, "alice@SITE.EXAMPLE", "correct horse", &LoginOptions::default());
//! assert!(ticket.is_ok());
//! ```
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a site that cannot be set up is a failed test, and says so as a test does"
)]

mod client_host;
mod clock;
mod conditions;
mod courier;
mod errands;
mod kdc_host;
mod network;
mod realm;
mod registry;
mod site;
mod trace;

pub use client_host::ClientId;
pub use clock::{EPOCH, Skew};
pub use conditions::Conditions;
pub use kdc_host::{Health, KdcId};
pub use site::VirtualSite;
pub use trace::Overheard;
