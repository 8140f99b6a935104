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
mod error;
mod file_identity;
mod held;
mod k5c1;
mod patience;
mod shelf;
mod sources;
mod tickets;

pub use self::acquire::Wish;
pub use self::error::DeskError;
pub use self::held::{HeldCredential, HeldName};
pub use self::patience::Patience;
pub use self::sources::{CacheSource, SignIn, Sources};
pub use self::tickets::Tickets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::{Context, Environment};
use kerbstone_gss::AcceptorCredential;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;
use nix::unistd::User;

use crate::settings::Service;

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
    context: Arc<Context>,
}

impl Desk {
    /// A desk on which nothing lies yet.
    ///
    /// # Errors
    /// krb5.conf cannot be read.
    pub fn new(environment: DeskEnvironment) -> Result<Self, DeskError> {
        Ok(Self {
            context: Arc::new(Context::new(environment.kerberos)?),
        })
    }

    /// krb5.conf and the environment, read anew when its files have changed.
    pub fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context)
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
        let name = match (service.needs_user_name(), patience) {
            (false, _) => None,
            (true, Patience::Never) => return Err(DeskError::WouldWait),
            (true, Patience::Until(_)) => User::from_uid(uid.into()).ok().flatten(),
        };
        let name = name.map(|user| user.name);
        Sources::of(service, uid, name.as_deref(), sign_in).map(Arc::new)
    }

    /// A credential as the wish describes it: from the cache, or by signing in with a keytab.
    ///
    /// # Errors
    /// There is none; [`DeskError::WouldWait`] when a KDC would have to be asked.
    pub fn acquire(
        &self,
        _wish: &Wish<'_>,
        _patience: Patience,
        _now: Timestamp,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        Err(DeskError::EmptyCache)
    }

    /// What a credential accepts with. `sources` are those of the service.
    ///
    /// # Errors
    /// It is none for accepting, or the keytab has no key of its name.
    pub fn acceptor(
        &self,
        _sources: &Sources,
        _credential: &HeldCredential,
        _now: Timestamp,
    ) -> Result<Arc<AcceptorCredential>, DeskError> {
        Err(DeskError::EmptyCache)
    }

    /// A credential's tickets, for an initiator.
    ///
    /// # Errors
    /// It is none for initiating.
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
    /// The impersonator has no ticket, is impersonating itself, or the KDC refuses.
    pub fn impersonate(
        &self,
        _impersonator: &HeldCredential,
        _user: &Principal,
        _patience: Patience,
        _now: Timestamp,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        Err(DeskError::WouldWait)
    }

    /// How long one can initiate with it: nothing when it is for accepting only, zero when it has
    /// ended or nobody signed in to its cache.
    ///
    /// # Errors
    /// Its cache cannot be read.
    pub fn life(
        &self,
        _credential: &HeldCredential,
        _now: Timestamp,
    ) -> Result<Option<Duration>, DeskError> {
        Ok(None)
    }

    /// Makes a handle of a credential that only this service's desk opens again.
    ///
    /// # Errors
    /// Its cache cannot be read.
    pub fn seal(
        &self,
        _sources: &Sources,
        _credential: &HeldCredential,
    ) -> Result<Vec<u8>, DeskError> {
        Err(DeskError::EmptyCache)
    }

    /// The credential in a handle. Nothing when it does not decrypt, or is of another service.
    pub fn open(&self, _sources: &Sources, _handle: &[u8]) -> Option<Arc<HeldCredential>> {
        None
    }
}
