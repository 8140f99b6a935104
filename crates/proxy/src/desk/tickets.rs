//! The tickets of a credential, for an initiator.

use std::sync::Arc;

use kerbstone_client::ticket_source::service_ticket;
use kerbstone_client::{
    Cache, ClientError, Context, SystemNames, WantedService, service_principal,
};
use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::{NameType, Principal, Realm};
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};
use kerbstone_proto::time::Timestamp;

use super::held::HeldTickets;
use super::purse::{Purse, Survey};
use super::{Desk, DeskError, HeldCredential, Patience, naming};
use crate::settings::CredUsage;

/// The tickets of a credential: those that it has, and those that it can get.
///
/// With [`Patience::Never`] it only has what is there; ask [`would_wait`](Self::would_wait) after
/// each step of an initiator, also when the step went well: an initiator goes on without delegation
/// when there is no ticket for it.
#[derive(Debug)]
pub struct Tickets<'a> {
    desk: &'a Desk,
    context: Arc<Context>,
    credential: &'a HeldCredential,
    /// Where new tickets are written to, unless they stay in memory.
    cache: Option<Cache>,
    purse: Arc<Purse>,
    patience: Patience,
    now: Timestamp,
    enctypes: Option<Vec<Enctype>>,
    would_wait: bool,
}

impl<'a> Tickets<'a> {
    pub(super) fn new(
        desk: &'a Desk,
        credential: &'a HeldCredential,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Self, DeskError> {
        if credential.usage == CredUsage::Accept {
            return Err(DeskError::WrongUsage("initiating"));
        }
        let (cache, purse) = match &credential.tickets {
            None => return Err(DeskError::EmptyCache),
            Some(HeldTickets::Memory(purse, _)) => (None, Arc::clone(purse)),
            Some(HeldTickets::Named(name)) => {
                let cache = Cache::parse(name)?;
                let purse = desk.caches.load(&cache, patience)?;
                (Some(cache), purse)
            }
        };
        Ok(Self {
            desk,
            context: desk.context(),
            credential,
            cache,
            purse,
            patience,
            now,
            enctypes: None,
            would_wait: false,
        })
    }

    /// Only tickets whose session key is of one of these types.
    #[must_use]
    pub fn with_enctypes(mut self, enctypes: Vec<Enctype>) -> Self {
        self.enctypes = Some(enctypes);
        self
    }

    /// Whether a ticket was missing that could have been waited for.
    pub const fn would_wait(&self) -> bool {
        self.would_wait
    }

    fn ticket(&self, wanted: &WantedTicket) -> Result<ServiceTicket, DeskError> {
        let is_plain =
            wanted.second_ticket.is_none() && wanted.till.is_none() && self.enctypes.is_none();
        if is_plain && let Some(ready) = self.purse.ready(&wanted.server, self.now.time) {
            return Ok(ready);
        }
        self.renew_if_ended()?;
        let credential = match self.evidence_for(&wanted.server) {
            Some(evidence) => evidence,
            None => self.held_or_fetched(wanted)?,
        };
        let ticket = service_ticket(&credential)?;
        if is_plain {
            self.purse
                .make_ready(&wanted.server, &ticket, self.now.time);
        }
        Ok(ticket)
    }

    /// Tickets of a handle outlive their TGT where there is a key to get new ones with.
    fn renew_if_ended(&self) -> Result<(), DeskError> {
        let survey = self.purse.inspect(Survey::of);
        let is_ours = self.cache.is_none() && self.credential.client_keytab.is_some();
        if !is_ours || survey.impersonator.is_some() || survey.expires > self.now.time {
            return Ok(());
        }
        let outcome = self
            .desk
            .renew(self.credential, &self.purse, self.patience, self.now);
        match outcome {
            // That there is no key is not what is wrong: the tickets' end is, and is said by others.
            Err(DeskError::NoKeyOf | DeskError::Client(ClientError::NoKeytab { .. })) => Ok(()),
            outcome => outcome,
        }
    }

    /// Towards the service that acts in a user's name, the user's ticket to it serves itself.
    fn evidence_for(&self, server: &Principal) -> Option<Credential> {
        self.purse.inspect(|cache| {
            let impersonator = Survey::of(cache).impersonator?;
            let is_meant = impersonator == *server
                || (server.name.name_type == NameType::SRV_HST && impersonator.name == server.name);
            let mut tickets = cache.tickets().filter(|held| {
                held.server == impersonator
                    && held.client == cache.principal
                    && held.endtime > self.now.time
            });
            is_meant.then(|| tickets.next().cloned()).flatten()
        })
    }

    fn held_or_fetched(&self, wanted: &WantedTicket) -> Result<Credential, DeskError> {
        let wish = WantedService {
            till: wanted.till,
            second_ticket: wanted.second_ticket.clone(),
            enctypes: self.enctypes.clone(),
            ..WantedService::new(wanted.server.clone())
        };
        // Under the name as it was asked for, before the name service is asked for another.
        if let Some(held) = self.held(&wish)? {
            return Ok(held);
        }
        let wish = WantedService {
            server: self.canonical(&wanted.server)?,
            ..wish
        };
        if let Some(held) = self.held(&wish)? {
            return Ok(held);
        }
        let context = self.patient()?;
        if let Some(cache) = &self.cache {
            return Ok(context.service_ticket(cache, &wish)?);
        }
        let content = self.purse.content();
        let settings = context.ticket_settings(Some(&content))?;
        let obtained = context.fetch_ticket(&content, &wish, &settings)?;
        let mut new = obtained.intermediate;
        new.push(obtained.credential.clone());
        self.purse.add(&new, self.now.time);
        Ok(obtained.credential)
    }

    fn held(&self, wish: &WantedService) -> Result<Option<Credential>, DeskError> {
        self.purse.inspect(|content| {
            let settings = self.context.ticket_settings(Some(content))?;
            Ok(self.context.held(content, wish, &settings).cloned())
        })
    }

    /// A service on a host, named without its realm, is looked up as krb5.conf says.
    fn canonical(&self, server: &Principal) -> Result<Principal, DeskError> {
        let parts = match server.name.components.as_slice() {
            [service, host] if server.realm.is_empty() => service.to_str().zip(host.to_str()),
            _ => None,
        };
        let parts = parts.filter(|_| server.name.name_type == NameType::SRV_HST);
        let Some((service, host)) = parts else {
            return Ok(server.clone());
        };
        let conf = self.context.conf();
        if naming::asks_name_service(conf) {
            self.patient()?;
        }
        let mut found = service_principal(service, host, conf, &SystemNames);
        if self.credential.impersonator.is_some() {
            // S4U2Proxy begins in the impersonator's realm, wherever it leads.
            found.realm = Realm::from("");
        }
        Ok(found)
    }

    /// The context of a call that may wait.
    fn patient(&self) -> Result<Context, DeskError> {
        match self.patience {
            Patience::Never => Err(DeskError::WouldWait),
            Patience::Until(deadline) => Ok(self.context.until(deadline)),
        }
    }

    fn forwarded(&self) -> Result<ServiceTicket, DeskError> {
        let context = self.patient()?;
        let content: CredentialCache = self.purse.content();
        let forwarded = context.forward_from(&content, Vec::new(), true)?;
        Ok(service_ticket(&forwarded)?)
    }

    fn noted<T>(&mut self, outcome: Result<T, DeskError>) -> Result<T, TicketSourceError> {
        self.would_wait |= matches!(outcome, Err(DeskError::WouldWait));
        Ok(outcome?)
    }
}

impl TicketSource for Tickets<'_> {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Ok(self.purse.inspect(|cache| cache.principal.clone()))
    }

    fn service_ticket(
        &mut self,
        wanted: &WantedTicket,
    ) -> Result<ServiceTicket, TicketSourceError> {
        let outcome = self.ticket(wanted);
        self.noted(outcome)
    }

    /// Without addresses: nobody can know those by which the server is seen.
    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        let outcome = self.forwarded();
        self.noted(outcome)
    }
}
