//! Two sides in one process, with a KDC that is a function and a clock that is a number.

use std::sync::Arc;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName, Context, GssFlags, Name, Refused, Step};
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
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const SERVICE: &str = "HTTP/www.virtual.test@VIRTUAL.TEST";

pub(crate) fn now() -> Timestamp {
    Timestamp::new(KerberosTime::from_unix(NOW), 0)
}

pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(4178)
}

fn principal(text: &str) -> Principal {
    Principal::parse(text, None).unwrap()
}

/// alice's tickets, sealed for a service whose key is known.
#[derive(Debug)]
pub(crate) struct Tickets {
    pub(crate) key: Key,
    rng: StdRng,
}

impl Tickets {
    pub(crate) fn new() -> Self {
        let mut rng = rng();
        let key = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut rng).unwrap();
        Self { key, rng }
    }

    pub(crate) fn credential(&self) -> Arc<AcceptorCredential> {
        let entry = KeytabEntry {
            principal: principal(SERVICE),
            timestamp: KerberosTime::ZERO,
            kvno: 1,
            key: KeyBlock::from(&self.key),
        };
        let keytab = Keytab::from_entries([entry]).unwrap();
        let cache = Arc::new(MemoryReplayCache::new(&mut rng()));
        Arc::new(AcceptorCredential::new(&keytab, AcceptorName::Any, cache).unwrap())
    }
}

impl TicketSource for Tickets {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Ok(principal("alice@VIRTUAL.TEST"))
    }

    fn service_ticket(
        &mut self,
        wanted: &WantedTicket,
    ) -> Result<ServiceTicket, TicketSourceError> {
        if wanted.server.to_string() != SERVICE {
            return Err(format!("{} is not known", wanted.server).into());
        }
        let client = self.client()?;
        let time = |after| KerberosTime::from_unix(NOW + after);
        let session_key = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut self.rng)?;
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
            authorization_data: Default::default(),
        };
        let plain = part.to_der();
        let usage = KeyUsage::TICKET;
        Ok(ServiceTicket {
            client,
            server: wanted.server.clone(),
            ticket: Ticket {
                realm: wanted.server.realm.clone(),
                sname: wanted.server.name.clone(),
                enc_part: EncryptedData::encrypt(&self.key, usage, Some(1), &plain, &mut self.rng),
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

    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        Err("there is no ticket-granting ticket".into())
    }
}

pub(crate) fn options(flags: GssFlags) -> InitiatorOptions {
    InitiatorOptions {
        flags,
        ..InitiatorOptions::new(Name::Principal(principal(SERVICE)))
    }
}

/// What came of an exchange of tokens; nothing of a side that still waits.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) initiator: Option<Result<Context, Refused>>,
    pub(crate) acceptor: Option<Result<Context, Refused>>,
    /// All tokens, the initiator's first.
    pub(crate) tokens: Vec<Vec<u8>>,
}

impl Exchange {
    pub(crate) fn both(self) -> (Context, Context) {
        let initiator = self.initiator.expect("the initiator comes to its end");
        let acceptor = self.acceptor.expect("the acceptor comes to its end");
        (initiator.unwrap(), acceptor.unwrap())
    }
}

/// Lets two machines talk until both are done or one refuses. `meddle` sees each token, with its
/// number, on its way.
pub(crate) fn exchange(
    mut initiator: impl FnMut(Option<&[u8]>) -> Result<Step, Refused>,
    mut acceptor: impl FnMut(&[u8]) -> Result<Step, Refused>,
    mut meddle: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
) -> Exchange {
    let mut tokens = Vec::new();
    let mut accepted = None;
    let mut initiated = None;
    let mut input: Option<Vec<u8>> = None;
    let mut pass = |tokens: &mut Vec<Vec<u8>>, token: Vec<u8>| {
        let token = meddle(tokens.len(), token);
        tokens.push(token.clone());
        token
    };
    for _ in 0..20 {
        if initiated.is_none() {
            let token = match initiator(input.as_deref()) {
                Ok(Step::Continue { token }) => Some(token),
                Ok(Step::Established { token, context }) => {
                    initiated = Some(Ok(*context));
                    token
                }
                Err(refused) => {
                    initiated = Some(Err(refused));
                    None
                }
            };
            input = token.map(|token| pass(&mut tokens, token));
        }
        let Some(token) = input.take() else { break };
        if accepted.is_some() {
            break;
        }
        let token = match acceptor(&token) {
            Ok(Step::Continue { token }) => Some(token),
            Ok(Step::Established { token, context }) => {
                accepted = Some(Ok(*context));
                token
            }
            Err(mut refused) => {
                let token = refused.token.take();
                accepted = Some(Err(refused));
                token
            }
        };
        input = token.map(|token| pass(&mut tokens, token));
        if input.is_none() {
            break;
        }
    }
    Exchange {
        initiator: initiated,
        acceptor: accepted,
        tokens,
    }
}
