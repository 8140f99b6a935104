//! `gssproxy.conf` and its services, and which of them a caller meets.
//!
//! [`Settings::load`] reads what upstream's daemon reads, as its parser reads it, and gives either
//! [`Settings`] with [`Warning`]s or one [`SettingsError`] that names file and line.
//! [`Settings::service_for`] finds the [`Service`] of a [`Caller`].

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod caller;
mod conflicts;
mod directory;
mod error;
mod explain;
mod flags;
mod global;
mod ini;
mod load;
mod options;
mod section_reader;
mod service;
mod service_reader;
mod sources;
mod substitution;
mod surroundings;

pub use self::caller::Caller;
pub use self::directory::Directory;
pub use self::error::{Location, SettingsError, Syntax, ValueFault, Warning};
pub use self::explain::{Mismatch, Right, Verdict};
pub use self::global::{Global, LimitOptions};
pub use self::load::Text;
pub use self::options::{KnownOption, OPTIONS, Scope};
pub use self::service::{CredStoreElement, CredUsage, DELEGATE, Mechs, Service, SocketAccess};
pub use self::sources::{DEFAULT_DIRECTORY, DEFAULT_SOCKET, Sources};
pub use self::substitution::SubstitutionError;
pub use self::surroundings::{Surroundings, ThisMachine};

use std::path::PathBuf;
use std::sync::Arc;

/// A configuration that was read and holds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The socket of services that name none. A service that names this one has `None` as well.
    pub default_socket: PathBuf,
    /// The section `[gssproxy]`.
    pub global: Global,
    /// In the order of the files, which is the order of precedence.
    pub services: Vec<Arc<Service>>,
    /// Folders of sockets.
    pub directories: Vec<Directory>,
}

impl Settings {
    /// What a proxy for one user's own session has instead of files: one service for that uid, at
    /// the default socket, with its own default credentials.
    pub fn for_user(euid: u32, socket: PathBuf) -> Self {
        let service = Service {
            name: "user-proxy".to_owned(),
            location: Location {
                file: Arc::from(PathBuf::from("--userproxy")),
                line: 0,
            },
            euid,
            allow_any_uid: false,
            program: None,
            socket: None,
            socket_access: SocketAccess::default(),
            selinux_context: None,
            mechs: Mechs {
                krb5: true,
                spnego: false,
            },
            cred_store: Vec::new(),
            krb5_principal: None,
            cred_usage: CredUsage::Both,
            trusted: false,
            impersonate: false,
            allow_protocol_transition: false,
            allow_constrained_delegation: false,
            allow_client_ccache_sync: true,
            filter_flags: DELEGATE,
            enforce_flags: 0,
            min_lifetime: service::MIN_LIFETIME,
            kernel_nfsd: false,
        };
        Self {
            default_socket: socket,
            global: Global::default(),
            services: vec![Arc::new(service)],
            directories: Vec::new(),
        }
    }
}
