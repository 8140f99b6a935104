//! Keytabs, and what is accepted with their keys.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kerbstone_client::{ClientError, Context, KeytabFile};
use kerbstone_gss::credential::CLOCK_SKEW;
use kerbstone_gss::{AcceptorCredential, AcceptorName, GssError};
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::time::Timestamp;

use super::kept_files::KeptFiles;
use super::replay_caches::ReplayCaches;
use super::shelf::Shelf;
use super::{DeskError, HeldName};

/// So many keys are kept, of all keytabs together.
const MAX_KEYS: usize = 20_000;
/// So many keys are kept ready for accepting.
const MAX_ACCEPTING_KEYS: usize = 20_000;

/// The keytabs that were read, and the acceptors that were made of them.
#[derive(Debug)]
pub(super) struct Keytabs {
    files: KeptFiles<Keytab>,
    acceptors: Mutex<Shelf<AcceptorKey, Acceptor>>,
    replay_caches: ReplayCaches,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct AcceptorKey {
    keytab: String,
    name: Option<HeldName>,
    replay_cache: Option<String>,
}

#[derive(Debug)]
struct Acceptor {
    /// That of which it was made.
    keytab: Arc<Keytab>,
    credential: Arc<AcceptorCredential>,
}

/// What a credential accepted with, and what that depends on.
#[derive(Debug)]
pub(super) struct Accepting {
    /// When the keytab was looked at.
    pub(super) looked: Instant,
    pub(super) context: Arc<Context>,
    pub(super) keytab: Option<String>,
    pub(super) replay_cache: Option<String>,
    pub(super) credential: Arc<AcceptorCredential>,
}

impl Keytabs {
    pub(super) fn new(replay_caches: ReplayCaches) -> Self {
        Self {
            files: KeptFiles::new(MAX_KEYS),
            acceptors: Mutex::new(Shelf::new(MAX_ACCEPTING_KEYS)),
            replay_caches,
        }
    }

    /// A keytab as it is now.
    pub(super) fn load(&self, file: &KeytabFile) -> Result<Arc<Keytab>, ClientError> {
        let weight = |keytab: &Keytab| keytab.entries().count();
        let kept = self
            .files
            .get(file.path(), || file.load_at_once(), weight)?;
        // Somebody writes to one that was never read.
        kept.map_or_else(|| file.load().map(Arc::new), Ok)
    }

    /// What accepts with the keys of a keytab that are `name`'s.
    pub(super) fn acceptor(
        &self,
        context: &Context,
        file: &KeytabFile,
        name: Option<&HeldName>,
        replay_cache: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<AcceptorCredential>, DeskError> {
        let keytab = self.load(file)?;
        let key = AcceptorKey {
            keytab: file.name().to_owned(),
            name: name.cloned(),
            replay_cache: replay_cache.map(str::to_owned),
        };
        let mut acceptors = self
            .acceptors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let made = acceptors.get(&key);
        if let Some(made) = made.filter(|made| Arc::ptr_eq(&made.keytab, &keytab)) {
            return Ok(Arc::clone(&made.credential));
        }
        let ignores_host = context.conf().libdefaults().ignore_acceptor_hostname();
        let accepted = acceptor_name(name, ignores_host.unwrap_or(false));
        let made = AcceptorCredential::without_replay_cache(&keytab, accepted);
        let mut credential = made.map_err(|error| match error {
            GssError::NoAcceptorCredential(_) if name.is_some() => DeskError::NoKeyOf,
            error => error.into(),
        })?;
        let skew = context.conf().libdefaults().clockskew();
        credential = credential.clock_skew(if skew.is_zero() { CLOCK_SKEW } else { skew });
        if let Some(cache) = self.replay_caches.get(replay_cache, now)? {
            credential = credential.with_replay_cache(cache);
        }
        let credential = Arc::new(credential);
        let weight = credential.keys().len();
        let acceptor = Acceptor {
            keytab,
            credential: Arc::clone(&credential),
        };
        acceptors.put(key, acceptor, weight);
        Ok(credential)
    }

    /// Forgets what depends on krb5.conf.
    pub(super) fn reconfigure(&self) {
        let mut acceptors = self
            .acceptors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        acceptors.clear();
    }
}

/// As whom it is accepted.
fn acceptor_name(name: Option<&HeldName>, ignores_host: bool) -> AcceptorName {
    let Some(name) = name else {
        return AcceptorName::Any;
    };
    match &name.service {
        Some(service) => AcceptorName::HostBased {
            service: service.clone(),
            host: name.host.clone().filter(|_| !ignores_host),
        },
        None => AcceptorName::Principal(name.principal.clone()),
    }
}
