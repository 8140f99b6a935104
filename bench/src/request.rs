//! AS and TGS requests as clients send them, and the check that a reply is the right one.

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{
    EncKdcRepPart, EncryptedData, HostAddresses, KdcRep, KdcReq, KdcReqBody, KdcReqKind, KrbError,
    PaData, PaEncTsEnc, PaType, Ticket, UInt32,
};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::RngExt;

use crate::load::Exchange;

/// The realm of every server under measurement.
pub(crate) const REALM: &str = "BENCH.TEST";
/// The password behind the key that all users share, so that one load file serves for any number of them.
pub(crate) const PASSWORD: &str = "bench password";
/// The user whose entry is the model of all others; its name is the salt.
pub(crate) const MODEL: &str = "model";
/// The only enctype in the race.
pub(crate) const ENCTYPE: Enctype = Enctype::Aes256CtsHmacSha1_96;

const LIFE_SECONDS: i64 = 8 * 3600;

/// The name of user number `index`.
pub(crate) fn user(index: usize) -> String {
    format!("u{index:06}")
}

/// The name of service number `index`.
pub(crate) fn service(index: usize) -> String {
    format!("host/s{index:06}")
}

/// The present, for requests.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_duration(std::time::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// The key of every user.
///
/// # Errors
/// None in practice: the enctype is a modern one.
pub(crate) fn user_key() -> Result<Key, kerbstone_crypto::CryptoError> {
    let salt = format!("{REALM}{MODEL}");
    Key::from_password(
        ENCTYPE,
        PASSWORD.as_bytes(),
        salt.as_bytes(),
        None,
        Default::default(),
    )
}

/// Logins of random users with encrypted timestamp, in one round trip each.
#[derive(Debug)]
pub(crate) struct AsExchange {
    key: Key,
    realm: Realm,
    users: usize,
}

impl AsExchange {
    pub(crate) fn new(users: usize, key: Key) -> Self {
        Self {
            key,
            realm: Realm::from(REALM),
            users,
        }
    }
}

impl Exchange for AsExchange {
    type Expected = u32;

    fn request(&mut self) -> (Vec<u8>, u32) {
        let mut rng = rand::rng();
        let nonce = rng.random_range(1..u32::MAX >> 1);
        let name = user(rng.random_range(0..self.users));
        let mut body = body(&self.realm, PrincipalName::krbtgt(&self.realm), nonce);
        body.cname = Some(PrincipalName::new_principal(&[&name]));
        let stamp = PaEncTsEnc::from(now()).to_der();
        let sealed = EncryptedData::encrypt(
            &self.key,
            KeyUsage::AS_REQ_PA_ENC_TIMESTAMP,
            None,
            &stamp,
            &mut rng,
        );
        let padata = vec![PaData::new(PaType::ENC_TIMESTAMP, sealed.to_der())];
        (KdcReq::new(KdcReqKind::As, padata, body).to_der(), nonce)
    }

    fn check(&self, nonce: &u32, reply: &[u8]) -> Result<(), String> {
        open_reply(reply, &self.key, KeyUsage::AS_REP_ENC_PART, *nonce).map(|_| ())
    }
}

/// Service tickets for random services, all with one ticket-granting ticket.
#[derive(Debug)]
pub(crate) struct TgsExchange {
    tgt: Ticket,
    session: Key,
    client: Principal,
    services: usize,
}

impl TgsExchange {
    /// Takes the ticket out of the reply to a login.
    ///
    /// # Errors
    /// What is wrong with the reply.
    pub(crate) fn new(
        services: usize,
        login: &[u8],
        key: &Key,
        nonce: u32,
    ) -> Result<Self, String> {
        let (reply, part) = open_reply(login, key, KeyUsage::AS_REP_ENC_PART, nonce)?;
        Ok(Self {
            client: reply.client(),
            session: part.key.to_key().map_err(|error| error.to_string())?,
            tgt: reply.ticket,
            services,
        })
    }
}

impl Exchange for TgsExchange {
    type Expected = u32;

    fn request(&mut self) -> (Vec<u8>, u32) {
        let mut rng = rand::rng();
        let nonce = rng.random_range(1..u32::MAX >> 1);
        let name = service(rng.random_range(0..self.services));
        let components = name.split('/');
        let sname = PrincipalName::new(NameType::SRV_HST, components);
        let body = kerbstone_proto::message::Encoded::new(body(&self.client.realm, sname, nonce));
        let ap_req = ApReqBuilder::new(
            &self.tgt,
            &self.session,
            &self.client,
            ApPurpose::TicketGranting,
        )
        .checksum_over(body.der())
        .build(now(), &mut rng);
        let padata = vec![PaData::new(PaType::TGS_REQ, ap_req.request.to_der())];
        (KdcReq::new(KdcReqKind::Tgs, padata, body).to_der(), nonce)
    }

    fn check(&self, nonce: &u32, reply: &[u8]) -> Result<(), String> {
        open_reply(reply, &self.session, KeyUsage::TGS_REP_SESSION, *nonce).map(|_| ())
    }
}

fn body(realm: &Realm, sname: PrincipalName, nonce: u32) -> KdcReqBody {
    KdcReqBody {
        kdc_options: KdcOptions::FORWARDABLE,
        cname: None,
        realm: realm.clone(),
        sname: Some(sname),
        from: None,
        till: KerberosTime::from_unix(now().time.unix().saturating_add(LIFE_SECONDS)),
        rtime: None,
        nonce: UInt32(nonce),
        etype: vec![ENCTYPE.number()],
        addresses: HostAddresses::default(),
        enc_authorization_data: None,
        additional_tickets: Vec::new(),
    }
}

fn open_reply(
    reply: &[u8],
    key: &Key,
    usage: KeyUsage,
    nonce: u32,
) -> Result<(KdcRep, EncKdcRepPart), String> {
    let rep = KdcRep::from_der(reply).map_err(|error| match KrbError::from_der(reply) {
        Ok(refusal) => format!("the server refused: {:?}", refusal.error_code),
        Err(_) => error.to_string(),
    })?;
    let plain = rep
        .enc_part
        .decrypt(key, usage)
        .map_err(|error| error.to_string())?;
    let (part, _) = EncKdcRepPart::from_der_of_either(&plain).map_err(|error| error.to_string())?;
    if part.nonce != UInt32(nonce) {
        return Err("the reply is to another request".to_owned());
    }
    Ok((rep, part))
}
