//! Where the credentials of a service are, for one user.

use std::time::Duration;

use super::DeskError;
use crate::settings::Service;

/// With whose keys a service signs in where no ticket is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignIn {
    /// With its own: `keytab:` stands for `client_keytab:`.
    Service,
    /// With `client_keytab:` only.
    User,
}

/// Where the credentials of a service are, for one user: its `cred_store` with `%U` and `%u` filled
/// in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sources {
    /// The service's name.
    pub service: String,
    /// `keytab:`; MIT's default when absent.
    pub keytab: Option<String>,
    /// `client_keytab:`, or what stands for it; MIT's default when absent.
    pub client_keytab: Option<String>,
    /// Where tickets are kept.
    pub cache: CacheSource,
    /// `rcache:`.
    pub replay_cache: Option<String>,
    /// The values before `%U` and `%u` were filled in.
    pub patterns: Patterns,
    /// `min_lifetime`: tickets that end sooner are as good as ended.
    pub min_lifetime: Duration,
}

/// What the files of a service are called, for any user: a caller may have been given a handle for
/// another than itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Patterns {
    /// `keytab:`.
    pub keytab: Option<String>,
    /// `client_keytab:`.
    pub client_keytab: Option<String>,
    /// `ccache:`.
    pub cache: Option<String>,
}

/// Where a service's tickets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheSource {
    /// In the memory of the daemon: there is a `cred_store`, and it names no `ccache:`.
    Memory,
    /// In MIT's default cache: there is no `cred_store`.
    Default,
    /// In the cache of this name.
    Named(String),
}

impl Sources {
    /// Those of a service, for the user of that number and name.
    ///
    /// # Errors
    /// A value cannot be filled in, or there is no key to sign in with.
    pub fn of(
        service: &Service,
        uid: u32,
        user_name: Option<&str>,
        sign_in: SignIn,
    ) -> Result<Self, DeskError> {
        let stored = |key| service.stored(key, uid, user_name);
        let (keytab, client_keytab) = (stored("keytab")?, stored("client_keytab")?);
        let has_store = !service.cred_store.is_empty();
        let client_keytab = match sign_in {
            SignIn::User => client_keytab,
            SignIn::Service => {
                let own = keytab.clone().or(client_keytab);
                if own.is_none() && has_store {
                    return Err(DeskError::NoKeytab);
                }
                own
            }
        };
        let cache = match stored("ccache")? {
            Some(name) => CacheSource::Named(name),
            None if has_store => CacheSource::Memory,
            None => CacheSource::Default,
        };
        Ok(Self {
            service: service.name.clone(),
            keytab,
            client_keytab,
            cache,
            replay_cache: stored("rcache")?,
            patterns: Patterns {
                keytab: written(service, "keytab"),
                client_keytab: written(service, "client_keytab"),
                cache: written(service, "ccache"),
            },
            min_lifetime: service.min_lifetime,
        })
    }
}

fn written(service: &Service, key: &str) -> Option<String> {
    let element = service.cred_store.iter().find(|element| element.key == key);
    element.map(|element| element.value.clone())
}
