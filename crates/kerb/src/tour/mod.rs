//! `kerb tour`: every client on this machine, on every way into a site, with a verdict each.
//!
//! [`Grounds`](grounds::Grounds) are the site: the one that runs, or one of the tour's own. [`Clients`](clients::Clients)
//! are the programs that were found. A [`Walk`](walk::Walk) tries each of them on each way and tells the
//! [`Report`](report::Report). Clients run in a folder that goes with the tour, with caches and settings of their own,
//! and each in a session of its own, so that none asks the user's terminal and none is left behind.

mod browser;
mod clients;
mod command;
mod gateway;
mod grounds;
mod gss;
mod identity;
mod kdc;
mod password_change;
mod program;
mod report;
mod shell;
mod suite;
mod verdict;
mod visit;
mod walk;

pub(crate) use command::{Typed, run};
