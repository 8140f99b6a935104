//! A KDC that answers as a test wants it to.

use kerbstone_client::clock::Offset;
use kerbstone_client::{
    ClientError, InitialTicket, Input, Login, LoginOptions, Machine, ObtainedTicket, Secret, Step,
    TicketRequest, TicketSettings, WantedService,
};
use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqCheck, verify_ap_req};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::message::{
    ApReq, EncKdcRepPart, EncTicketPart, EncryptedData, EncryptionKey, EtypeInfo2, EtypeInfo2Entry,
    HostAddress, HostAddresses, KdcRep, KdcRepKind, KdcReq, KrbError, MethodData, PaData, PaType,
    Ticket, TransitedEncoding,
};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_core::CryptoRng;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) const NOW: Timestamp = Timestamp::new(KerberosTime::from_unix(1_800_000_000), 0);

pub(crate) fn random() -> StdRng {
    StdRng::seed_from_u64(7)
}

pub(crate) fn principal(text: &str) -> Principal {
    Principal::parse(text, None).unwrap()
}

fn key(seed: u8) -> Key {
    Key::new(Enctype::Aes256CtsHmacSha1_96, &[seed; 32]).unwrap()
}

pub(crate) fn user_key() -> Key {
    let salt = principal("alice@HOME").default_salt();
    let limit = IterationLimit::DEFAULT;
    Key::from_password(
        Enctype::Aes256CtsHmacSha1_96,
        b"wonderland",
        &salt,
        None,
        limit,
    )
    .unwrap()
}

/// A KRB-ERROR of this realm's KDC at this time.
pub(crate) fn error(code: ErrorCode, at: Timestamp) -> KrbError {
    KrbError::new(code, at, principal("krbtgt/HOME@HOME"))
}

fn hint(salt: &str) -> PaData {
    let info = EtypeInfo2::from(vec![EtypeInfo2Entry {
        etype: 18,
        salt: Some(salt.into()),
        s2kparams: None,
    }]);
    PaData::new(PaType::ETYPE_INFO2, info.to_der())
}

/// PREAUTH_REQUIRED with one hint.
pub(crate) fn preauth_required(params: Option<Vec<u8>>) -> Vec<u8> {
    let info = EtypeInfo2::from(vec![EtypeInfo2Entry {
        etype: 18,
        salt: None,
        s2kparams: params,
    }]);
    let methods = MethodData::from(vec![
        PaData::new(PaType::ETYPE_INFO2, info.to_der()),
        PaData::new(PaType::ENC_TIMESTAMP, Vec::new()),
    ]);
    let mut refusal = error(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, NOW);
    refusal.e_data = Some(methods.to_der());
    refusal.to_der()
}

/// What an honest KDC would say, for a test to bend.
pub(crate) struct Draft {
    pub(crate) reply: KdcRep,
    pub(crate) part: EncKdcRepPart,
    pub(crate) part_kind: KdcRepKind,
    pub(crate) key: Key,
    pub(crate) usage: KeyUsage,
}

impl Draft {
    pub(crate) fn seal(mut self, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let plain = self.part.to_der(self.part_kind);
        self.reply.enc_part = EncryptedData::encrypt(&self.key, self.usage, None, &plain, rng);
        self.reply.to_der()
    }
}

/// The draft of an AS-REP to a request.
pub(crate) fn as_draft(request: &[u8], rng: &mut dyn CryptoRng) -> Draft {
    let request = KdcReq::from_der(request).unwrap();
    let client = request.body.client().unwrap();
    let server = request.body.server().unwrap();
    draft(
        KdcRepKind::As,
        &request,
        client,
        server,
        user_key(),
        KeyUsage::AS_REP_ENC_PART,
        rng,
    )
}

/// The draft of a TGS-REP. The key of every realm's TGS is the same here.
pub(crate) fn tgs_draft(request: &[u8], rng: &mut dyn CryptoRng) -> Draft {
    let request = KdcReq::from_der(request).unwrap();
    let proof = ApReq::from_der(PaData::find(&request.padata, PaType::TGS_REQ).unwrap()).unwrap();
    let check = ApReqCheck {
        now: NOW,
        skew: Duration::from_secs(300),
        from: None,
        purpose: ApPurpose::TicketGranting,
        accept_invalid: false,
    };
    let accepted = verify_ap_req(&proof, |_| Ok([key(1)]), &check).unwrap();
    accepted.verify_checksum(request.body.der()).unwrap();
    let client = accepted.ticket.client();
    let server = request.body.server().unwrap();
    let subkey = accepted.key().clone();
    draft(
        KdcRepKind::Tgs,
        &request,
        client,
        server,
        subkey,
        KeyUsage::TGS_REP_SUBKEY,
        rng,
    )
}

fn draft(
    kind: KdcRepKind,
    request: &KdcReq,
    client: Principal,
    server: Principal,
    reply_key: Key,
    usage: KeyUsage,
    rng: &mut dyn CryptoRng,
) -> Draft {
    let till = request.body.till;
    let part = EncKdcRepPart {
        key: EncryptionKey::from(&key(2)),
        last_req: Vec::new(),
        nonce: request.body.nonce,
        key_expiration: None,
        flags: TicketFlags::INITIAL,
        authtime: NOW.time,
        starttime: None,
        endtime: till,
        renew_till: None,
        srealm: server.realm.clone(),
        sname: server.name.clone(),
        caddr: HostAddresses::default(),
        encrypted_pa_data: MethodData::default(),
    };
    let ticket = ticket(&client, &server, till, rng);
    Draft {
        reply: KdcRep {
            pvno: Default::default(),
            kind,
            padata: vec![hint("HOMEalice")],
            crealm: client.realm,
            cname: client.name,
            ticket,
            enc_part: EncryptedData {
                etype: 0,
                kvno: None,
                cipher: Vec::new(),
            },
        },
        part,
        part_kind: kind,
        key: reply_key,
        usage,
    }
}

pub(crate) fn ticket(
    client: &Principal,
    server: &Principal,
    till: KerberosTime,
    rng: &mut dyn CryptoRng,
) -> Ticket {
    let inside = EncTicketPart {
        flags: TicketFlags::INITIAL,
        key: EncryptionKey::from(&key(2)),
        crealm: client.realm.clone(),
        cname: client.name.clone(),
        transited: TransitedEncoding::default(),
        authtime: NOW.time,
        starttime: None,
        endtime: till,
        renew_till: None,
        caddr: HostAddresses::default(),
        authorization_data: Default::default(),
    };
    Ticket {
        realm: server.realm.clone(),
        sname: server.name.clone(),
        enc_part: EncryptedData::encrypt(&key(1), KeyUsage::TICKET, Some(1), &inside.to_der(), rng),
    }
}

/// alice's TGT.
pub(crate) fn tgt() -> Credential {
    let (client, server) = (principal("alice@HOME"), principal("krbtgt/HOME@HOME"));
    let till = NOW.time.saturating_add(Duration::from_secs(3600));
    Credential {
        key: KeyBlock::from(&key(2)),
        authtime: NOW.time,
        starttime: NOW.time,
        endtime: till,
        renew_till: KerberosTime::ZERO,
        is_skey: false,
        flags: TicketFlags::INITIAL,
        addresses: Vec::new(),
        authdata: Vec::new(),
        ticket: ticket(&client, &server, till, &mut random()).to_der(),
        second_ticket: Vec::new(),
        client,
        server,
    }
}

/// Signs alice in with the right password against what `answer` says to each request (the first is number 0).
pub(crate) fn login_against(
    options: LoginOptions,
    mut answer: impl FnMut(usize, &[u8]) -> Vec<u8>,
) -> Result<InitialTicket, ClientError> {
    let secret = Secret::Password(Zeroizing::new("wonderland".to_owned()));
    let mut rng = random();
    let mut login = Login::new(principal("alice@HOME"), options, secret, NOW, &mut rng)?;
    drive(&mut login, &mut answer)
}

fn settings(conf: &str) -> TicketSettings {
    TicketSettings {
        conf: Arc::new(Krb5Conf::parse(conf).unwrap()),
        enctypes: Enctype::DEFAULT.to_vec(),
        clock_skew: Duration::from_secs(300),
        sync_time: true,
        offset: Offset::default(),
    }
}

/// Asks for a proxy ticket with alice's TGT.
pub(crate) fn proxy_against(
    server: &str,
    addresses: Vec<HostAddress>,
    mut answer: impl FnMut(usize, &[u8]) -> Vec<u8>,
) -> Result<ObtainedTicket, ClientError> {
    let server = principal(server);
    let mut request =
        TicketRequest::proxy(&tgt(), server, addresses, settings(""), NOW, &mut random())?;
    drive(&mut request, &mut answer)
}

/// Asks for a service with alice's TGT.
pub(crate) fn ticket_against(
    conf: &str,
    server: &str,
    mut answer: impl FnMut(usize, &[u8]) -> Vec<u8>,
) -> Result<ObtainedTicket, ClientError> {
    let server = match server.strip_suffix('@') {
        Some(name) => Principal::parse(name, Some(&Realm::from(""))).unwrap(),
        None => principal(server),
    };
    let mut request = TicketRequest::for_service(
        principal("alice@HOME"),
        WantedService::new(server),
        &[tgt()],
        None,
        settings(conf),
        NOW,
        &mut random(),
    )?;
    drive(&mut request, &mut answer)
}

fn drive<M: Machine>(
    machine: &mut M,
    answer: &mut impl FnMut(usize, &[u8]) -> Vec<u8>,
) -> Result<M::Output, ClientError> {
    let mut rng = random();
    for round in 0..100 {
        match machine.poll() {
            Some(Step::Done(output)) => return Ok(output),
            Some(Step::Send(request)) => {
                let reply = answer(round, &request.bytes);
                machine.handle(Input::Reply(&reply), NOW, &mut rng)?;
            }
            other => panic!("{:?}", other.map(|_| "another step")),
        }
    }
    panic!("the machine does not come to an end");
}
