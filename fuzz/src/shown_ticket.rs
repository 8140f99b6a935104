//! Tickets that say what a fuzzer wants, sealed in the keys of the realm so that it believes them.

use arbitrary::Arbitrary;
use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{
    EncTicketPart, EncryptedData, EncryptionKey, HostAddresses, Secret, Ticket, TransitedEncoding,
};
use kerbstone_proto::name::Principal;
use rand_core::CryptoRng;

use crate::clock::around_now;
use crate::shown_pac::AnyPac;
use crate::site::{Site, principal};
use crate::values::{AnyAddress, AnyEnctype, AnyName, Bits, Moment, Typed};

/// A ticket to be made.
#[derive(Arbitrary, Debug)]
pub struct ShownTicket<'a> {
    /// For another service than usual.
    server: Option<AnyName<'a>>,
    /// What it says unlike alice's good ticket.
    changes: Vec<TicketChange<'a>>,
    /// In which of the service's keys it is sealed.
    key: u8,
    /// Another number of that key.
    kvno: Option<Option<u8>>,
    /// Its PAC.
    pac: AnyPac<'a>,
}

/// What is different about a ticket.
#[derive(Arbitrary, Debug)]
enum TicketChange<'a> {
    Flags(Bits),
    Client(AnyName<'a>),
    Transited(Option<i32>, &'a [u8]),
    AuthTime(Moment),
    StartTime(Option<Moment>),
    EndTime(Moment),
    RenewTill(Option<Moment>),
    Address(AnyAddress<'a>),
    Authorization(Typed<'a>),
    SessionKey(AnyEnctype, &'a [u8]),
    SessionEnctype(u8),
}

/// A ticket with what its owner knows of it.
#[derive(Debug)]
pub struct Held {
    /// The ticket.
    pub ticket: Ticket,
    /// What is in it.
    pub part: EncTicketPart,
    /// Its session key; another if there is none in it that can be used.
    pub session_key: Key,
}

impl ShownTicket<'_> {
    /// Makes it, alice's and for `usual` unless it says something else.
    pub fn seal(&self, site: &Site, usual: &str, rng: &mut dyn CryptoRng) -> Held {
        self.seal_of(site, "alice@HOME.TEST", usual, rng)
    }

    /// Makes it, for that client and that server unless it says something else.
    pub fn seal_of(&self, site: &Site, client: &str, usual: &str, rng: &mut dyn CryptoRng) -> Held {
        let server = match &self.server {
            Some(name) => name.principal(),
            None => principal(usual),
        };
        let mut part = good_part(client, rng);
        for change in &self.changes {
            change.apply(&mut part, rng);
        }
        let (key, kvno) = self.key_of(site, &server, rng);
        self.pac.put_into(&mut part, site, &server, &key);
        let plain = part.to_der();
        let ticket = Ticket {
            realm: server.realm,
            sname: server.name,
            enc_part: EncryptedData::encrypt(&key, KeyUsage::TICKET, kvno, &plain, rng),
        };
        Held {
            session_key: part.key.to_key().unwrap_or_else(|_| any_key(rng)),
            ticket,
            part,
        }
    }

    fn key_of(
        &self,
        site: &Site,
        server: &Principal,
        rng: &mut dyn CryptoRng,
    ) -> (Key, Option<u32>) {
        let found = site.entry(server).and_then(|entry| {
            let number = usize::from(self.key).checked_rem(entry.keys.len())?;
            entry.keys.get(number).cloned()
        });
        let (key, kvno) = match found {
            Some(key) => (key.key, key.kvno),
            None => (any_key(rng), 1),
        };
        match self.kvno {
            Some(other) => (key, other.map(u32::from)),
            None => (key, Some(kvno)),
        }
    }
}

/// A key that nobody else has.
pub fn any_key(rng: &mut dyn CryptoRng) -> Key {
    key_of(Enctype::Aes256CtsHmacSha1_96, rng)
}

fn key_of(enctype: Enctype, rng: &mut dyn CryptoRng) -> Key {
    Key::random(enctype, rng).expect("an enctype that is switched on")
}

/// A ticket as its client would have it.
fn good_part(client: &str, rng: &mut dyn CryptoRng) -> EncTicketPart {
    let client = principal(client);
    EncTicketPart {
        flags: TicketFlags::INITIAL
            | TicketFlags::PRE_AUTHENT
            | TicketFlags::FORWARDABLE
            | TicketFlags::PROXIABLE
            | TicketFlags::MAY_POSTDATE
            | TicketFlags::RENEWABLE,
        key: EncryptionKey::from(&any_key(rng)),
        crealm: client.realm,
        cname: client.name,
        transited: TransitedEncoding::default(),
        authtime: around_now(-60),
        starttime: None,
        endtime: around_now(8 * 3600),
        renew_till: Some(around_now(7 * 86_400)),
        caddr: HostAddresses::default(),
        authorization_data: Default::default(),
    }
}

impl TicketChange<'_> {
    fn apply(&self, part: &mut EncTicketPart, rng: &mut dyn CryptoRng) {
        match self {
            Self::Flags(bits) => {
                part.flags = TicketFlags::from_bits(part.flags.bits() ^ bits.bits());
            }
            Self::Client(name) => {
                let client = name.principal();
                part.crealm = client.realm;
                part.cname = client.name;
            }
            Self::Transited(tr_type, contents) => {
                part.transited.tr_type = tr_type.unwrap_or(part.transited.tr_type);
                part.transited.contents = contents.to_vec();
            }
            Self::AuthTime(moment) => part.authtime = moment.time(),
            Self::StartTime(moment) => part.starttime = moment.map(Moment::time),
            Self::EndTime(moment) => part.endtime = moment.time(),
            Self::RenewTill(moment) => part.renew_till = moment.map(Moment::time),
            Self::Address(address) => part.caddr.push(address.address()),
            Self::Authorization(typed) => part.authorization_data.push(typed.authorization()),
            Self::SessionKey(enctype, bytes) => {
                part.key = EncryptionKey {
                    keytype: enctype.number(),
                    keyvalue: Secret::from(*bytes),
                };
            }
            Self::SessionEnctype(number) => {
                part.key = EncryptionKey::from(&key_of(crate::values::enctype(*number), rng));
            }
        }
    }
}
