//! Writes AS-REP and TGS-REP: ticket and reply in one buffer, each encrypted where it stands.
//!
//! The values are those that the exchanges hold anyway; nothing is copied into message types first.

use kerbstone_crypto::{CryptoError, Key, KeyUsage};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{AdType, AuthorizationData};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;
use rand_core::CryptoRng;

use crate::backwards::{Backwards, tag};
use crate::issued_pac::IssuedPac;
use crate::lifetimes::Lifetime;
use crate::transited::DOMAIN_X500_COMPRESS;

/// The version in every message.
const KERBEROS_5: i64 = 5;

/// What stands for the PAC in the ticket that the PAC signs.
const PAC_TO_BE: [u8; 1] = [0];

/// Which reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyKind {
    As,
    Tgs,
}

/// What stands in the ticket and, most of it, in the reply as well.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) client: &'a Principal,
    pub(crate) service: &'a Principal,
    pub(crate) flags: TicketFlags,
    pub(crate) session_key: &'a Key,
    pub(crate) authtime: KerberosTime,
    pub(crate) lifetime: Lifetime,
    /// DOMAIN-X500-COMPRESS.
    pub(crate) transited: &'a [u8],
    /// DER of HostAddresses for the ticket.
    pub(crate) addresses: Option<&'a [u8]>,
    /// What the ticket says beside its PAC.
    pub(crate) authorization_data: AuthorizationData,
    pub(crate) pac: Option<IssuedPac>,
}

/// Where the ticket's key comes from.
#[derive(Debug)]
pub(crate) struct TicketKey<'a> {
    pub(crate) key: &'a Key,
    /// None for user-to-user tickets.
    pub(crate) kvno: Option<u32>,
}

/// The reply around the ticket.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) kind: ReplyKind,
    pub(crate) key: &'a Key,
    pub(crate) usage: KeyUsage,
    pub(crate) kvno: Option<u32>,
    pub(crate) nonce: i64,
    pub(crate) key_expiration: Option<KerberosTime>,
    /// DER of METHOD-DATA in the clear.
    pub(crate) padata: Option<&'a [u8]>,
    /// DER of METHOD-DATA under the reply key.
    pub(crate) encrypted_padata: Option<&'a [u8]>,
    /// DER of HostAddresses; set where they are not those of the ticket that was shown.
    pub(crate) addresses: Option<&'a [u8]>,
}

/// The whole message.
pub(crate) fn write(
    grant: &Grant<'_>,
    ticket_key: &TicketKey<'_>,
    reply: &Reply<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, CryptoError> {
    let (message, encrypted) = match reply.kind {
        ReplyKind::As => (11, 25),
        ReplyKind::Tgs => (13, 26),
    };
    let mut writer = Backwards::new();
    let mut sealed = Ok(());
    writer.tagged(tag::application(message), |writer| {
        writer.tagged(tag::SEQUENCE, |writer| {
            writer.tagged(tag::context(6), |writer| {
                let sealing = Sealing {
                    key: reply.key,
                    usage: reply.usage,
                    kvno: reply.kvno,
                };
                let part = sealing.write(writer, rng, |writer| {
                    writer.tagged(tag::application(encrypted), |writer| {
                        encrypted_reply_part(writer, grant, reply);
                    });
                });
                sealed = sealed.and(part);
            });
            writer.tagged(tag::context(5), |writer| {
                sealed = sealed.and(ticket(writer, grant, ticket_key, rng));
            });
            principal_name(writer, 4, &grant.client.name);
            realm(writer, 3, &grant.client.realm);
            if let Some(padata) = reply.padata {
                writer.primitive(tag::context(2), padata);
            }
            integer(writer, 1, i64::from(message));
            integer(writer, 0, KERBEROS_5);
        });
    });
    sealed.map(|()| writer.finish())
}

fn ticket(
    writer: &mut Backwards,
    grant: &Grant<'_>,
    ticket_key: &TicketKey<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<(), CryptoError> {
    let pac = grant.pac.as_ref().map(|pac| {
        if !pac.signs_ticket {
            return pac.sign(ticket_key.key, None);
        }
        let mut draft = Backwards::new();
        ticket_part(&mut draft, grant, Some(&PAC_TO_BE));
        let pac = pac.sign(ticket_key.key, Some(draft.written()));
        draft.wipe();
        pac
    });
    let mut sealed = Ok(());
    writer.tagged(tag::application(1), |writer| {
        writer.tagged(tag::SEQUENCE, |writer| {
            writer.tagged(tag::context(3), |writer| {
                let sealing = Sealing {
                    key: ticket_key.key,
                    usage: KeyUsage::TICKET,
                    kvno: ticket_key.kvno,
                };
                sealed = sealing.write(writer, rng, |writer| {
                    ticket_part(writer, grant, pac.as_deref());
                });
            });
            principal_name(writer, 2, &grant.service.name);
            realm(writer, 1, &grant.service.realm);
            integer(writer, 0, KERBEROS_5);
        });
    });
    sealed
}

fn ticket_part(writer: &mut Backwards, grant: &Grant<'_>, pac: Option<&[u8]>) {
    writer.tagged(tag::application(3), |writer| {
        encrypted_ticket_part(writer, grant, pac);
    });
}

fn encrypted_ticket_part(writer: &mut Backwards, grant: &Grant<'_>, pac: Option<&[u8]>) {
    writer.tagged(tag::SEQUENCE, |writer| {
        if pac.is_some() || !grant.authorization_data.is_empty() {
            writer.tagged(tag::context(10), |writer| {
                authorization_data(writer, &grant.authorization_data, pac);
            });
        }
        if let Some(addresses) = grant.addresses {
            writer.primitive(tag::context(9), addresses);
        }
        times(writer, grant);
        writer.tagged(tag::context(4), |writer| {
            writer.tagged(tag::SEQUENCE, |writer| {
                octets(writer, 1, grant.transited);
                integer(writer, 0, i64::from(DOMAIN_X500_COMPRESS));
            });
        });
        principal_name(writer, 3, &grant.client.name);
        realm(writer, 2, &grant.client.realm);
        session_key(writer, 1, grant.session_key);
        flags(writer, 0, grant.flags);
    });
}

fn encrypted_reply_part(writer: &mut Backwards, grant: &Grant<'_>, reply: &Reply<'_>) {
    writer.tagged(tag::SEQUENCE, |writer| {
        if let Some(padata) = reply.encrypted_padata {
            writer.primitive(tag::context(12), padata);
        }
        if let Some(addresses) = reply.addresses {
            writer.primitive(tag::context(11), addresses);
        }
        principal_name(writer, 10, &grant.service.name);
        realm(writer, 9, &grant.service.realm);
        times(writer, grant);
        flags(writer, 4, grant.flags);
        if let Some(expiration) = reply.key_expiration {
            time(writer, 3, expiration);
        }
        integer(writer, 2, reply.nonce);
        writer.tagged(tag::context(1), last_request);
        session_key(writer, 0, grant.session_key);
    });
}

/// The PAC comes first, where MIT has it.
fn authorization_data(writer: &mut Backwards, others: &AuthorizationData, pac: Option<&[u8]>) {
    writer.tagged(tag::SEQUENCE, |writer| {
        for element in others.iter().rev() {
            authorization_element(writer, element.ad_type, |writer| {
                writer.bytes(&element.ad_data);
            });
        }
        if let Some(pac) = pac {
            authorization_element(writer, AdType::IF_RELEVANT, |writer| {
                writer.tagged(tag::SEQUENCE, |writer| {
                    authorization_element(writer, AdType::WIN2K_PAC, |writer| writer.bytes(pac));
                });
            });
        }
    });
}

fn authorization_element(writer: &mut Backwards, ad_type: i32, data: impl FnOnce(&mut Backwards)) {
    writer.tagged(tag::SEQUENCE, |writer| {
        writer.tagged(tag::context(1), |writer| {
            writer.tagged(tag::OCTET_STRING, data);
        });
        integer(writer, 0, i64::from(ad_type));
    });
}

/// Fields 5 to 8, which ticket and reply number alike. The start is left out where it is the
/// authentication, as RFC 4120 5.3 allows and MIT does.
fn times(writer: &mut Backwards, grant: &Grant<'_>) {
    if let Some(renew_till) = grant.lifetime.renew_till {
        time(writer, 8, renew_till);
    }
    time(writer, 7, grant.lifetime.end);
    if grant.lifetime.start != grant.authtime {
        time(writer, 6, grant.lifetime.start);
    }
    time(writer, 5, grant.authtime);
}

/// One entry that says nothing: the field is not optional.
fn last_request(writer: &mut Backwards) {
    writer.tagged(tag::SEQUENCE, |writer| {
        writer.tagged(tag::SEQUENCE, |writer| {
            time(writer, 1, KerberosTime::ZERO);
            integer(writer, 0, 0);
        });
    });
}

/// An EncryptedData to be made.
struct Sealing<'a> {
    key: &'a Key,
    usage: KeyUsage,
    kvno: Option<u32>,
}

impl Sealing<'_> {
    fn write(
        &self,
        writer: &mut Backwards,
        rng: &mut dyn CryptoRng,
        plaintext: impl FnOnce(&mut Backwards),
    ) -> Result<(), CryptoError> {
        let enctype = self.key.enctype();
        let mut sealed = Ok(());
        writer.tagged(tag::SEQUENCE, |writer| {
            writer.tagged(tag::context(2), |writer| {
                writer.tagged(tag::OCTET_STRING, |writer| {
                    let before = writer.length();
                    // Legacy enctypes, whose trailer depends on the plaintext, are never chosen.
                    writer.space(enctype.trailer_length(0));
                    plaintext(writer);
                    writer.space(enctype.header_length());
                    sealed = self
                        .key
                        .encrypt_in_place(self.usage, writer.since(before), rng);
                });
            });
            if let Some(kvno) = self.kvno {
                integer(writer, 1, i64::from(kvno));
            }
            integer(writer, 0, i64::from(enctype.number()));
        });
        sealed
    }
}

fn integer(writer: &mut Backwards, field: u8, value: i64) {
    writer.tagged(tag::context(field), |writer| writer.integer(value));
}

fn octets(writer: &mut Backwards, field: u8, bytes: &[u8]) {
    writer.tagged(tag::context(field), |writer| {
        writer.primitive(tag::OCTET_STRING, bytes);
    });
}

fn time(writer: &mut Backwards, field: u8, time: KerberosTime) {
    writer.tagged(tag::context(field), |writer| {
        writer.primitive(tag::GENERALIZED_TIME, &time.to_wire());
    });
}

fn flags(writer: &mut Backwards, field: u8, flags: TicketFlags) {
    writer.tagged(tag::context(field), |writer| {
        let [a, b, c, d] = flags.bits().to_be_bytes();
        writer.primitive(tag::BIT_STRING, &[0, a, b, c, d]);
    });
}

fn realm(writer: &mut Backwards, field: u8, realm: &Realm) {
    writer.tagged(tag::context(field), |writer| {
        writer.primitive(tag::GENERAL_STRING, realm.as_bytes());
    });
}

fn principal_name(writer: &mut Backwards, field: u8, name: &PrincipalName) {
    writer.tagged(tag::context(field), |writer| {
        writer.tagged(tag::SEQUENCE, |writer| {
            writer.tagged(tag::context(1), |writer| {
                writer.tagged(tag::SEQUENCE, |writer| {
                    for component in name.components.iter().rev() {
                        writer.primitive(tag::GENERAL_STRING, component.as_bytes());
                    }
                });
            });
            integer(writer, 0, i64::from(name.name_type.0));
        });
    });
}

fn session_key(writer: &mut Backwards, field: u8, key: &Key) {
    writer.tagged(tag::context(field), |writer| {
        writer.tagged(tag::SEQUENCE, |writer| {
            octets(writer, 1, key.bytes());
            integer(writer, 0, i64::from(key.enctype().number()));
        });
    });
}
