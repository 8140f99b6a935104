//! One TGS-REQ and its reply.

use std::time::Duration;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    EncKdcRepPart, Encoded, HostAddress, HostAddresses, KdcRep, KdcRepKind, KdcReq, KdcReqBody,
    KdcReqKind, KrbError, PaData, PaType, Ticket,
};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use super::behalf::{self, Behalf};
use crate::error::ClientError;

/// What is asked of a TGS.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) server: Principal,
    pub(super) options: KdcOptions,
    pub(super) till: Option<KerberosTime>,
    pub(super) enctypes: Vec<Enctype>,
    /// Other addresses than the ticket's.
    pub(super) addresses: Option<Vec<HostAddress>>,
    pub(super) second_ticket: Option<Ticket>,
    pub(super) behalf: Behalf,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) realm: Realm,
    pub(super) bytes: Vec<u8>,
    pub(super) wanted: Wanted,
    pub(super) with: Credential,
    body: Encoded<KdcReqBody>,
    session_key: Key,
    subkey: Key,
    at: Timestamp,
}

/// What came back.
#[derive(Debug)]
pub(super) enum Reply {
    Ticket(Box<Granted>),
    Error(Box<KrbError>),
}

/// A ticket, and what the KDC says about whose it is.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) credential: Credential,
    /// The user's name as the KDC knows it, under the reply's checksum (S4U2Self).
    pub(super) user: Option<Principal>,
    /// The KDC knows delegation that the service at its end permits.
    pub(super) resource_based: bool,
}

/// Asks with a ticket. `now` is the KDC's time as far as we know it.
pub(super) fn request(
    with: &Credential,
    wanted: Wanted,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<Pending, ClientError> {
    let ticket = Ticket::from_der(&with.ticket)
        .map_err(|_| ClientError::Misuse("the ticket in the credential is none"))?;
    let session_key = with.key.to_key()?;
    let subkey = Key::random(session_key.enctype(), rng)?;
    let body = Encoded::new(body(with, &wanted, rng));
    let said = wanted.behalf.padata(body.nonce, &session_key, &subkey);
    let proof = ApReqBuilder::new(
        &ticket,
        &session_key,
        &with.client,
        ApPurpose::TicketGranting,
    )
    .checksum_over(body.der())
    .subkey(subkey.clone())
    .build(now, rng);
    let mut padata = vec![PaData::new(PaType::TGS_REQ, proof.request.to_der())];
    padata.extend(said);
    let bytes = KdcReq::new(KdcReqKind::Tgs, padata, body.clone()).to_der();
    Ok(Pending {
        realm: body.realm.clone(),
        bytes,
        wanted,
        with: with.clone(),
        body,
        session_key,
        subkey,
        at: now,
    })
}

fn body(with: &Credential, wanted: &Wanted, rng: &mut dyn CryptoRng) -> KdcReqBody {
    let addresses = wanted.addresses.as_ref().unwrap_or(&with.addresses);
    KdcReqBody {
        kdc_options: wanted.options,
        cname: None,
        realm: wanted.server.realm.clone(),
        sname: Some(wanted.server.name.clone()),
        from: None,
        till: wanted.till.unwrap_or(with.endtime),
        rtime: None,
        nonce: crate::nonce::fresh(rng),
        etype: wanted.enctypes.iter().map(|e| e.number()).collect(),
        addresses: HostAddresses::from(addresses.clone()),
        enc_authorization_data: None,
        additional_tickets: wanted.second_ticket.iter().cloned().collect(),
    }
}

impl Pending {
    /// Opens and checks a reply (RFC 4120 3.3.4).
    pub(super) fn open(&self, reply: &[u8], skew: Duration) -> Result<Reply, ClientError> {
        if let Ok(error) = KrbError::from_der(reply) {
            return Ok(Reply::Error(Box::new(error)));
        }
        let reply = KdcRep::from_der(reply).map_err(|error| ClientError::NotAReply {
            why: error.to_string(),
        })?;
        if reply.kind != KdcRepKind::Tgs {
            return Err(ClientError::NotAReply {
                why: "an AS-REP came for a TGS-REQ".to_owned(),
            });
        }
        let part = self.decrypt(&reply)?;
        self.verify(&reply, &part, skew)?;
        Ok(Reply::Ticket(Box::new(Granted {
            credential: self.credential(&reply, &part),
            user: self.behalf_answered(&reply, &part)?,
            resource_based: behalf::is_resource_based(&part),
        })))
    }

    fn behalf_answered(
        &self,
        reply: &KdcRep,
        part: &EncKdcRepPart,
    ) -> Result<Option<Principal>, ClientError> {
        match self.wanted.behalf {
            Behalf::User(_) => behalf::user_in_reply(reply, part, self.body.nonce, &self.subkey),
            Behalf::Own | Behalf::Evidence => Ok(None),
        }
    }

    /// Replies come under the subkey; Heimdal before 1.3 used the session key nevertheless.
    fn decrypt(&self, reply: &KdcRep) -> Result<EncKdcRepPart, ClientError> {
        let sealed = &reply.enc_part;
        let plain = sealed
            .decrypt(&self.subkey, KeyUsage::TGS_REP_SUBKEY)
            .or_else(|_| sealed.decrypt(&self.session_key, KeyUsage::TGS_REP_SESSION))
            .map_err(|_| ClientError::ReplyModified {
                what: "the key that protects it",
            })?;
        EncKdcRepPart::from_der_of_either(&plain)
            .map(|(part, _)| part)
            .map_err(|error| ClientError::NotAReply {
                why: error.to_string(),
            })
    }

    fn verify(
        &self,
        reply: &KdcRep,
        part: &EncKdcRepPart,
        skew: Duration,
    ) -> Result<(), ClientError> {
        let differs = |what| Err(ClientError::ReplyModified { what });
        let options = self.body.kdc_options;
        if part.nonce != self.body.nonce {
            return differs("the nonce");
        }
        self.verify_client(reply, part)?;
        if part.server() != reply.ticket.server() {
            return differs("the server's name inside and outside of the ticket");
        }
        let both_tgts = self.wanted.server.is_krbtgt() && part.server().is_krbtgt();
        let renamed = part.server() != self.wanted.server;
        if renamed && !options.contains(KdcOptions::CANONICALIZE) && !both_tgts {
            return differs("the server's name");
        }
        if renamed && part.server().is_krbtgt() && part.srealm != self.realm {
            return differs("the realm that issued the TGT");
        }
        if self.wanted.till.is_some_and(|till| part.endtime > till) {
            return differs("the end time");
        }
        part.key.to_key().map_err(|_| ClientError::ReplyModified {
            what: "the session key, which is none",
        })?;
        let kept_start = options.intersects(KdcOptions::VALIDATE | KdcOptions::RENEW);
        let starts = part.starts();
        if !kept_start && starts.abs_diff(self.at.time) > skew {
            return Err(ClientError::ReplySkew {
                realm: self.realm.clone(),
                offset: starts.unix().saturating_sub(self.at.time.unix()),
            });
        }
        Ok(())
    }

    /// A referral is for whoever asks. Whose the ticket at the end is that is asked for in a user's name, the caller
    /// must check.
    fn verify_client(&self, reply: &KdcRep, part: &EncKdcRepPart) -> Result<(), ClientError> {
        let of_asker = reply.client() == self.with.client;
        match self.wanted.behalf {
            Behalf::User(_) if !part.server().is_krbtgt() && of_asker => {
                Err(ClientError::ImpersonationUnsupported {
                    realm: self.realm.clone(),
                })
            }
            Behalf::User(_) | Behalf::Evidence if !part.server().is_krbtgt() => Ok(()),
            _ if of_asker => Ok(()),
            _ => Err(ClientError::ReplyModified {
                what: "the client's name",
            }),
        }
    }

    fn credential(&self, reply: &KdcRep, part: &EncKdcRepPart) -> Credential {
        let mut credential = crate::login::credential_of(reply, part);
        if !self.may_vouch() {
            credential.flags = credential.flags.difference(TicketFlags::OK_AS_DELEGATE);
        }
        if part.caddr.is_empty() {
            credential.addresses.clone_from(&self.with.addresses);
            if self.wanted.addresses.is_some() {
                credential.addresses.clear();
            }
        }
        credential.is_skey = self.body.kdc_options.contains(KdcOptions::ENC_TKT_IN_SKEY);
        credential.second_ticket = self
            .wanted
            .second_ticket
            .as_ref()
            .map(Ticket::to_der)
            .unwrap_or_default();
        credential
    }

    /// A foreign KDC may call a server worthy of delegation only if each realm on the way vouched for the next.
    fn may_vouch(&self) -> bool {
        let client_realm = &self.with.client.realm;
        let local = self.with.server == Principal::krbtgt(client_realm, client_realm);
        local || self.with.flags.contains(TicketFlags::OK_AS_DELEGATE)
    }
}

/// The options that ask for what a ticket already is: forwardable, proxiable, renewable, postdatable.
pub(super) fn inherited(flags: TicketFlags) -> KdcOptions {
    [
        (TicketFlags::FORWARDABLE, KdcOptions::FORWARDABLE),
        (TicketFlags::PROXIABLE, KdcOptions::PROXIABLE),
        (TicketFlags::MAY_POSTDATE, KdcOptions::ALLOW_POSTDATE),
        (TicketFlags::RENEWABLE, KdcOptions::RENEWABLE),
    ]
    .into_iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .fold(KdcOptions::EMPTY, |options, (_, option)| options | option)
}
