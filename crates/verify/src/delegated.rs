//! A ticket-granting ticket that somebody sent along, so that the service can go on in their name.

use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::KerberosTime;
use kerbstone_proxy::wire;
use kerbstone_xdr::to_bytes;

/// What was delegated, as the content of a credential cache.
#[derive(Clone, Debug)]
pub struct Delegated {
    /// The cache.
    pub cache: CredentialCache,
    /// When its ticket ends.
    pub ends_at: KerberosTime,
    /// Whether only the proxy that sealed it can use it, by way of the mechglue plugin; else it is an ordinary cache.
    pub is_sealed: bool,
}

/// The longest sealed credential that is kept in a cache (the plugin's limit).
const MOST_OCTETS: usize = 512 << 10;

impl Delegated {
    /// The tickets that came with a context of our own making.
    pub(crate) fn of_tickets(tickets: &[ServiceTicket]) -> Option<Self> {
        let first = tickets.first()?;
        let mut cache = CredentialCache::new(first.client.clone());
        cache.credentials = tickets.iter().map(Credential::from).collect();
        Some(Self {
            ends_at: tickets.iter().map(|ticket| ticket.endtime).max()?,
            cache,
            is_sealed: false,
        })
    }

    /// The credential that a proxy has sealed, in the guise in which the plugin looks for it: a ticket for
    /// `Encrypted/Credentials/v1@X-GSSPROXY:`.
    pub(crate) fn of_sealed(credential: &wire::Credential, now: KerberosTime) -> Option<Self> {
        let name = credential.desired_name.display.trim_ascii_end();
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        let client = Principal::parse_bytes(name, None).ok()?;
        let ticket = to_bytes(credential, MOST_OCTETS).ok()?.into_vec();
        let lives = credential
            .elements
            .iter()
            .map(|element| element.initiator_life);
        let ends_at = now.saturating_add(std::time::Duration::from_secs(lives.max()?));
        let server = PrincipalName::new(NameType::PRINCIPAL, ["Encrypted", "Credentials", "v1"]);
        let mut cache = CredentialCache::new(client.clone());
        cache.credentials.push(Credential {
            client,
            server: Principal::new(server, Realm::from("X-GSSPROXY:")),
            key: KeyBlock::new(0, []),
            authtime: KerberosTime::ZERO,
            starttime: KerberosTime::ZERO,
            endtime: KerberosTime::ZERO,
            renew_till: KerberosTime::ZERO,
            is_skey: false,
            flags: TicketFlags::EMPTY,
            addresses: Vec::new(),
            authdata: Vec::new(),
            ticket,
            second_ticket: Vec::new(),
        });
        Some(Self {
            cache,
            ends_at,
            is_sealed: true,
        })
    }
}
