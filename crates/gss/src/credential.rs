//! What an acceptor accepts with.

use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::Key;
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;

use crate::{GssError, Name, ReplayCache};

/// As whom an acceptor accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptorName {
    /// Anybody whose key is in the keytab.
    Any,
    /// One principal.
    Principal(Principal),
    /// A service in whatever realm, on one host or on any.
    HostBased {
        /// `HTTP`, `host`, `imap`.
        service: String,
        /// The host as it stands in the principal's name.
        host: Option<String>,
    },
}

/// A key of a principal.
#[derive(Clone, Debug)]
pub struct AcceptorKey {
    /// Whose key it is.
    pub principal: Principal,
    /// Its version.
    pub kvno: u32,
    /// The key.
    pub key: Key,
}

/// Keys, and the memory of what was accepted with them. Share one between all contexts.
#[derive(Clone, Debug)]
pub struct AcceptorCredential {
    pub(crate) name: AcceptorName,
    pub(crate) keys: Vec<AcceptorKey>,
    pub(crate) replay_cache: Option<Arc<dyn ReplayCache>>,
    pub(crate) clock_skew: Duration,
    pub(crate) requires_bindings: bool,
    pub(crate) tgt: Option<ServiceTicket>,
}

/// How far clocks may differ, by custom.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);

impl AcceptorCredential {
    /// The keys of a keytab that belong to `name`, and the replay cache that all workers with
    /// these keys share.
    ///
    /// # Errors
    /// [`GssError::NoAcceptorCredential`] when the keytab has no usable key of that name.
    pub fn new(
        keytab: &Keytab,
        name: AcceptorName,
        replay_cache: Arc<dyn ReplayCache>,
    ) -> Result<Self, GssError> {
        let mut credential = Self::without_replay_cache(keytab, name)?;
        credential.replay_cache = Some(replay_cache);
        Ok(credential)
    }

    /// Without a memory of what was accepted: for protocols in which a replay gains nothing.
    ///
    /// # Errors
    /// [`GssError::NoAcceptorCredential`] when the keytab has no usable key of that name.
    pub fn without_replay_cache(keytab: &Keytab, name: AcceptorName) -> Result<Self, GssError> {
        let keys: Vec<AcceptorKey> = keytab
            .entries()
            .filter(|entry| name.covers(&entry.principal))
            .filter_map(|entry| {
                Some(AcceptorKey {
                    principal: entry.principal.clone(),
                    kvno: entry.kvno,
                    key: entry.key.to_key().ok()?,
                })
            })
            .collect();
        if keys.is_empty() {
            let why = format!("the keytab has no usable key of {name}");
            return Err(GssError::NoAcceptorCredential(why));
        }
        Ok(Self {
            name,
            keys,
            replay_cache: None,
            clock_skew: CLOCK_SKEW,
            requires_bindings: false,
            tgt: None,
        })
    }

    /// Accepts user-to-user only: with the session key of the ticket-granting ticket of somebody
    /// who has no key in a keytab.
    pub fn user_to_user(tgt: ServiceTicket, replay_cache: Arc<dyn ReplayCache>) -> Self {
        Self {
            name: AcceptorName::Principal(tgt.client.clone()),
            keys: Vec::new(),
            replay_cache: Some(replay_cache),
            clock_skew: CLOCK_SKEW,
            requires_bindings: false,
            tgt: Some(tgt),
        }
    }

    /// Accepts user-to-user beside what the keytab's keys accept.
    #[must_use]
    pub fn with_tgt(mut self, tgt: ServiceTicket) -> Self {
        self.tgt = Some(tgt);
        self
    }

    /// With a memory of what was accepted, in place of the one that it had.
    #[must_use]
    pub fn with_replay_cache(mut self, replay_cache: Arc<dyn ReplayCache>) -> Self {
        self.replay_cache = Some(replay_cache);
        self
    }

    /// As whom it accepts.
    pub const fn name(&self) -> &AcceptorName {
        &self.name
    }

    /// Tolerates clocks that are as far off as this instead of five minutes.
    #[must_use]
    pub const fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Refuses initiators that send no channel bindings, when the acceptor has some.
    #[must_use]
    pub const fn require_bindings(mut self) -> Self {
        self.requires_bindings = true;
        self
    }

    /// The keys.
    pub fn keys(&self) -> &[AcceptorKey] {
        &self.keys
    }
}

impl AcceptorName {
    /// Whether a ticket for that principal is for this acceptor.
    pub fn covers(&self, principal: &Principal) -> bool {
        match self {
            Self::Any => true,
            Self::Principal(own) => own == principal,
            Self::HostBased { service, host } => {
                let [own_service, own_host] = principal.name.components.as_slice() else {
                    return false;
                };
                own_service.as_bytes() == service.as_bytes()
                    && host.as_ref().is_none_or(|host| {
                        own_host.as_bytes().eq_ignore_ascii_case(host.as_bytes())
                    })
            }
        }
    }
}

impl From<Name> for AcceptorName {
    fn from(name: Name) -> Self {
        match name {
            Name::HostBased { service, host } => Self::HostBased { service, host },
            Name::Principal(principal) => Self::Principal(principal),
            Name::Anonymous => Self::Any,
        }
    }
}

impl std::fmt::Display for AcceptorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("any principal"),
            Self::Principal(principal) => write!(f, "{principal}"),
            Self::HostBased { service, host } => match host {
                Some(host) => write!(f, "{service}@{host}"),
                None => write!(f, "{service} on any host"),
            },
        }
    }
}
