//! The seam between who needs a service ticket and who can get one.

use std::error::Error;

use kerbstone_crypto::Key;

use crate::ccache::Credential;
use crate::flags::TicketFlags;
use crate::key_block::KeyBlock;
use crate::message::{HostAddresses, Ticket};
use crate::name::Principal;
use crate::time::KerberosTime;

/// A ticket and everything its client needs to use it.
#[derive(Clone, Debug)]
pub struct ServiceTicket {
    /// The client.
    pub client: Principal,
    /// The server, as the KDC named it.
    pub server: Principal,
    /// The ticket.
    pub ticket: Ticket,
    /// Its session key.
    pub session_key: Key,
    /// What it is good for.
    pub flags: TicketFlags,
    /// When the client was first authenticated.
    pub authtime: KerberosTime,
    /// From when it is valid.
    pub starttime: KerberosTime,
    /// Until when.
    pub endtime: KerberosTime,
    /// Until when it may be renewed, when it is renewable.
    pub renew_till: Option<KerberosTime>,
    /// From where it may be used; empty means from anywhere.
    pub addresses: HostAddresses,
}

/// As caches keep it.
impl From<&ServiceTicket> for Credential {
    fn from(ticket: &ServiceTicket) -> Self {
        Self {
            client: ticket.client.clone(),
            server: ticket.server.clone(),
            key: KeyBlock::from(&ticket.session_key),
            authtime: ticket.authtime,
            starttime: ticket.starttime,
            endtime: ticket.endtime,
            renew_till: ticket.renew_till.unwrap_or_default(),
            is_skey: false,
            flags: ticket.flags,
            addresses: ticket.addresses.to_vec(),
            authdata: Vec::new(),
            ticket: ticket.ticket.to_der(),
            second_ticket: Vec::new(),
        }
    }
}

/// Which ticket is wanted.
#[derive(Clone, Debug)]
pub struct WantedTicket {
    /// The server.
    pub server: Principal,
    /// The server's own TGT, for user-to-user.
    pub second_ticket: Option<Ticket>,
    /// Until when it shall be valid; absent means as long as possible.
    pub till: Option<KerberosTime>,
}

impl WantedTicket {
    /// A ticket for that server, valid as long as possible.
    pub const fn for_server(server: Principal) -> Self {
        Self {
            server,
            second_ticket: None,
            till: None,
        }
    }
}

/// Somebody who gets tickets: a credential cache with a KDC behind it, or a proxy that has
/// the credentials.
pub trait TicketSource {
    /// Who the tickets are for.
    fn client(&self) -> Result<Principal, TicketSourceError>;

    /// A ticket for a service, from a cache or the KDC.
    fn service_ticket(&mut self, wanted: &WantedTicket)
    -> Result<ServiceTicket, TicketSourceError>;

    /// A TGT that somebody else may use in the client's name, for `server` to have.
    fn forwarded_tgt(&mut self, server: &Principal) -> Result<ServiceTicket, TicketSourceError>;
}

/// Why a source has no ticket, in its own words.
pub type TicketSourceError = Box<dyn Error + Send + Sync>;
