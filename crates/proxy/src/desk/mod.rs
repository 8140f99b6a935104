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
mod k5c1;
mod kept_files;
mod keytabs;
mod naming;
mod patience;
mod purse;
mod replay_caches;
mod sealing;
mod shelf;
mod sources;
mod tickets;

pub use self::acquire::Wish;
pub use self::error::DeskError;
pub use self::held::{HeldCredential, HeldName};
pub use self::patience::Patience;
pub use self::sources::{CacheSource, Patterns, SignIn, Sources};
pub use self::tickets::Tickets;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kerbstone_client::{Cache, Context, Environment, KeytabFile, WantedForUser};
use kerbstone_crypto::Key;
use kerbstone_gss::AcceptorCredential;
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use nix::unistd::User;

use self::acquire::TicketsKey;
use self::caches::Caches;
use self::configuration::Configuration;
use self::handles::{Handles, Opened};
use self::held::HeldTickets;
use self::keytabs::Keytabs;
use self::purse::{Purse, Survey};
use self::replay_caches::ReplayCaches;
use self::shelf::Shelf;
use crate::settings::{CredUsage, Service};

/// So many logins are kept in memory, for as many services and names.
const MAX_LOGINS: usize = 512;
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
    sources: Mutex<Shelf<SourcesKey, (Instant, Arc<Sources>)>>,
    /// Tickets that no cache with a name holds.
    logins: Mutex<Shelf<TicketsKey, Login>>,
    /// Who signs in waits for whoever signs in already.
    gates: Mutex<Shelf<TicketsKey, Arc<Mutex<()>>>>,
    /// By service.
    seals: Mutex<HashMap<String, Key>>,
}

/// A login that the desk keeps in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLogin {
    /// For which service.
    pub service: String,
    /// Who is signed in.
    pub client: Principal,
    /// Until when.
    pub expires: KerberosTime,
}

#[derive(Debug)]
struct Login {
    service: String,
    purse: Arc<Purse>,
    /// Whose keys got the tickets.
    keytab: Arc<Keytab>,
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
            sources: Mutex::new(Shelf::new(MAX_SOURCES)),
            logins: Mutex::new(Shelf::new(MAX_LOGINS)),
            gates: Mutex::new(Shelf::new(MAX_LOGINS)),
            seals: Mutex::default(),
        })
    }

    /// krb5.conf and the environment, read anew when its files have changed.
    pub fn context(&self) -> Arc<Context> {
        let (context, is_new) = self.configuration.context();
        if is_new {
            self.keytabs.reconfigure();
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
        self.acquire_as_mit(wish, patience, now).map(Arc::new)
    }

    /// What a credential accepts with. `sources` are those of the service.
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
        let file = context.keytab(keytab)?;
        let name = credential.name.as_ref();
        let name = name.filter(|_| !credential.default_identity);
        // Whether there is one is the service's to say, not a handle's.
        let replay_cache = sources.replay_cache.as_deref();
        self.keytabs
            .acceptor(&context, &file, name, replay_cache, now)
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

    /// A credential of `user` for the impersonator itself (S4U2Self), with which the impersonator may
    /// go on in the user's name (S4U2Proxy) as far as the KDC lets it.
    ///
    /// # Errors
    /// The impersonator has no ticket, is one of an impersonated user itself, or the KDC refuses.
    pub fn impersonate(
        &self,
        impersonator: &HeldCredential,
        user: &Principal,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        let content = self.content_of_impersonator(impersonator, patience)?;
        let context = self.context();
        let settings = context.ticket_settings(Some(&content))?;
        let wish = WantedForUser::new(user.clone());
        let held = context.held_for_user(&content, &wish, &settings);
        let evidence = match (held, patience) {
            (Some(held), _) => held.clone(),
            (None, Patience::Never) => return Err(DeskError::WouldWait),
            (None, Patience::Until(deadline)) => {
                let context = context.until(deadline);
                let obtained = context.fetch_for_user(&content, &wish, &settings)?;
                self.keep_evidence(impersonator, &obtained.credential, now.time);
                obtained.credential
            }
        };
        Ok(Arc::new(HeldCredential::on_evidence(&content, evidence)))
    }

    /// The credential of the client of `evidence`, a ticket for the impersonator, with which the
    /// impersonator may go on in the client's name (S4U2Proxy).
    ///
    /// # Errors
    /// The impersonator has no ticket, or is one of an impersonated user itself.
    pub fn impersonated(
        &self,
        impersonator: &HeldCredential,
        evidence: &ServiceTicket,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        let content = self.content_of_impersonator(impersonator, Patience::Never)?;
        let evidence = held::stored(evidence);
        Ok(Arc::new(HeldCredential::on_evidence(&content, evidence)))
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

    /// Makes a handle of a credential that only this service's desk opens again.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn seal(
        &self,
        sources: &Sources,
        credential: &HeldCredential,
    ) -> Result<Vec<u8>, DeskError> {
        let key = self.seal_of(sources)?;
        let mut opened = credential.clone();
        let text = match &mut opened.tickets {
            Some(HeldTickets::Memory(purse, sealed)) => {
                *sealed = purse.added();
                let content = purse.content_to_seal();
                k5c1::write(&credential.exported(Some(&content)))
            }
            Some(HeldTickets::Named(_)) | None => k5c1::write(&credential.exported(None)),
        };
        let handle = sealing::seal(&key, &text, &mut rand::rng());
        let opened = Opened {
            service: sources.service.clone(),
            credential: Arc::new(opened),
        };
        self.handles.put(&handle, opened);
        Ok(handle)
    }

    /// The credential in a handle. Nothing when it does not decrypt, or is of another service.
    pub fn open(&self, sources: &Sources, handle: &[u8]) -> Option<Arc<HeldCredential>> {
        if let Some(opened) = self.handles.get(handle) {
            let is_own = opened.service == sources.service;
            return is_own.then_some(opened.credential);
        }
        let key = self.seal_of(sources).ok()?;
        let credential = sealing::open(&key, handle)?
            .and_then(|text| k5c1::read(&text))
            .and_then(HeldCredential::imported);
        let credential = match credential {
            Ok(credential) => Arc::new(credential),
            Err(error) => {
                tracing::warn!(service = sources.service, %error, "a handle is sealed with our key and cannot be read");
                return None;
            }
        };
        if !belonging::is_of(sources, &credential, &self.context()) {
            tracing::warn!(
                service = sources.service,
                "a handle names files that are not the service's"
            );
            return None;
        }
        let opened = Opened {
            service: sources.service.clone(),
            credential: Arc::clone(&credential),
        };
        self.handles.put(handle, opened);
        Some(credential)
    }

    /// The logins that are kept in memory, in no order.
    pub fn logins(&self) -> Vec<KeptLogin> {
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = |login: &Login| {
            let survey = login.purse.inspect(Survey::of);
            KeptLogin {
                service: login.service.clone(),
                client: survey.owner,
                expires: survey.expires,
            }
        };
        logins.values().map(kept).collect()
    }

    /// The key of a service's handles. It stays what it was when it was needed first, so that handles
    /// outlive a change of the keytab as they do with upstream.
    fn seal_of(&self, sources: &Sources) -> Result<Key, DeskError> {
        let mut seals = self.seals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = seals.get(&sources.service) {
            return Ok(key.clone());
        }
        let context = self.context();
        let named = sources.keytab.as_deref().map(KeytabFile::parse);
        let file = match named {
            Some(Ok(file)) => Ok(file),
            Some(Err(_)) | None => context.keytab(None),
        };
        let keytab = file.and_then(|file| self.keytabs.load(&file));
        let key = keytab
            .ok()
            .and_then(|keytab| sealing::key_in(&keytab, &context));
        let key = match key {
            Some(key) => key,
            None => sealing::random_key(&mut rand::rng())?,
        };
        seals.insert(sources.service.clone(), key.clone());
        Ok(key)
    }

    fn known_sources(&self, key: &SourcesKey) -> Option<Arc<Sources>> {
        let mut known = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, sources) = known.get(key)?;
        (since.elapsed() < USER_NAMES_HOLD).then(|| Arc::clone(sources))
    }

    /// The tickets of a login that this wish led to before, unless the keytab is another now.
    fn kept(&self, wish: &Wish<'_>, keytab: Option<&Arc<Keytab>>) -> Option<Arc<Purse>> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let login = logins.get(&wish.key())?;
        let is_same = keytab.is_some_and(|keytab| Arc::ptr_eq(&login.keytab, keytab));
        is_same.then(|| Arc::clone(&login.purse))
    }

    fn keep(&self, wish: &Wish<'_>, purse: &Arc<Purse>, keytab: &Arc<Keytab>) {
        let login = Login {
            service: wish.sources.service.clone(),
            purse: Arc::clone(purse),
            keytab: Arc::clone(keytab),
        };
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.put(wish.key(), login, 1);
    }

    fn gate(&self, wish: &Wish<'_>) -> Arc<Mutex<()>> {
        let key = wish.key();
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(&key) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Mutex::new(()));
        gates.put(key, Arc::clone(&gate), 1);
        gate
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
                let purse = acquire::absent_is_none(self.caches.load(&cache, patience))?;
                purse.ok_or(DeskError::EmptyCache)
            }
            None => Err(DeskError::EmptyCache),
        }
    }

    /// The tickets of a credential that is to act in users' names.
    fn content_of_impersonator(
        &self,
        impersonator: &HeldCredential,
        patience: Patience,
    ) -> Result<CredentialCache, DeskError> {
        if impersonator.usage == CredUsage::Accept {
            return Err(DeskError::WrongUsage("initiating"));
        }
        if impersonator.impersonator.is_some() {
            return Err(DeskError::Impersonated);
        }
        Ok(self.purse_of(impersonator, patience)?.content())
    }

    /// The next call in this user's name finds it. In a cache with a name others would find it too.
    fn keep_evidence(
        &self,
        impersonator: &HeldCredential,
        evidence: &Credential,
        now: KerberosTime,
    ) {
        if let Some(HeldTickets::Memory(purse, _)) = &impersonator.tickets {
            purse.add(std::slice::from_ref(evidence), now);
        }
    }
}
