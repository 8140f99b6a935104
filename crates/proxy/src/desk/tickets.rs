//! The tickets of a credential, for an initiator.

use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};
use kerbstone_proto::time::Timestamp;

use super::{Desk, DeskError, HeldCredential, Patience};
use crate::settings::CredUsage;

/// The tickets of a credential: those that it has, and those that it can get.
///
/// With [`Patience::Never`] it only has what is there; ask [`would_wait`](Self::would_wait) after
/// each step of an initiator, also when the step went well: an initiator goes on without delegation
/// when there is no ticket for it.
#[derive(Debug)]
pub struct Tickets<'a> {
    desk: &'a Desk,
    credential: &'a HeldCredential,
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
        if credential.usage() == CredUsage::Accept {
            return Err(DeskError::WrongUsage("initiating"));
        }
        Ok(Self {
            desk,
            credential,
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
}

impl TicketSource for Tickets<'_> {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        let name = self.credential.name().ok_or(DeskError::EmptyCache)?;
        Ok(name.principal.clone())
    }

    fn service_ticket(&mut self, _: &WantedTicket) -> Result<ServiceTicket, TicketSourceError> {
        let _ = (self.desk, self.patience, self.now, &self.enctypes);
        self.would_wait = true;
        Err(DeskError::WouldWait.into())
    }

    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        self.would_wait = true;
        Err(DeskError::WouldWait.into())
    }
}
