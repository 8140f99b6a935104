//! `kerb proxy`: the daemon of the gssproxy protocol, under its own name and as `gssproxy`.

mod activation;
mod audit;
mod background;
mod check;
mod command;
mod engine;
mod extract;
mod flags;
mod kernel_nfsd;
mod log;
mod metrics;
mod privileges;
mod service;
mod syslog;
mod walls;
mod who;

pub(crate) use command::{Typed, run};
pub(crate) use extract::extract;
pub(crate) use flags::Flags;
pub(crate) use service::serve;
