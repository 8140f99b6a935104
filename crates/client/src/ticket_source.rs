//! A cache with KDCs behind it, for those who only know that they need a ticket.

use kerbstone_proto::ccache::Credential;
use kerbstone_proto::message::{HostAddresses, Ticket};
use kerbstone_proto::name::{NameType, Principal};
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};

use crate::cache::Cache;
use crate::driver::{Context, SystemNames};
use crate::error::ClientError;
use crate::ticket::{WantedService, service_principal};

/// Gets tickets with the TGT in a cache, and keeps them there.
#[derive(Debug)]
pub struct CacheTickets<'a> {
    context: &'a Context,
    cache: Cache,
}

impl<'a> CacheTickets<'a> {
    /// The tickets of `cache`.
    pub const fn new(context: &'a Context, cache: Cache) -> Self {
        Self { context, cache }
    }
}

impl CacheTickets<'_> {
    /// A service on a host, named without its realm, is looked up as `krb5.conf` says.
    fn canonical(&self, server: &Principal) -> Principal {
        let parts = match server.name.components.as_slice() {
            [service, host] if server.realm.is_empty() => service.to_str().zip(host.to_str()),
            _ => None,
        };
        match parts.filter(|_| server.name.name_type == NameType::SRV_HST) {
            Some((service, host)) => {
                service_principal(service, host, self.context.conf(), &SystemNames)
            }
            None => server.clone(),
        }
    }
}

impl TicketSource for CacheTickets<'_> {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Ok(self.cache.principal()?)
    }

    fn service_ticket(
        &mut self,
        wanted: &WantedTicket,
    ) -> Result<ServiceTicket, TicketSourceError> {
        let wish = WantedService {
            till: wanted.till,
            second_ticket: wanted.second_ticket.clone(),
            ..WantedService::new(self.canonical(&wanted.server))
        };
        Ok(service_ticket(
            &self.context.service_ticket(&self.cache, &wish)?,
        )?)
    }

    /// Without addresses: nobody can know those by which the server is seen.
    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        let forwarded = self.context.forward(&self.cache, Vec::new(), true)?;
        Ok(service_ticket(&forwarded)?)
    }
}

/// A credential with its ticket and key made ready.
pub fn service_ticket(credential: &Credential) -> Result<ServiceTicket, ClientError> {
    let ticket = Ticket::from_der(&credential.ticket)
        .map_err(|_| ClientError::Misuse("the ticket in the credential is none"))?;
    Ok(ServiceTicket {
        client: credential.client.clone(),
        server: ticket.server(),
        session_key: credential.key.to_key()?,
        flags: credential.flags,
        authtime: credential.authtime,
        starttime: credential.starttime,
        endtime: credential.endtime,
        renew_till: Some(credential.renew_till).filter(|time| !time.is_zero()),
        addresses: HostAddresses::from(credential.addresses.clone()),
        ticket,
    })
}
