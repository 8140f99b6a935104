//! KEYRING: caches in the kernel, in the layout of MIT's library, so that both see the same tickets.
//!
//! A collection is a keyring `_krb_<name>` (`_krb` under the persistent anchor). It links one keyring per cache and a user
//! key `krb_ccache:primary` (version 1, length, name). A cache keyring holds one key per credential, named after its
//! server, `__krb5_princ__` and, where a clock offset was measured, `__krb5_time_offsets__`.

use std::io;
use std::time::Duration;

use kerbstone_proto::ccache::{
    CacheVersion, ClockOffset, Credential, CredentialCache, decode_principal, encode_principal,
};
use kerbstone_proto::time::KerberosTime;
use keyutils::keytypes::{BigKey, User};
use keyutils::{Key, Keyring, SpecialKeyring};
use nix::libc;

use super::name::{Anchor, KeyringName};
use crate::error::ClientError;

const PRIMARY: &str = "krb_ccache:primary";
const PRINCIPAL: &str = "__krb5_princ__";
const OFFSETS: &str = "__krb5_time_offsets__";
const COLLECTION_VERSION: u32 = 1;
const V4: CacheVersion = CacheVersion::V4;

/// A cache, its keyring there or not yet.
#[derive(Clone, Debug)]
pub(super) struct KeyringCache {
    pub(super) name: KeyringName,
}

impl KeyringCache {
    /// The named cache, or the primary one of the named collection.
    pub(super) fn resolve(name: &KeyringName) -> Result<Self, ClientError> {
        let name = match &name.subsidiary {
            Some(_) => name.clone(),
            None => name.member(&primary_name(name)?),
        };
        Ok(Self { name })
    }

    pub(super) fn load(&self) -> Result<CredentialCache, ClientError> {
        let ring = self.ring()?.ok_or_else(|| self.missing())?;
        let find = |name| find_key(&ring, name).map_err(|error| self.kernel(error));
        let principal = find(PRINCIPAL)?.ok_or_else(|| self.missing())?;
        let payload = principal.read().map_err(|error| self.kernel(error))?;
        let principal =
            decode_principal(&payload, V4).map_err(|error| self.format(&error.to_string()))?;
        let mut cache = CredentialCache::new(principal);
        cache.set_clock_offset(find(OFFSETS)?.as_ref().and_then(clock_offset));
        for (_, credential) in self.credentials(&ring)? {
            cache.credentials.push(credential);
        }
        Ok(cache)
    }

    pub(super) fn replace(&self, cache: &CredentialCache) -> Result<(), ClientError> {
        let mut collection = self.collection()?;
        let subsidiary = self.subsidiary();
        let mut ring = match self.ring()? {
            Some(mut ring) => {
                ring.clear().map_err(|error| self.kernel(error))?;
                ring
            }
            None => collection
                .add_keyring(subsidiary)
                .map_err(|error| self.kernel(error))?,
        };
        // Programs of before 1.12 look for the cache right in the session's keyring.
        if self.is_legacy()
            && let Ok(mut session) = Keyring::attach(SpecialKeyring::Session)
        {
            let _ = session.link_keyring(&ring);
        }
        let principal = encode_principal(&cache.principal, V4);
        ring.add_key::<User, _, _>(PRINCIPAL, principal.as_slice())
            .map_err(|error| self.kernel(error))?;
        if let Some(offset) = cache.clock_offset().filter(|_| !self.is_legacy()) {
            let payload = [
                offset.seconds.to_be_bytes(),
                offset.microseconds.to_be_bytes(),
            ]
            .concat();
            ring.add_key::<User, _, _>(OFFSETS, payload.as_slice())
                .map_err(|error| self.kernel(error))?;
        }
        for credential in cache.present() {
            self.add(&mut ring, credential)?;
        }
        self.update_expiration(&mut ring)
    }

    pub(super) fn store(&self, credential: &Credential) -> Result<(), ClientError> {
        let mut ring = self.ring()?.ok_or_else(|| self.missing())?;
        self.add(&mut ring, credential)?;
        self.update_expiration(&mut ring)
    }

    pub(super) fn remove(
        &self,
        unwanted: &dyn Fn(&Credential) -> bool,
    ) -> Result<usize, ClientError> {
        let mut ring = self.ring()?.ok_or_else(|| self.missing())?;
        let mut removed: usize = 0;
        for (key, credential) in self.credentials(&ring)? {
            if unwanted(&credential) {
                ring.unlink_key(&key).map_err(|error| self.kernel(error))?;
                removed = removed.saturating_add(1);
            }
        }
        Ok(removed)
    }

    pub(super) fn destroy(&self) -> Result<(), ClientError> {
        let mut ring = self.ring()?.ok_or_else(|| self.missing())?;
        ring.clear().map_err(|error| self.kernel(error))?;
        self.collection()?
            .unlink_keyring(&ring)
            .map_err(|error| self.kernel(error))?;
        if self.is_legacy()
            && let Ok(mut session) = Keyring::attach(SpecialKeyring::Session)
        {
            let _ = session.unlink_keyring(&ring);
        }
        Ok(())
    }

    pub(super) fn switch_to(&self) -> Result<(), ClientError> {
        set_primary_name(&mut self.collection()?, self.subsidiary())
            .map_err(|error| self.kernel(error))
    }

    fn subsidiary(&self) -> &str {
        self.name.subsidiary.as_deref().unwrap_or_default()
    }

    fn is_legacy(&self) -> bool {
        self.name.anchor == Anchor::Legacy && self.subsidiary() == self.name.collection
    }

    fn collection(&self) -> Result<Keyring, ClientError> {
        collection(&self.name)
    }

    fn ring(&self) -> Result<Option<Keyring>, ClientError> {
        let subsidiary = self.subsidiary();
        found(&self.collection()?, subsidiary).map_err(|error| self.kernel(error))
    }

    fn credentials(&self, ring: &Keyring) -> Result<Vec<(Key, Credential)>, ClientError> {
        let (keys, _) = ring.read().map_err(|error| self.kernel(error))?;
        let mut found = Vec::new();
        for key in keys {
            let Ok(description) = key.description() else {
                continue;
            };
            if [PRINCIPAL, OFFSETS].contains(&description.description.as_str()) {
                continue;
            }
            // A key may have expired or been removed since the list was read.
            let Ok(payload) = key.read() else { continue };
            let credential = Credential::decode(&payload, V4)
                .map_err(|error| self.format(&error.to_string()))?;
            found.push((key, credential));
        }
        Ok(found)
    }

    fn add(&self, ring: &mut Keyring, credential: &Credential) -> Result<(), ClientError> {
        let name = credential.server.to_string();
        let payload = credential.encode(V4);
        let big = if self.name.anchor == Anchor::Legacy {
            None
        } else {
            ring.add_key::<BigKey, _, _>(name.as_str(), payload.as_slice())
                .ok()
        };
        let mut key = match big {
            Some(key) => key,
            // Kernels without big_key.
            None => ring
                .add_key::<User, _, _>(name.as_str(), payload.as_slice())
                .map_err(|error| self.kernel(error))?,
        };
        if let Some(left) = time_left(credential.endtime) {
            let _ = key.set_timeout(left);
        }
        Ok(())
    }

    /// The keyring vanishes with its last ticket.
    fn update_expiration(&self, ring: &mut Keyring) -> Result<(), ClientError> {
        let last = self
            .credentials(ring)?
            .iter()
            .map(|(_, credential)| credential.endtime)
            .max()
            .unwrap_or(KerberosTime::ZERO);
        if !last.is_zero() {
            // A timeout of zero would take the limit away.
            let _ = ring.set_timeout(time_left(last).unwrap_or(Duration::from_secs(1)));
        }
        Ok(())
    }

    fn missing(&self) -> ClientError {
        ClientError::NoCache {
            name: format!("KEYRING:{}", self.name),
        }
    }

    fn kernel(&self, error: impl Into<io::Error>) -> ClientError {
        kernel(&self.name, error)
    }

    fn format(&self, why: &str) -> ClientError {
        ClientError::CacheFormat {
            name: format!("KEYRING:{}", self.name),
            why: why.to_owned(),
        }
    }
}

/// Every cache of a collection, the primary one first.
pub(super) fn members(name: &KeyringName) -> Result<Vec<KeyringName>, ClientError> {
    let collection = collection(name)?;
    let primary = primary_name(name)?;
    let (_, rings) = collection.read().map_err(|error| kernel(name, error))?;
    let mut found: Vec<String> = rings
        .iter()
        .filter_map(|ring| ring.description().ok())
        .map(|description| description.description)
        .collect();
    found.sort_by_key(|member| *member != primary);
    Ok(found.iter().map(|member| name.member(member)).collect())
}

/// Reserves a new cache in a collection.
pub(super) fn new_member(name: &KeyringName) -> Result<KeyringName, ClientError> {
    let mut collection = collection(name)?;
    for _ in 0..100 {
        let fresh = format!("krb_ccache_{}", crate::random_name::letters(8));
        if collection.search_for_keyring(fresh.as_str(), None).is_err() {
            collection
                .add_keyring(fresh.as_str())
                .map_err(|error| kernel(name, error))?;
            return Ok(name.member(&fresh));
        }
    }
    Err(ClientError::Misuse("no free cache name was found"))
}

fn primary_name(name: &KeyringName) -> Result<String, ClientError> {
    let mut ring = collection(name)?;
    if let Some(key) = find_key(&ring, PRIMARY).map_err(|error| kernel(name, error))? {
        let payload = key.read().map_err(|error| kernel(name, error))?;
        return parse_primary(&payload).ok_or_else(|| ClientError::CacheFormat {
            name: format!("KEYRING:{name}"),
            why: "the name of the primary cache cannot be read".to_owned(),
        });
    }
    let initial = match name.collection.as_str() {
        "" => "tkt",
        collection => collection,
    };
    set_primary_name(&mut ring, initial).map_err(|error| kernel(name, error))?;
    if name.anchor == Anchor::Legacy
        && let Ok(old) = Keyring::attach(SpecialKeyring::Session)
            .and_then(|session| session.search_for_keyring(initial, None))
    {
        let _ = ring.link_keyring(&old);
    }
    Ok(initial.to_owned())
}

fn parse_primary(payload: &[u8]) -> Option<String> {
    let (version, rest) = payload.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_be_bytes(*version) != COLLECTION_VERSION {
        return None;
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    String::from_utf8(rest.get(..length)?.to_vec()).ok()
}

fn set_primary_name(collection: &mut Keyring, subsidiary: &str) -> io::Result<()> {
    let length = u32::try_from(subsidiary.len()).unwrap_or(u32::MAX);
    let mut payload = COLLECTION_VERSION.to_be_bytes().to_vec();
    payload.extend_from_slice(&length.to_be_bytes());
    payload.extend_from_slice(subsidiary.as_bytes());
    collection.add_key::<User, _, _>(PRIMARY, payload.as_slice())?;
    Ok(())
}

/// The collection's keyring, made when it is missing.
///
fn collection(name: &KeyringName) -> Result<Keyring, ClientError> {
    let label = match name.anchor {
        Anchor::Persistent => "_krb".to_owned(),
        _ => format!("_krb_{}", name.collection),
    };
    let found = match name.anchor {
        Anchor::Persistent => {
            check_persistent(name)?;
            persistent().and_then(|ring| possessed(ring, &label))
        }
        Anchor::User => attach(SpecialKeyring::User).and_then(|ring| possessed(ring, &label)),
        Anchor::Session | Anchor::Legacy => {
            attach(SpecialKeyring::Session).and_then(|ring| owned(ring, &label))
        }
        Anchor::Process => attach(SpecialKeyring::Process).and_then(|ring| owned(ring, &label)),
        Anchor::Thread => attach(SpecialKeyring::Thread).and_then(|ring| owned(ring, &label)),
    };
    found.map_err(|error| kernel(name, error))
}

/// One of the kernel's keyrings. Process and thread have none before they ask; a session without one has the user's, and
/// must not be given another, which no other process would see.
fn attach(ring: SpecialKeyring) -> io::Result<Keyring> {
    let attached = match ring {
        SpecialKeyring::Process | SpecialKeyring::Thread => Keyring::attach_or_create(ring),
        _ => Keyring::attach(ring),
    };
    Ok(attached?)
}

/// The name of a collection under the persistent anchor is a user's number: only one's own can be had here.
fn check_persistent(name: &KeyringName) -> Result<(), ClientError> {
    let own = nix::unistd::geteuid().as_raw();
    let wanted = match name.collection.as_str() {
        "" => Some(own),
        number => number.parse().ok(),
    };
    if wanted == Some(own) {
        return Ok(());
    }
    Err(ClientError::CacheUnsupported {
        what: format!(
            "Invalid UID in persistent keyring name '{}'",
            name.collection
        ),
    })
}

fn persistent() -> io::Result<Keyring> {
    match attach(SpecialKeyring::Process)?.attach_persistent() {
        Ok(ring) => Ok(ring),
        // Kernels without persistent keyrings.
        Err(_) => attach(SpecialKeyring::User),
    }
}

/// The keyring of this name in one that we possess.
fn owned(mut parent: Keyring, label: &str) -> io::Result<Keyring> {
    match found(&parent, label)? {
        Some(ring) => Ok(ring),
        None => Ok(parent.add_keyring(label)?),
    }
}

/// The keyring of this name in one that we need not possess. What gives possession is a chain of links from the process's
/// keyring, and a keyring that is not possessed may not even be searched.
fn possessed(mut parent: Keyring, label: &str) -> io::Result<Keyring> {
    let mut process = attach(SpecialKeyring::Process)?;
    process.link_keyring(&parent)?;
    if let Some(ring) = found(&parent, label)? {
        process.link_keyring(&ring)?;
        return Ok(ring);
    }
    let made = process.add_keyring(label)?;
    parent.link_keyring(&made)?;
    Ok(made)
}

/// Says that a keyring is not there only if it is not: one that may not be searched must not be displaced by a new one.
fn found(parent: &Keyring, label: &str) -> io::Result<Option<Keyring>> {
    present(parent.search_for_keyring(label, None))
}

fn find_key(ring: &Keyring, name: &str) -> io::Result<Option<Key>> {
    present(ring.search_for_key::<User, _, _>(name, None))
}

fn present<T>(searched: Result<T, impl Into<io::Error>>) -> io::Result<Option<T>> {
    match searched.map_err(Into::into) {
        Ok(thing) => Ok(Some(thing)),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOKEY | libc::EKEYEXPIRED | libc::EKEYREVOKED) => Ok(None),
            _ => Err(error),
        },
    }
}

fn clock_offset(key: &Key) -> Option<ClockOffset> {
    let payload = key.read().ok()?;
    let (seconds, rest) = payload.split_first_chunk::<4>()?;
    let (microseconds, _) = rest.split_first_chunk::<4>()?;
    Some(ClockOffset {
        seconds: i32::from_be_bytes(*seconds),
        microseconds: i32::from_be_bytes(*microseconds),
    })
}

fn time_left(end: KerberosTime) -> Option<Duration> {
    let left = end.duration_since(crate::driver::system_time().time);
    (!left.is_zero()).then_some(left)
}

fn kernel(name: &KeyringName, error: impl Into<io::Error>) -> ClientError {
    ClientError::CacheIo {
        name: format!("KEYRING:{name}"),
        error: error.into(),
    }
}
