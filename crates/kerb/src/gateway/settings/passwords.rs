//! The section `[gateway.passwords]`: whose passwords are checked, and how the KDC proves itself; and
//! `[gateway.delegation]`: where tickets go that people send along.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kerbstone_gateway::delegation::{CacheOwner, DelegationSettings};
use kerbstone_verify::PasswordLimits;
use serde::Deserialize;

use crate::settings_file::duration;

/// The section `[gateway.passwords]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TypedPasswords {
    /// The realm of names without one; that of krb5.conf without it.
    pub(crate) realm: Option<String>,
    /// Further realms whose people may come, with their realm written.
    pub(crate) other_realms: Vec<String>,
    /// The service for which the KDC has to make a ticket; the keytab's first without it.
    pub(crate) service: Option<String>,
    /// Whether it has to.
    pub(crate) verify: bool,
    threads: usize,
    #[serde(deserialize_with = "duration")]
    patience: Duration,
    #[serde(deserialize_with = "duration")]
    memory: Duration,
}

impl Default for TypedPasswords {
    fn default() -> Self {
        let PasswordLimits {
            threads,
            patience,
            memory,
        } = PasswordLimits::default();
        Self {
            realm: None,
            other_realms: Vec::new(),
            service: None,
            verify: true,
            threads,
            patience,
            memory,
        }
    }
}

impl TypedPasswords {
    pub(crate) const fn limits(&self) -> PasswordLimits {
        PasswordLimits {
            threads: self.threads,
            patience: self.patience,
            memory: self.memory,
        }
    }
}

/// The section `[gateway.delegation]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedDelegation {
    folder: PathBuf,
    #[serde(default)]
    unique: bool,
    #[serde(default, deserialize_with = "super::listeners::mode")]
    mode: Option<u32>,
    #[serde(default)]
    owner: TypedOwner,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TypedOwner {
    #[default]
    Gateway,
    User,
}

impl TypedDelegation {
    pub(crate) fn delegation(&self, folder: &Path) -> DelegationSettings {
        DelegationSettings {
            folder: folder.join(&self.folder),
            is_unique: self.unique,
            mode: self.mode.unwrap_or(0o600),
            owner: match self.owner {
                TypedOwner::Gateway => CacheOwner::Gateway,
                TypedOwner::User => CacheOwner::LocalUser,
            },
        }
    }
}
