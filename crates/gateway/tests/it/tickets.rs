//! Tickets for the gateway's service, from a KDC that is a function.

use std::time::UNIX_EPOCH;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{ChannelBindings, GssFlags, Name};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{
    AuthorizationData, AuthorizationDataElement, EncTicketPart, EncryptedData, EncryptionKey,
    HostAddresses, Ticket, TransitedEncoding,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::rng;

pub(crate) const SERVICE: &str = "HTTP/localhost@EXAMPLE.TEST";
pub(crate) const CLIENT: &str = "alice@EXAMPLE.TEST";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap())
}

pub(crate) fn principal(text: &str) -> Principal {
    Principal::parse(text, None).unwrap()
}

pub(crate) fn options(bindings: Option<ChannelBindings>) -> InitiatorOptions {
    InitiatorOptions {
        flags: GssFlags::MUTUAL,
        bindings,
        ..InitiatorOptions::new(Name::Principal(principal(SERVICE)))
    }
}

/// alice's tickets, sealed with the service's key.
#[derive(Debug)]
pub(crate) struct Tickets {
    pub(crate) key: Key,
}

impl TicketSource for Tickets {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Ok(principal(CLIENT))
    }

    fn service_ticket(
        &mut self,
        wanted: &WantedTicket,
    ) -> Result<ServiceTicket, TicketSourceError> {
        self.ticket(wanted, AuthorizationData::default())
    }

    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        Err("there is no ticket-granting ticket".into())
    }
}

impl Tickets {
    fn ticket(
        &self,
        wanted: &WantedTicket,
        authorization_data: AuthorizationData,
    ) -> Result<ServiceTicket, TicketSourceError> {
        let client = self.client()?;
        let time = |after| KerberosTime::from_unix(now().time.unix() + after);
        let session_key = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut rng())?;
        let part = EncTicketPart {
            flags: TicketFlags::INITIAL,
            key: EncryptionKey::from(&session_key),
            crealm: client.realm.clone(),
            cname: client.name.clone(),
            transited: TransitedEncoding::default(),
            authtime: time(-60),
            starttime: None,
            endtime: time(36_000),
            renew_till: None,
            caddr: HostAddresses::default(),
            authorization_data,
        };
        let (plain, usage) = (part.to_der(), KeyUsage::TICKET);
        Ok(ServiceTicket {
            client,
            server: wanted.server.clone(),
            ticket: Ticket {
                realm: wanted.server.realm.clone(),
                sname: wanted.server.name.clone(),
                enc_part: EncryptedData::encrypt(&self.key, usage, Some(1), &plain, &mut rng()),
            },
            session_key,
            flags: part.flags,
            authtime: part.authtime,
            starttime: part.authtime,
            endtime: part.endtime,
            renew_till: None,
            addresses: HostAddresses::default(),
        })
    }
}

/// The same people's, with so many octets of somebody else's data in each.
#[derive(Debug)]
pub(crate) struct LargeTickets {
    pub(crate) tickets: Tickets,
    pub(crate) size: usize,
}

impl TicketSource for LargeTickets {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        self.tickets.client()
    }

    fn service_ticket(
        &mut self,
        wanted: &WantedTicket,
    ) -> Result<ServiceTicket, TicketSourceError> {
        let element = AuthorizationDataElement {
            ad_type: 1,
            ad_data: vec![7; self.size],
        };
        self.tickets
            .ticket(wanted, AuthorizationData::from(vec![element]))
    }

    fn forwarded_tgt(&mut self, tgs: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        self.tickets.forwarded_tgt(tgs)
    }
}
