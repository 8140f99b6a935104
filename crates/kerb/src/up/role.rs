//! The table of roles: what a site consists of, and how each is started and asked how it is.

use std::ffi::OsString;

use super::addresses::{METRICS, PASSWORDS, TICKETS};
use super::site::{KDC_SETTINGS, Site};
use super::status::probe;

/// A part of the site that runs as a process of its own. A further one is a further entry of [`ROLES`].
#[derive(Debug)]
pub(crate) struct Role {
    /// Its name, for people and scripts.
    pub(crate) name: &'static str,
    /// The names of the addresses that it needs.
    pub(super) addresses: &'static [&'static str],
    /// The command line that runs it, without the program.
    pub(super) arguments: fn(&Site) -> Vec<OsString>,
    /// Asks it something that only a healthy one answers; an error says what is wrong.
    pub(super) probe: fn(&Site) -> Result<(), String>,
    /// What it prints to whoever starts the site: where it is, in words.
    pub(super) whereabouts: fn(&Site) -> String,
}

/// Every role of a site, in the order of starting.
pub(crate) static ROLES: &[Role] = &[Role {
    name: "kdc",
    addresses: &[TICKETS, PASSWORDS, METRICS],
    arguments: |site| {
        let settings = site.path(KDC_SETTINGS).into();
        vec!["kdc".into(), "--config".into(), settings]
    },
    probe: probe::kdc,
    whereabouts: |site| {
        let at = |name| site.address(name).map(|address| address.to_string());
        let (tickets, passwords) = (at(TICKETS), at(PASSWORDS));
        format!(
            "tickets at {}, password changes at {}",
            tickets.unwrap_or_default(),
            passwords.unwrap_or_default()
        )
    },
}];
