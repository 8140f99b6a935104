//! Credential caches and collections of them: FILE, DIR, MEMORY and KEYRING, shared with MIT's programs.
//!
//! [`Cache`] is one cache; [`Collection`] is what a name such as `DIR:/run/user/0/krb5cc` stands for: several caches, one of
//! which is primary.

mod dir;
mod file;
#[cfg(feature = "keyring")]
mod keyring;
mod memory;
mod name;

use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::Principal;

use self::file::FileCache;
#[cfg(feature = "keyring")]
use self::keyring::KeyringCache;
pub use self::name::{Anchor, CacheName, KeyringName};
use crate::error::ClientError;

/// One credential cache, which need not exist yet.
#[derive(Clone, Debug)]
pub struct Cache {
    name: CacheName,
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    File(FileCache),
    Memory(String),
    #[cfg(feature = "keyring")]
    Keyring(KeyringCache),
}

impl Cache {
    /// The cache of this name. A collection's name stands for its primary cache.
    pub fn resolve(name: &CacheName) -> Result<Self, ClientError> {
        match name {
            CacheName::File(path) => Ok(Self::in_file(name.clone(), path)),
            CacheName::Dir(dir) => {
                let path = dir::primary(dir)?;
                Ok(Self::in_file(CacheName::DirMember(path.clone()), &path))
            }
            CacheName::DirMember(path) => {
                path.parent().map_or(Ok(()), dir::verify)?;
                Ok(Self::in_file(name.clone(), path))
            }
            CacheName::Memory(residual) => Ok(Self {
                name: name.clone(),
                store: Store::Memory(residual.clone()),
            }),
            #[cfg(feature = "keyring")]
            CacheName::Keyring(residual) => {
                let cache = KeyringCache::resolve(residual)?;
                Ok(Self {
                    name: CacheName::Keyring(cache.name.clone()),
                    store: Store::Keyring(cache),
                })
            }
            #[cfg(not(feature = "keyring"))]
            CacheName::Keyring(_) => Err(ClientError::UnknownCacheType {
                name: name.to_string(),
            }),
        }
    }

    /// [`resolve`](Self::resolve) for a name as typed.
    pub fn parse(name: &str) -> Result<Self, ClientError> {
        Self::resolve(&CacheName::parse(name)?)
    }

    /// A cache of this process under a name that nothing else uses.
    pub fn new_memory() -> Self {
        let residual = crate::random_name::letters(10);
        Self {
            name: CacheName::Memory(residual.clone()),
            store: Store::Memory(residual),
        }
    }

    /// Its full name.
    pub const fn name(&self) -> &CacheName {
        &self.name
    }

    /// All of its content. [`ClientError::NoCache`] when nobody signed in to it.
    pub fn load(&self) -> Result<CredentialCache, ClientError> {
        match &self.store {
            Store::File(file) => file.load(),
            Store::Memory(residual) => memory::caches()
                .get(residual)
                .cloned()
                .ok_or_else(|| self.missing()),
            #[cfg(feature = "keyring")]
            Store::Keyring(keyring) => keyring.load(),
        }
    }

    /// All of its content, for whoever must not wait; nothing when somebody writes to it now.
    pub fn load_at_once(&self) -> Result<Option<CredentialCache>, ClientError> {
        match &self.store {
            Store::File(file) => file.load_at_once(),
            _ => self.load().map(Some),
        }
    }

    /// Whose cache it is.
    pub fn principal(&self) -> Result<Principal, ClientError> {
        self.load().map(|cache| cache.principal)
    }

    /// Puts this content in place of the old. Programs that read a file meanwhile see one or the other.
    pub fn replace(&self, content: &CredentialCache) -> Result<(), ClientError> {
        match &self.store {
            Store::File(file) => file.replace(content),
            Store::Memory(residual) => {
                memory::caches().insert(residual.clone(), content.clone());
                Ok(())
            }
            #[cfg(feature = "keyring")]
            Store::Keyring(keyring) => keyring.replace(content),
        }
    }

    /// Adds one credential (or config entry).
    pub fn store(&self, credential: &Credential) -> Result<(), ClientError> {
        match &self.store {
            Store::File(file) => file.store(credential),
            Store::Memory(residual) => memory::caches()
                .get_mut(residual)
                .map(|cache| cache.credentials.push(credential.clone()))
                .ok_or_else(|| self.missing()),
            #[cfg(feature = "keyring")]
            Store::Keyring(keyring) => keyring.store(credential),
        }
    }

    /// Removes the credentials that are not wanted, and tells how many there were.
    pub fn remove(&self, unwanted: impl Fn(&Credential) -> bool) -> Result<usize, ClientError> {
        match &self.store {
            Store::File(file) => file.remove(&unwanted),
            Store::Memory(residual) => memory::caches()
                .get_mut(residual)
                .map(|cache| {
                    let before = cache.credentials.len();
                    cache.credentials.retain(|credential| !unwanted(credential));
                    before.saturating_sub(cache.credentials.len())
                })
                .ok_or_else(|| self.missing()),
            #[cfg(feature = "keyring")]
            Store::Keyring(keyring) => keyring.remove(&unwanted),
        }
    }

    /// Removes the cache; a file is overwritten first.
    pub fn destroy(&self) -> Result<(), ClientError> {
        match &self.store {
            Store::File(file) => file.destroy(),
            Store::Memory(residual) => memory::caches()
                .remove(residual)
                .map(|_| ())
                .ok_or_else(|| self.missing()),
            #[cfg(feature = "keyring")]
            Store::Keyring(keyring) => keyring.destroy(),
        }
    }

    /// Makes it its collection's primary cache (`kswitch`).
    pub fn switch_to(&self) -> Result<(), ClientError> {
        match (&self.name, &self.store) {
            (CacheName::DirMember(path), _) => dir::switch_to(path),
            #[cfg(feature = "keyring")]
            (_, Store::Keyring(keyring)) => keyring.switch_to(),
            _ => Err(ClientError::CacheUnsupported {
                what: format!(
                    "Credential cache type {} does not support switching",
                    self.name.kind()
                ),
            }),
        }
    }

    fn in_file(name: CacheName, path: &std::path::Path) -> Self {
        Self {
            store: Store::File(FileCache {
                path: path.to_owned(),
                label: name.to_string(),
            }),
            name,
        }
    }

    fn missing(&self) -> ClientError {
        ClientError::NoCache {
            name: self.name.to_string(),
        }
    }
}

/// The caches that a name stands for.
#[derive(Clone, Debug)]
pub struct Collection {
    name: CacheName,
}

impl Collection {
    /// The collection of a (default) cache name. FILE and subsidiary names are collections of one.
    pub const fn new(name: CacheName) -> Self {
        Self { name }
    }

    /// Its name.
    pub const fn name(&self) -> &CacheName {
        &self.name
    }

    /// The primary cache, which need not exist yet.
    pub fn primary(&self) -> Result<Cache, ClientError> {
        Cache::resolve(&self.name)
    }

    /// Whether it can hold several caches.
    pub const fn holds_many(&self) -> bool {
        match &self.name {
            CacheName::Dir(_) => true,
            CacheName::Keyring(name) => name.subsidiary.is_none(),
            CacheName::File(_) | CacheName::DirMember(_) | CacheName::Memory(_) => false,
        }
    }

    /// Every cache that exists, the primary one first.
    pub fn caches(&self) -> Result<Vec<Cache>, ClientError> {
        let names = match &self.name {
            CacheName::Dir(dir) => dir::members(dir)?
                .into_iter()
                .map(CacheName::DirMember)
                .collect(),
            #[cfg(feature = "keyring")]
            CacheName::Keyring(name) if name.subsidiary.is_none() => keyring::members(name)?
                .into_iter()
                .map(CacheName::Keyring)
                .collect(),
            name => vec![name.clone()],
        };
        let mut caches = Vec::new();
        for name in &names {
            let cache = Cache::resolve(name)?;
            let absent = match &cache.store {
                Store::File(file) => !file.exists(),
                Store::Memory(_) => cache.load().is_err(),
                #[cfg(feature = "keyring")]
                Store::Keyring(_) => false,
            };
            if !absent {
                caches.push(cache);
            }
        }
        Ok(caches)
    }

    /// The cache whose owner is `client`.
    pub fn cache_of(&self, client: &Principal) -> Result<Cache, ClientError> {
        self.caches()?
            .into_iter()
            .find(|cache| cache.principal().is_ok_and(|owner| owner == *client))
            .ok_or_else(|| ClientError::NoCacheFor {
                client: client.clone(),
            })
    }

    /// Where a new login of `client` goes, as kinit decides it: the client's own cache if there is one, a new one when the
    /// primary is somebody else's and there may be several, else the primary.
    pub fn cache_for_login(&self, client: &Principal) -> Result<Cache, ClientError> {
        if !self.holds_many() {
            return self.primary();
        }
        if let Ok(cache) = self.cache_of(client) {
            return Ok(cache);
        }
        let primary = self.primary()?;
        match primary.load() {
            Ok(_) => self.new_cache(),
            Err(_) => Ok(primary),
        }
    }

    /// Reserves a new cache in the collection.
    pub fn new_cache(&self) -> Result<Cache, ClientError> {
        match &self.name {
            CacheName::Dir(dir) => Cache::resolve(&CacheName::DirMember(dir::new_member(dir)?)),
            #[cfg(feature = "keyring")]
            CacheName::Keyring(name) if name.subsidiary.is_none() => {
                Cache::resolve(&CacheName::Keyring(keyring::new_member(name)?))
            }
            CacheName::Memory(_) => Ok(Cache::new_memory()),
            name => Err(ClientError::CacheUnsupported {
                what: format!(
                    "Can't create new subsidiary cache because default cache {name} is not a collection"
                ),
            }),
        }
    }
}
