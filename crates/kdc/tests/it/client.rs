//! A client in a few lines: it builds requests, lets the test change them, and opens replies.

use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use kerbstone_kdc::{Answer, Kdc, Peer, Transport};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    AuthorizationData, EncKdcRepPart, EncTicketPart, EncryptedData, HostAddresses, KdcRep,
    KdcRepKind, KdcReq, KdcReqBody, KdcReqKind, KrbError, PaData, PaEncTsEnc, PaType, Ticket,
    UInt32,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::PacInTicket;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::site::{PASSWORD, REALM, Site, principal};

/// A ticket and what its owner knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) client: Principal,
    pub(crate) ticket: Ticket,
    pub(crate) key: Key,
    pub(crate) part: EncKdcRepPart,
}

impl Credential {
    pub(crate) fn has(&self, flags: TicketFlags) -> bool {
        self.part.flags.contains(flags)
    }

    /// What the service is told beside the PAC.
    pub(crate) fn told_beside_pac(&self, site: &Site) -> AuthorizationData {
        let mut data = self.opened(site).authorization_data;
        let pac = PacInTicket::find(&data).unwrap().expect("a PAC");
        data.remove(pac.container);
        data
    }

    /// What the service sees.
    pub(crate) fn opened(&self, site: &Site) -> EncTicketPart {
        let entry = site.directory.lookup(&self.ticket.server()).unwrap();
        let plain = entry
            .expect("a service of the site")
            .keys
            .iter()
            .find_map(|key| {
                self.ticket
                    .enc_part
                    .decrypt(&key.key, KeyUsage::TICKET)
                    .ok()
            })
            .expect("a key of the service opens its ticket");
        EncTicketPart::from_der(&plain).unwrap()
    }
}

/// Talks to a KDC.
pub(crate) struct Client<'a> {
    pub(crate) kdc: &'a Kdc,
    pub(crate) now: Timestamp,
    pub(crate) peer: Peer,
    pub(crate) rng: StdRng,
    nonce: u32,
}

impl<'a> Client<'a> {
    pub(crate) fn new(kdc: &'a Kdc, now: Timestamp) -> Self {
        Self {
            kdc,
            now,
            peer: Peer::new("127.0.0.1".parse().ok(), 4711, Transport::Udp),
            rng: StdRng::seed_from_u64(7),
            nonce: 1000,
        }
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> Answer {
        self.kdc
            .answer(request, self.now, &self.peer, &mut self.rng)
    }

    /// The error that the request gets.
    pub(crate) fn refused(&mut self, request: &[u8]) -> KrbError {
        KrbError::from_der(&self.ask(request).reply).expect("a KRB-ERROR")
    }

    pub(crate) fn body(&mut self, service: &Principal) -> KdcReqBody {
        self.nonce += 1;
        KdcReqBody {
            kdc_options: KdcOptions::EMPTY,
            cname: None,
            realm: service.realm.clone(),
            sname: Some(service.name.clone()),
            from: None,
            till: KerberosTime::ZERO,
            rtime: None,
            nonce: UInt32(self.nonce),
            etype: vec![18, 17, 20, 19],
            addresses: HostAddresses::default(),
            enc_authorization_data: None,
            additional_tickets: Vec::new(),
        }
    }

    /// An AS-REQ with an encrypted timestamp, its body changed by `adjust`.
    pub(crate) fn as_req(
        &mut self,
        client: &str,
        service: &str,
        adjust: impl FnOnce(&mut KdcReqBody),
    ) -> KdcReq {
        let client = principal(client);
        let mut body = self.body(&principal(service));
        body.cname = Some(client.name.clone());
        adjust(&mut body);
        let padata = self.enc_timestamp(&password_key(&client), self.now);
        KdcReq::new(KdcReqKind::As, vec![padata], body)
    }

    pub(crate) fn enc_timestamp(&mut self, key: &Key, at: Timestamp) -> PaData {
        let usage = KeyUsage::AS_REQ_PA_ENC_TIMESTAMP;
        let plain = PaEncTsEnc::from(at).to_der();
        let sealed = EncryptedData::encrypt(key, usage, None, &plain, &mut self.rng);
        PaData::new(PaType::ENC_TIMESTAMP, sealed.to_der())
    }

    /// Signs in for a ticket of the AS exchange.
    pub(crate) fn sign_in(
        &mut self,
        client: &str,
        service: &str,
        adjust: impl FnOnce(&mut KdcReqBody),
    ) -> Result<Credential, Box<KrbError>> {
        let request = self.as_req(client, service, adjust);
        let reply = self.ask(&request.to_der()).reply;
        let key = password_key(&principal(client));
        open_reply(&reply, KdcRepKind::As, &key, KeyUsage::AS_REP_ENC_PART)
    }

    /// Signs in for a ticket-granting ticket with everything a client may want.
    pub(crate) fn tgt(&mut self, client: &str) -> Credential {
        let tgs = format!("krbtgt/{REALM}");
        self.sign_in(client, &tgs, |body| {
            body.kdc_options = KdcOptions::FORWARDABLE
                | KdcOptions::PROXIABLE
                | KdcOptions::RENEWABLE
                | KdcOptions::ALLOW_POSTDATE;
        })
        .unwrap()
    }

    /// A TGS-REQ, its body and its AP-REQ changed by the caller.
    pub(crate) fn tgs_req(
        &mut self,
        shown: &Credential,
        service: &str,
        adjust: impl FnOnce(&mut KdcReqBody),
        show: impl for<'b> FnOnce(ApReqBuilder<'b>) -> ApReqBuilder<'b>,
    ) -> KdcReq {
        let mut body = self.body(&principal(service));
        adjust(&mut body);
        let purpose = ApPurpose::TicketGranting;
        let builder = ApReqBuilder::new(&shown.ticket, &shown.key, &shown.client, purpose)
            .checksum_over(&body.to_der());
        let ap_req = show(builder).build(self.now, &mut self.rng);
        let padata = PaData::new(PaType::TGS_REQ, ap_req.request.to_der());
        KdcReq::new(KdcReqKind::Tgs, vec![padata], body)
    }

    /// Gets a ticket by ticket, without a subkey.
    pub(crate) fn ticket(
        &mut self,
        shown: &Credential,
        service: &str,
        adjust: impl FnOnce(&mut KdcReqBody),
    ) -> Result<Credential, Box<KrbError>> {
        let request = self.tgs_req(shown, service, adjust, |builder| builder);
        let reply = self.ask(&request.to_der()).reply;
        open_reply(
            &reply,
            KdcRepKind::Tgs,
            &shown.key,
            KeyUsage::TGS_REP_SESSION,
        )
    }
}

/// Opens a reply, or says which error it is.
pub(crate) fn open_reply(
    reply: &[u8],
    kind: KdcRepKind,
    key: &Key,
    usage: KeyUsage,
) -> Result<Credential, Box<KrbError>> {
    if let Ok(error) = KrbError::from_der(reply) {
        return Err(Box::new(error));
    }
    let reply = KdcRep::from_der(reply).unwrap();
    let plain = reply.enc_part.decrypt(key, usage).unwrap();
    let part = EncKdcRepPart::from_der(kind, &plain).unwrap();
    Ok(Credential {
        client: reply.client(),
        key: part.key.to_key().unwrap(),
        ticket: reply.ticket,
        part,
    })
}

/// The key of the password that all users here have.
pub(crate) fn password_key(principal: &Principal) -> Key {
    Key::from_password(
        Enctype::Aes256CtsHmacSha1_96,
        PASSWORD.as_bytes(),
        &principal.default_salt(),
        None,
        IterationLimit::default(),
    )
    .unwrap()
}
