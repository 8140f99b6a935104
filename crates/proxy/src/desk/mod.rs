//! The desk where keys lie: credentials of the services, kept until their files change, and the
//! sealed handles that callers carry.
//!
//! A [`Desk`] belongs to one loaded configuration. [`Desk::sources`] says where a service's
//! credentials are for one user, [`Desk::acquire`] gets a [`HeldCredential`] from there as MIT's
//! library does, [`Desk::acceptor`] and [`Desk::tickets`] put it to use, and [`Desk::seal`] and
//! [`Desk::open`] turn it into bytes that a caller keeps and cannot read, and back.
//!
//! Whoever must not wait passes [`Patience::Never`]: where a KDC or a name service would have to be
//! asked, the answer is [`DeskError::WouldWait`].

mod acquire;
mod belonging;
mod caches;
pub mod ccache_form;
mod configuration;
mod error;
mod file_identity;
mod handles;
mod held;
mod impersonation;
mod k5c1;
mod kept_files;
mod keytabs;
mod logins;
mod naming;
mod patience;
mod places;
mod purse;
mod recent;
mod replay_caches;
mod sealing;
mod shelf;
mod slot;
mod sources;
mod tickets;

pub use self::acquire::Wish;
pub use self::error::DeskError;
pub use self::held::{HeldCredential, HeldName};
pub use self::logins::KeptLogin;
pub use self::patience::Patience;
pub use self::sources::{CacheSource, Patterns, SignIn, Sources};
pub use self::tickets::Tickets;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kerbstone_client::{Cache, Context, Environment};
use kerbstone_gss::AcceptorCredential;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use nix::unistd::User;

use self::caches::Caches;
use self::configuration::Configuration;
use self::handles::Handles;
use self::held::HeldTickets;
use self::keytabs::{Accepting, Keytabs};
use self::logins::Logins;
use self::purse::{Purse, Survey};
use self::recent::{GLANCE, Recent};
use self::replay_caches::ReplayCaches;
use self::shelf::Shelf;
use crate::settings::{CredUsage, Service};

/// For so many users it is known where a service's credentials are.
const MAX_SOURCES: usize = 4096;
/// How long the name of a user is believed.
const USER_NAMES_HOLD: Duration = Duration::from_secs(300);

/// A service, a user, and with whose keys it signs in.
type SourcesKey = (String, u32, SignIn);

/// What the daemon is told by its environment.
#[derive(Clone, Debug, Default)]
pub struct DeskEnvironment {
    /// What every Kerberos program is told.
    pub kerberos: Environment,
    /// `KRB5RCACHENAME`.
    pub replay_cache: Option<String>,
    /// `KRB5RCACHEDIR`.
    pub replay_cache_dir: Option<PathBuf>,
}

/// The credentials of one loaded configuration.
#[derive(Debug)]
pub struct Desk {
    configuration: Configuration,
    keytabs: Keytabs,
    caches: Caches,
    handles: Handles,
    recent: Recent,
    sources: Mutex<Shelf<SourcesKey, (Instant, Arc<Sources>)>>,
    logins: Logins,
}

impl Desk {
    /// A desk on which nothing lies yet.
    ///
    /// # Errors
    /// krb5.conf cannot be read.
    pub fn new(environment: DeskEnvironment) -> Result<Self, DeskError> {
        let replay_caches = ReplayCaches::new(
            environment.replay_cache,
            environment.replay_cache_dir,
            environment.kerberos.euid,
        );
        Ok(Self {
            configuration: Configuration::new(environment.kerberos)?,
            keytabs: Keytabs::new(replay_caches),
            caches: Caches::new(),
            handles: Handles::new(),
            recent: Recent::new(),
            sources: Mutex::new(Shelf::new(MAX_SOURCES)),
            logins: Logins::new(),
        })
    }

    /// krb5.conf and the environment, read anew when its files have changed.
    pub fn context(&self) -> Arc<Context> {
        let (context, is_new) = self.configuration.context();
        if is_new {
            self.keytabs.reconfigure();
            self.recent.clear();
        }
        context
    }

    /// Where the credentials of a service are for `uid`: the caller, or whom a trusted caller named.
    ///
    /// # Errors
    /// A value of its `cred_store` cannot be filled in, or it has no key to sign in with
    /// ([`SignIn::Service`]); [`DeskError::WouldWait`] when a name service would have to be asked for
    /// the user's name.
    pub fn sources(
        &self,
        service: &Service,
        uid: u32,
        sign_in: SignIn,
        patience: Patience,
    ) -> Result<Arc<Sources>, DeskError> {
        let key = (service.name.clone(), uid, sign_in);
        if let Some(sources) = self.known_sources(&key) {
            return Ok(sources);
        }
        let name = match (service.needs_user_name(), patience) {
            (false, _) => None,
            (true, Patience::Never) => return Err(DeskError::WouldWait),
            (true, Patience::Until(_)) => User::from_uid(uid.into()).ok().flatten(),
        };
        let name = name.map(|user| user.name);
        let sources = Arc::new(Sources::of(service, uid, name.as_deref(), sign_in)?);
        let mut known = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        known.put(key, (Instant::now(), Arc::clone(&sources)), 1);
        Ok(sources)
    }

    /// A credential as the wish describes it: from the cache, or by signing in with a keytab.
    ///
    /// # Errors
    /// There is none; [`DeskError::WouldWait`] when a KDC would have to be asked.
    pub fn acquire(
        &self,
        wish: &Wish<'_>,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        // Before anything is refused, files are looked at.
        if patience == Patience::Never
            && let Some(credential) = self.recent.get(wish, now)
        {
            return Ok(credential);
        }
        let looked = Instant::now();
        let credential = self.acquire_as_mit(wish, patience, now)?;
        Ok(self.recent.put(wish, looked, credential))
    }

    /// What a credential accepts with. `sources` are those of the service. A keytab that changes is
    /// noticed some milliseconds later; [`acceptor_anew`](Self::acceptor_anew) notices it at once.
    ///
    /// # Errors
    /// It is none for accepting, or the keytab has no key of its name.
    pub fn acceptor(
        &self,
        sources: &Sources,
        credential: &HeldCredential,
        now: Timestamp,
    ) -> Result<Arc<AcceptorCredential>, DeskError> {
        if credential.usage == CredUsage::Initiate {
            return Err(DeskError::WrongUsage("accepting"));
        }
        let context = self.context();
        let keytab = credential.keytab.as_deref().or(sources.keytab.as_deref());
        let kept = credential.accepting.get(|kept| {
            let holds = Arc::ptr_eq(&kept.context, &context)
                && kept.keytab.as_deref() == keytab
                && kept.replay_cache == sources.replay_cache
                && kept.looked.elapsed() < GLANCE;
            holds.then(|| Arc::clone(&kept.credential))
        });
        if let Some(acceptor) = kept {
            return Ok(acceptor);
        }
        let looked = Instant::now();
        let file = context.keytab(keytab)?;
        let name = credential.name.as_ref();
        let name = name.filter(|_| !credential.default_identity);
        // Whether there is one is the service's to say, not a handle's.
        let replay_cache = sources.replay_cache.as_deref();
        let acceptor = self
            .keytabs
            .acceptor(&context, &file, name, replay_cache, now)?;
        credential.accepting.put(Accepting {
            looked,
            keytab: keytab.map(str::to_owned),
            replay_cache: sources.replay_cache.clone(),
            credential: Arc::clone(&acceptor),
            context,
        });
        Ok(acceptor)
    }

    /// The same, with the keytab as it is at this moment: before a caller is told that there is no
    /// key for it.
    ///
    /// # Errors
    /// As for [`acceptor`](Self::acceptor).
    pub fn acceptor_anew(
        &self,
        sources: &Sources,
        credential: &HeldCredential,
        now: Timestamp,
    ) -> Result<Arc<AcceptorCredential>, DeskError> {
        credential.accepting.clear();
        self.acceptor(sources, credential, now)
    }

    /// A credential's tickets, for an initiator.
    ///
    /// # Errors
    /// It is none for initiating, or its cache cannot be read.
    pub fn tickets<'a>(
        &'a self,
        credential: &'a HeldCredential,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Tickets<'a>, DeskError> {
        Tickets::new(self, credential, patience, now)
    }

    /// How long one can initiate with it: nothing when it is for accepting only, zero when it has
    /// ended or nobody signed in to its cache.
    ///
    /// # Errors
    /// Its cache cannot be read.
    pub fn life(
        &self,
        credential: &HeldCredential,
        now: Timestamp,
    ) -> Result<Option<Duration>, DeskError> {
        if credential.usage == CredUsage::Accept {
            return Ok(None);
        }
        let expires = match self.purse_of(credential, Patience::Never) {
            Ok(purse) => purse.inspect(|cache| Survey::of(cache).expires),
            Err(DeskError::EmptyCache) => KerberosTime::ZERO,
            Err(DeskError::WouldWait) => credential.expires,
            Err(error) => return Err(error),
        };
        Ok(Some(expires.duration_since(now.time)))
    }

    /// The logins that are kept in memory, in no order.
    pub fn logins(&self) -> Vec<KeptLogin> {
        self.logins.list()
    }

    fn known_sources(&self, key: &SourcesKey) -> Option<Arc<Sources>> {
        let mut known = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, sources) = known.get(key)?;
        (since.elapsed() < USER_NAMES_HOLD).then(|| Arc::clone(sources))
    }

    fn purse_of(
        &self,
        credential: &HeldCredential,
        patience: Patience,
    ) -> Result<Arc<Purse>, DeskError> {
        match &credential.tickets {
            Some(HeldTickets::Memory(purse, _)) => Ok(Arc::clone(purse)),
            Some(HeldTickets::Named(name)) => {
                let cache = Cache::parse(name)?;
                let purse = places::absent_is_none(self.caches.load(&cache, patience))?;
                purse.ok_or(DeskError::EmptyCache)
            }
            None => Err(DeskError::EmptyCache),
        }
    }
}
