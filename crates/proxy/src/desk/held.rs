//! A credential as MIT's library holds and exports it.

use std::sync::Arc;

use kerbstone_client::Evidence;
use kerbstone_client::cache::CacheName;
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::KerberosTime;

use super::DeskError;
use super::handles::Sealed;
use super::k5c1::{Exported, ExportedCache, Imported, Password};
use super::keytabs::Accepting;
use super::purse::{Purse, Survey};
use super::slot::Slot;
use crate::settings::CredUsage;

/// Whose credential it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeldName {
    /// The principal.
    pub principal: Principal,
    /// The service, when it was named as a service on a host.
    pub service: Option<String>,
    /// The host.
    pub host: Option<String>,
}

impl HeldName {
    /// A principal that was not named as a service on a host.
    pub const fn of(principal: Principal) -> Self {
        Self {
            principal,
            service: None,
            host: None,
        }
    }
}

/// A credential: what a handle carries. Cheap to clone; clones share their tickets.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldCredential {
    pub(super) usage: CredUsage,
    pub(super) name: Option<HeldName>,
    pub(super) impersonator: Option<Principal>,
    /// Nobody was named when it was acquired.
    pub(super) default_identity: bool,
    pub(super) iakerb: bool,
    pub(super) keytab: Option<String>,
    pub(super) replay_cache: Option<String>,
    pub(super) tickets: Option<HeldTickets>,
    pub(super) client_keytab: Option<String>,
    pub(super) has_tgt: bool,
    pub(super) expires: KerberosTime,
    pub(super) refreshes: KerberosTime,
    pub(super) enctypes: Option<Vec<i32>>,
    pub(super) password: Option<Password>,
    /// What it accepted with the last time.
    pub(super) accepting: Slot<Accepting>,
    /// The handle that it was given the last time.
    pub(super) sealed: Slot<Sealed>,
}

/// Where a credential's tickets are.
#[derive(Clone, Debug)]
pub(super) enum HeldTickets {
    /// With it, in memory; and how many had come when it was opened or acquired.
    Memory(Arc<Purse>, usize),
    /// In the cache of this name.
    Named(String),
}

/// The same place, as it was then.
impl PartialEq for HeldTickets {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory(one, then), Self::Memory(other, now)) => {
                Arc::ptr_eq(one, other) && then == now
            }
            (Self::Named(one), Self::Named(other)) => one == other,
            _ => false,
        }
    }
}

impl HeldTickets {
    pub(super) fn in_memory(cache: CredentialCache) -> Self {
        Self::Memory(Arc::new(Purse::new(cache)), 0)
    }
}

impl HeldCredential {
    /// One for accepting only, with the keys of `name` in a keytab.
    pub(super) const fn accepting(keytab: String, name: Option<HeldName>) -> Self {
        Self {
            usage: CredUsage::Accept,
            default_identity: name.is_none(),
            name,
            impersonator: None,
            iakerb: false,
            keytab: Some(keytab),
            replay_cache: None,
            tickets: None,
            client_keytab: None,
            has_tgt: false,
            expires: KerberosTime::ZERO,
            refreshes: KerberosTime::ZERO,
            enctypes: None,
            password: None,
            accepting: Slot::new(),
            sealed: Slot::new(),
        }
    }

    /// One for initiating only, with the tickets that were surveyed.
    pub(super) fn initiating(survey: Survey, tickets: HeldTickets) -> Self {
        Self {
            usage: CredUsage::Initiate,
            name: Some(HeldName::of(survey.owner)),
            impersonator: survey.impersonator,
            default_identity: false,
            iakerb: false,
            keytab: None,
            replay_cache: None,
            tickets: Some(tickets),
            client_keytab: None,
            has_tgt: survey.has_tgt,
            expires: survey.expires,
            refreshes: survey.refreshes,
            enctypes: None,
            password: None,
            accepting: Slot::new(),
            sealed: Slot::new(),
        }
    }

    /// The credential that an initiator delegated: the tickets of an accepted context.
    ///
    /// # Errors
    /// There are none.
    pub fn delegated(tickets: &[ServiceTicket]) -> Result<Self, DeskError> {
        let first = tickets.first().ok_or(DeskError::EmptyCache)?;
        let mut cache = CredentialCache::new(first.client.clone());
        cache.credentials = tickets.iter().map(Credential::from).collect();
        let survey = Survey::of(&cache);
        Ok(Self::initiating(survey, HeldTickets::in_memory(cache)))
    }

    /// That of the client of `evidence`, with the tickets of the service that it is for.
    pub(super) fn on_evidence(service: &CredentialCache, evidence: Credential) -> Self {
        let evidence = Evidence {
            impersonator: service.principal.clone(),
            credential: evidence,
        };
        let content = evidence.to_cache(service);
        let survey = Survey::of(&content);
        Self::initiating(survey, HeldTickets::in_memory(content))
    }

    /// What it is for.
    pub const fn usage(&self) -> CredUsage {
        self.usage
    }

    /// Whose it is. Nobody's in particular, when it accepts for whatever the keytab has.
    pub const fn name(&self) -> Option<&HeldName> {
        self.name.as_ref()
    }

    /// The service that got it in the user's name (S4U2Self, or evidence for S4U2Proxy).
    pub const fn impersonator(&self) -> Option<&Principal> {
        self.impersonator.as_ref()
    }

    /// Whether there are tickets that the handle it was opened from does not carry
    /// (`sync_modified_creds`). Tickets in a cache with a name never are.
    pub fn has_grown(&self) -> bool {
        match &self.tickets {
            Some(HeldTickets::Memory(purse, then)) => purse.added() > *then,
            Some(HeldTickets::Named(_)) | None => false,
        }
    }

    /// The encryption types to which session keys are limited, by number, where its owner limited
    /// them.
    pub fn enctypes(&self) -> Option<&[i32]> {
        self.enctypes.as_deref()
    }

    /// Until when one could initiate with it when it was acquired; zero when that was not known.
    pub const fn expires(&self) -> KerberosTime {
        self.expires
    }

    /// The tickets that it has in memory, as the content of a cache.
    pub fn content(&self) -> Option<CredentialCache> {
        match &self.tickets {
            Some(HeldTickets::Memory(purse, _)) => Some(purse.content()),
            Some(HeldTickets::Named(_)) | None => None,
        }
    }

    /// As read from a handle.
    ///
    /// # Errors
    /// It names a cache in this process's memory, which no other process can mean.
    pub(super) fn imported(imported: Imported) -> Result<Self, DeskError> {
        let tickets = match imported.cache {
            None => None,
            Some(ExportedCache::Content(cache)) => Some(HeldTickets::in_memory(cache)),
            Some(ExportedCache::Named(name)) => match CacheName::parse(&name)? {
                CacheName::Memory(_) => {
                    return Err(DeskError::Handle("it names a cache in memory"));
                }
                _ => Some(HeldTickets::Named(name)),
            },
        };
        Ok(Self {
            usage: imported.usage,
            name: imported.name,
            impersonator: imported.impersonator,
            default_identity: imported.default_identity,
            iakerb: imported.iakerb,
            keytab: imported.keytab,
            replay_cache: imported.replay_cache,
            tickets,
            client_keytab: imported.client_keytab,
            has_tgt: imported.has_tgt,
            expires: imported.expires,
            refreshes: imported.refreshes,
            enctypes: imported.enctypes,
            password: imported.password,
            accepting: Slot::new(),
            sealed: Slot::new(),
        })
    }

    /// As it is written to a handle. `content` is that of a cache in memory.
    pub(super) fn exported<'a>(
        &self,
        content: Option<&'a CredentialCache>,
    ) -> Exported<&'a CredentialCache> {
        let survey = content.map(Survey::of);
        let named = match &self.tickets {
            Some(HeldTickets::Named(name)) => Some(ExportedCache::Named(name.clone())),
            Some(HeldTickets::Memory(..)) | None => None,
        };
        Exported {
            usage: self.usage,
            name: self.name.clone(),
            impersonator: self.impersonator.clone(),
            default_identity: self.default_identity,
            iakerb: self.iakerb,
            keytab: self.keytab.clone(),
            replay_cache: self.replay_cache.clone(),
            cache: content.map(ExportedCache::Content).or(named),
            client_keytab: self.client_keytab.clone(),
            has_tgt: survey
                .as_ref()
                .map_or(self.has_tgt, |survey| survey.has_tgt),
            expires: survey
                .as_ref()
                .map_or(self.expires, |survey| survey.expires),
            refreshes: self.refreshes,
            enctypes: self.enctypes.clone(),
            password: self.password.clone(),
        }
    }
}
