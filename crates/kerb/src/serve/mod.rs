//! `kerb kdc`: the sockets, threads and files around the KDC. What is decided is decided elsewhere.

mod administration;
mod audit;
pub(crate) mod command;
mod door;
mod dumps;
mod init;
pub(crate) mod log_line;
mod login_counts;
mod metrics;
mod service;
mod settings;
mod tcp;
mod udp;

pub(crate) use audit::AuditLog;
pub(crate) use command::DEFAULT_CONFIG;
pub(crate) use init::{FirstRealm, InitError, Person, ServiceKeys};
pub(crate) use metrics::listen as listen_for_metrics;
pub(crate) use settings::Settings;
