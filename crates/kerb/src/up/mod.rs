//! `kerb up`, `kerb env` and `kerb status`: a whole site on loopback for whoever wants to try or to test.
//!
//! A [`Site`] is a folder: a realm, keys, certificates, settings. [`SiteLock`] makes sure that one process at a time
//! looks after it, and the [`Supervisor`] runs each role of it ([`role::ROLES`]) as a process of its own. [`mod@status`]
//! asks the supervisor and each role how they are.

mod addresses;
mod back_off;
mod board;
mod certificates;
pub(crate) mod cloud;
mod command;
mod env;
mod first_start;
mod folder;
mod front_door;
mod keeper;
mod readiness;
mod role;
mod role_log;
mod site;
mod site_lock;
mod status;
mod status_door;
mod supervisor;

pub(crate) use command::{Signals, Typed, run};
pub(crate) use env::{Typed as TypedEnv, run as env};
pub(crate) use folder::{asked_for, quoted};
pub(crate) use keeper::{Event, describe as end_in_words};
pub(crate) use role::{GATEWAY, GSS, HTTPS, IDENTITY, KDC, ROLES, SERVER, front_page};
pub(crate) use site::{KRB5_CONF, PASSWORDS_FILE, Site};
pub(crate) use site_lock::SiteLock;
pub(crate) use status::{
    Typed as TypedStatus, client_config, is_running, problem_of, run as status, time,
};
pub(crate) use supervisor::Supervisor;
