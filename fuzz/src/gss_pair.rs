//! Two sides of a context in memory: a KDC that is a function, keys that are known.

use std::sync::{Arc, LazyLock};

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName, Context, Name, Refused, Step};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::message::{
    EncTicketPart, EncryptedData, EncryptionKey, HostAddresses, Ticket, TransitedEncoding,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};
use kerbstone_proto::time::KerberosTime;
use rand::rngs::StdRng;

use crate::clock::{around_now, random};
use crate::site::principal;

/// Whom everybody wants to reach.
pub const SERVICE: &str = "HTTP/www.home.test@HOME.TEST";
/// Who wants to.
pub const CLIENT: &str = "alice@HOME.TEST";
const TGT: &str = "krbtgt/HOME.TEST@HOME.TEST";

/// The service's key: one for all inputs, so that its schedules are made once.
pub static SERVICE_KEY: LazyLock<Key> = LazyLock::new(|| {
    Key::random(Enctype::Aes256CtsHmacSha1_96, &mut random()).expect("an enctype that is on")
});

/// alice's tickets, with session keys of one type.
#[derive(Debug)]
pub struct Tickets {
    enctype: Enctype,
    rng: StdRng,
}

impl Tickets {
    /// With session keys of that type.
    pub fn new(enctype: Enctype) -> Self {
        Self {
            enctype,
            rng: random(),
        }
    }

    fn ticket(&mut self, server: Principal) -> Result<ServiceTicket, TicketSourceError> {
        let client = self.client()?;
        let session_key = Key::random(self.enctype, &mut self.rng)?;
        let part = EncTicketPart {
            flags: TicketFlags::INITIAL | TicketFlags::FORWARDED,
            key: EncryptionKey::from(&session_key),
            crealm: client.realm.clone(),
            cname: client.name.clone(),
            transited: TransitedEncoding::default(),
            authtime: around_now(-60),
            starttime: None,
            endtime: around_now(36_000),
            renew_till: None,
            caddr: HostAddresses::default(),
            authorization_data: Default::default(),
        };
        let (plain, usage) = (part.to_der(), KeyUsage::TICKET);
        let sealed = EncryptedData::encrypt(&SERVICE_KEY, usage, Some(1), &plain, &mut self.rng);
        Ok(ServiceTicket {
            client,
            ticket: Ticket {
                realm: server.realm.clone(),
                sname: server.name.clone(),
                enc_part: sealed,
            },
            server,
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

impl TicketSource for Tickets {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Ok(principal(CLIENT))
    }

    fn service_ticket(
        &mut self,
        wanted: &WantedTicket,
    ) -> Result<ServiceTicket, TicketSourceError> {
        self.ticket(wanted.server.clone())
    }

    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        self.ticket(principal(TGT))
    }
}

/// What the service accepts with.
pub fn credential() -> Arc<AcceptorCredential> {
    let entry = KeytabEntry {
        principal: principal(SERVICE),
        timestamp: KerberosTime::ZERO,
        kvno: 1,
        key: KeyBlock::from(&*SERVICE_KEY),
    };
    let keytab = Keytab::from_entries([entry]).expect("one entry fits");
    let cache = Arc::new(MemoryReplayCache::new(&mut random()));
    let credential = AcceptorCredential::new(&keytab, AcceptorName::Any, cache);
    Arc::new(credential.expect("the key is there"))
}

/// How to reach the service.
pub fn options() -> InitiatorOptions {
    InitiatorOptions::new(Name::Principal(principal(SERVICE)))
}

/// Lets two machines talk. Nothing for a side that refused, or still waits.
pub fn talk(
    mut initiator: impl FnMut(Option<&[u8]>) -> Result<Step, Refused>,
    mut acceptor: impl FnMut(&[u8]) -> Result<Step, Refused>,
    mut meddle: impl FnMut(usize, &mut Vec<u8>),
) -> (Option<Context>, Option<Context>) {
    let (mut initiated, mut accepted) = (None, None);
    let mut input: Option<Vec<u8>> = None;
    for leg in 0..20 {
        let step = match (leg % 2, &input) {
            (0, _) if initiated.is_none() => initiator(input.as_deref()),
            (1, Some(token)) if accepted.is_none() => acceptor(token),
            _ => break,
        };
        input = match step {
            Ok(Step::Continue { token }) => Some(token),
            Ok(Step::Established { token, context }) => {
                let side = if leg % 2 == 0 {
                    &mut initiated
                } else {
                    &mut accepted
                };
                *side = Some(*context);
                token
            }
            Err(refused) => refused.token,
        };
        match &mut input {
            Some(token) => meddle(leg, token),
            None => break,
        }
    }
    (initiated, accepted)
}
