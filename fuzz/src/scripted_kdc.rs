//! Servers that answer a client as a fuzzer wants: rightly sealed replies that say strange things,
//! errors, and bytes.

use std::time::Duration;

use arbitrary::Arbitrary;
use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{AcceptedApReq, ApPurpose, ApReqCheck, verify_ap_req};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::kpasswd::{PasswordReply, PasswordRequest, PasswordResult, ResultCode};
use kerbstone_proto::krb_priv;
use kerbstone_proto::message::{
    ApReq, EncKdcRepPart, EncTicketPart, EncryptedData, EncryptionKey, EtypeInfo2, EtypeInfo2Entry,
    HostAddresses, KdcRep, KdcRepKind, KdcReq, KdcReqKind, KrbError, MethodData, PaData, PaType,
    Pvno, Secret, Ticket, TransitedEncoding, UInt32,
};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::stamp::Stamp;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use crate::clock::{NOW, around_now};
use crate::site::{PASSWORD, principal};
use crate::values::{AnyAddress, AnyEnctype, AnyName, Bits, Damage, Moment, Typed};

/// Iterations that the servers ask for: few, so that much can be tried.
const ITERATIONS: [u8; 4] = [0, 0, 0, 1];

/// What a server says to one request.
#[derive(Arbitrary, Debug)]
pub enum Said<'a> {
    /// What is right, but for some changes.
    Reply(Vec<ReplyChange<'a>>, Option<Damage<'a>>),
    /// An error.
    Error(AnyError<'a>),
    /// What a password server says.
    Result(u16, &'a [u8], Option<Damage<'a>>),
    /// Bytes.
    Raw(&'a [u8]),
}

/// An error that a server may send.
#[derive(Arbitrary, Debug)]
pub struct AnyError<'a> {
    code: Code,
    time: Option<Moment>,
    client: Option<AnyName<'a>>,
    realm: Option<&'a [u8]>,
    text: Option<&'a str>,
    data: Option<ErrorData<'a>>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Code {
    PreauthRequired,
    PreauthFailed,
    WrongRealm,
    Skew,
    KeyExpired,
    UnknownService,
    TooBig,
    Other(i32),
}

#[derive(Arbitrary, Debug)]
enum ErrorData<'a> {
    Hints(Vec<Hint<'a>>, Vec<Typed<'a>>),
    Bytes(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Hint<'a> {
    etype: AnyEnctype,
    salt: Option<&'a [u8]>,
    parameters: Parameters<'a>,
}

#[derive(Arbitrary, Debug)]
enum Parameters<'a> {
    Few,
    None,
    Strange(&'a [u8]),
}

/// What is different about a reply.
#[derive(Arbitrary, Debug)]
pub enum ReplyChange<'a> {
    /// The nonce.
    Nonce(u32),
    /// The client outside.
    Client(AnyName<'a>),
    /// The server inside.
    Server(AnyName<'a>),
    /// The server outside.
    TicketServer(AnyName<'a>),
    /// Both.
    Referral(AnyName<'a>),
    /// The flags.
    Flags(Bits),
    /// When the client was authenticated.
    AuthTime(Moment),
    /// From when it is valid.
    StartTime(Option<Moment>),
    /// Until when.
    EndTime(Moment),
    /// Until when it can be renewed.
    RenewTill(Option<Moment>),
    /// When the password expires.
    KeyExpiration(Moment),
    /// The session key.
    SessionKey(AnyEnctype, &'a [u8]),
    /// An address.
    Address(AnyAddress<'a>),
    /// Data outside.
    Padata(Typed<'a>),
    /// Data inside.
    SealedPadata(Typed<'a>),
    /// Sealed for another use.
    Usage(u8),
    /// Sealed in another key.
    Key,
    /// Tagged as the other reply inside.
    OtherTag,
}

/// The key that alice's password makes with the servers' parameters.
fn user_key(client: &Principal) -> Key {
    let limit = IterationLimit::DEFAULT.or_weak();
    let salt = client.default_salt();
    let enctype = Enctype::Aes256CtsHmacSha1_96;
    Key::from_password(enctype, PASSWORD, &salt, Some(&ITERATIONS), limit)
        .expect("one iteration is allowed")
}

/// A key that only servers have, and one that they give away.
fn service_key() -> Key {
    Key::new(Enctype::Aes256CtsHmacSha1_96, &[1; 32]).expect("its length is right")
}

fn session_key() -> Key {
    Key::new(Enctype::Aes256CtsHmacSha1_96, &[2; 32]).expect("its length is right")
}

/// alice's ticket for a service, as her cache would hold it.
pub fn held(server: &str) -> Credential {
    let (client, server) = (principal("alice@HOME.TEST"), principal(server));
    let till = around_now(3600);
    Credential {
        key: KeyBlock::from(&session_key()),
        authtime: NOW.time,
        starttime: NOW.time,
        endtime: till,
        renew_till: around_now(86_400),
        is_skey: false,
        flags: TicketFlags::INITIAL | TicketFlags::FORWARDABLE | TicketFlags::PROXIABLE,
        addresses: Vec::new(),
        authdata: Vec::new(),
        ticket: ticket(&client, &server, till, &mut crate::clock::random()).to_der(),
        second_ticket: Vec::new(),
        client,
        server,
    }
}

fn ticket(
    client: &Principal,
    server: &Principal,
    till: KerberosTime,
    rng: &mut dyn CryptoRng,
) -> Ticket {
    let inside = EncTicketPart {
        flags: TicketFlags::INITIAL,
        key: EncryptionKey::from(&session_key()),
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
        enc_part: EncryptedData::encrypt(
            &service_key(),
            KeyUsage::TICKET,
            Some(1),
            &inside.to_der(),
            rng,
        ),
    }
}

impl Said<'_> {
    /// What to say to these bytes.
    pub fn to_bytes(&self, request: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.to_vec(),
            Self::Error(error) => error.to_krb_error().to_der(),
            Self::Reply(changes, damage) => damaged(right(request, changes, rng), *damage),
            Self::Result(code, text, damage) => {
                let result = PasswordResult::new(ResultCode(*code), text.to_vec());
                damaged(password_reply(request, &result, rng), *damage)
            }
        }
    }

    /// Whether it can make a client believe that it was told the truth.
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Reply(..) | Self::Result(..))
    }
}

fn damaged(mut bytes: Vec<u8>, damage: Option<Damage<'_>>) -> Vec<u8> {
    if let Some(damage) = damage {
        damage.apply(&mut bytes);
    }
    bytes
}

/// The right answer to a request that a client of ours has made.
fn right(request: &[u8], changes: &[ReplyChange<'_>], rng: &mut dyn CryptoRng) -> Vec<u8> {
    let Ok(request) = KdcReq::from_der(request) else {
        return password_reply(request, &PasswordResult::new(ResultCode::SUCCESS, ""), rng);
    };
    let draft = match request.kind {
        KdcReqKind::As if PaData::find(&request.padata, PaType::ENC_TIMESTAMP).is_none() => {
            return preauth_required();
        }
        KdcReqKind::As => Draft::of_as(&request, rng),
        KdcReqKind::Tgs => Draft::of_tgs(&request, rng),
    };
    draft.seal(changes, rng)
}

fn preauth_required() -> Vec<u8> {
    let error = AnyError {
        code: Code::PreauthRequired,
        time: None,
        client: None,
        realm: None,
        text: None,
        data: Some(ErrorData::Hints(
            vec![Hint {
                etype: AnyEnctype::Number(18),
                salt: None,
                parameters: Parameters::Few,
            }],
            Vec::new(),
        )),
    };
    error.to_krb_error().to_der()
}

fn accept(proof: &ApReq, purpose: ApPurpose) -> Option<AcceptedApReq> {
    let check = ApReqCheck {
        now: NOW,
        skew: Duration::from_secs(u32::MAX.into()),
        from: None,
        purpose,
        accept_invalid: true,
    };
    verify_ap_req(proof, |_| Ok([service_key()]), &check).ok()
}

fn password_reply(request: &[u8], result: &PasswordResult, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let accepted = PasswordRequest::from_bytes(request)
        .ok()
        .and_then(|request| accept(&request.ap_req, ApPurpose::Application));
    let Some(accepted) = accepted else {
        return Vec::new();
    };
    let ap_rep = accepted.reply(None, Some(9), rng);
    let stamp = Stamp {
        seq_number: Some(9),
        ..Stamp::from_address(AnyAddress::OfPeer.address())
    };
    let krb_priv = krb_priv::seal(&result.to_bytes(), accepted.key(), &stamp, rng);
    let reply = PasswordReply::Answered { ap_rep, krb_priv };
    reply.to_bytes().unwrap_or_default()
}

/// A reply before it is sealed.
struct Draft {
    reply: KdcRep,
    part: EncKdcRepPart,
    inside: KdcRepKind,
    key: Key,
    usage: KeyUsage,
}

impl Draft {
    fn of_as(request: &KdcReq, rng: &mut dyn CryptoRng) -> Self {
        let client = request
            .body
            .client()
            .unwrap_or_else(|| principal("alice@HOME.TEST"));
        let key = user_key(&client);
        Self::new(
            KdcRepKind::As,
            request,
            client,
            key,
            KeyUsage::AS_REP_ENC_PART,
            rng,
        )
    }

    fn of_tgs(request: &KdcReq, rng: &mut dyn CryptoRng) -> Self {
        let accepted = PaData::find(&request.padata, PaType::TGS_REQ)
            .and_then(|proof| ApReq::from_der(proof).ok())
            .and_then(|proof| accept(&proof, ApPurpose::TicketGranting));
        let (client, key, usage) = match accepted {
            Some(accepted) => {
                let usage = match accepted.subkey {
                    Some(_) => KeyUsage::TGS_REP_SUBKEY,
                    None => KeyUsage::TGS_REP_SESSION,
                };
                (accepted.ticket.client(), accepted.key().clone(), usage)
            }
            None => (
                principal("alice@HOME.TEST"),
                session_key(),
                KeyUsage::TGS_REP_SUBKEY,
            ),
        };
        Self::new(KdcRepKind::Tgs, request, client, key, usage, rng)
    }

    fn new(
        kind: KdcRepKind,
        request: &KdcReq,
        client: Principal,
        key: Key,
        usage: KeyUsage,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let body = &request.body;
        let server = body.server().unwrap_or_else(|| client.clone());
        let part = EncKdcRepPart {
            key: EncryptionKey::from(&session_key()),
            last_req: Vec::new(),
            nonce: body.nonce,
            key_expiration: None,
            flags: TicketFlags::INITIAL,
            authtime: NOW.time,
            starttime: body.from,
            endtime: body.till,
            renew_till: None,
            srealm: server.realm.clone(),
            sname: server.name.clone(),
            caddr: body.addresses.clone(),
            encrypted_pa_data: MethodData::default(),
        };
        let reply = KdcRep {
            pvno: Pvno::default(),
            kind,
            padata: vec![PaData::new(PaType::ETYPE_INFO2, few_iterations().to_der())],
            ticket: ticket(&client, &server, body.till, rng),
            crealm: client.realm,
            cname: client.name,
            enc_part: EncryptedData {
                etype: 0,
                kvno: None,
                cipher: Vec::new(),
            },
        };
        Self {
            reply,
            part,
            inside: kind,
            key,
            usage,
        }
    }

    fn seal(mut self, changes: &[ReplyChange<'_>], rng: &mut dyn CryptoRng) -> Vec<u8> {
        for change in changes {
            change.apply(&mut self);
        }
        let plain = self.part.to_der(self.inside);
        self.reply.enc_part = EncryptedData::encrypt(&self.key, self.usage, None, &plain, rng);
        self.reply.to_der()
    }
}

fn few_iterations() -> EtypeInfo2 {
    EtypeInfo2::from(vec![EtypeInfo2Entry {
        etype: 18,
        salt: None,
        s2kparams: Some(ITERATIONS.to_vec()),
    }])
}

impl ReplyChange<'_> {
    fn apply(&self, draft: &mut Draft) {
        let Draft { reply, part, .. } = draft;
        match self {
            Self::Nonce(nonce) => part.nonce = UInt32(*nonce),
            Self::Client(name) => {
                let client = name.principal();
                reply.crealm = client.realm;
                reply.cname = client.name;
            }
            Self::Server(name) => set_server(part, name.principal()),
            Self::TicketServer(name) => set_ticket_server(reply, name.principal()),
            Self::Referral(name) => {
                set_server(part, name.principal());
                set_ticket_server(reply, name.principal());
            }
            Self::Flags(bits) => {
                part.flags = TicketFlags::from_bits(part.flags.bits() ^ bits.bits());
            }
            Self::AuthTime(moment) => part.authtime = moment.time(),
            Self::StartTime(moment) => part.starttime = moment.map(Moment::time),
            Self::EndTime(moment) => part.endtime = moment.time(),
            Self::RenewTill(moment) => part.renew_till = moment.map(Moment::time),
            Self::KeyExpiration(moment) => part.key_expiration = Some(moment.time()),
            Self::SessionKey(enctype, bytes) => {
                part.key = EncryptionKey {
                    keytype: enctype.number(),
                    keyvalue: Secret::from(*bytes),
                };
            }
            Self::Address(address) => part.caddr.push(address.address()),
            Self::Padata(typed) => reply.padata.push(typed.padata()),
            Self::SealedPadata(typed) => part.encrypted_pa_data.push(typed.padata()),
            Self::Usage(number) => draft.usage = KeyUsage((*number).into()),
            Self::Key => draft.key = service_key(),
            Self::OtherTag => {
                draft.inside = match draft.inside {
                    KdcRepKind::As => KdcRepKind::Tgs,
                    KdcRepKind::Tgs => KdcRepKind::As,
                };
            }
        }
    }
}

fn set_server(part: &mut EncKdcRepPart, server: Principal) {
    part.srealm = server.realm;
    part.sname = server.name;
}

fn set_ticket_server(reply: &mut KdcRep, server: Principal) {
    reply.ticket.realm = server.realm;
    reply.ticket.sname = server.name;
}

impl AnyError<'_> {
    fn to_krb_error(&self) -> KrbError {
        let time = self.time.map_or(NOW.time, Moment::time);
        let server = principal("krbtgt/HOME.TEST@HOME.TEST");
        let mut error = KrbError::new(self.code.number(), Timestamp::new(time, 0), server);
        if let Some(client) = &self.client {
            let client = client.principal();
            error.crealm = Some(client.realm);
            error.cname = Some(client.name);
        }
        if let Some(realm) = self.realm {
            error.crealm = Some(Realm::new(realm.to_vec()));
        }
        error.e_text = self.text.map(Into::into);
        error.e_data = self.data.as_ref().map(ErrorData::to_bytes);
        error
    }
}

impl Code {
    fn number(self) -> ErrorCode {
        match self {
            Self::PreauthRequired => ErrorCode::KDC_ERR_PREAUTH_REQUIRED,
            Self::PreauthFailed => ErrorCode::KDC_ERR_PREAUTH_FAILED,
            Self::WrongRealm => ErrorCode::KDC_ERR_WRONG_REALM,
            Self::Skew => ErrorCode::KRB_AP_ERR_SKEW,
            Self::KeyExpired => ErrorCode::KDC_ERR_KEY_EXP,
            Self::UnknownService => ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
            Self::TooBig => ErrorCode::KRB_ERR_RESPONSE_TOO_BIG,
            Self::Other(number) => ErrorCode(number),
        }
    }
}

impl ErrorData<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Hints(hints, others) => {
                let info = EtypeInfo2::from(hints.iter().map(Hint::to_entry).collect::<Vec<_>>());
                let mut methods = vec![
                    PaData::new(PaType::ETYPE_INFO2, info.to_der()),
                    PaData::new(PaType::ENC_TIMESTAMP, Vec::new()),
                ];
                methods.extend(others.iter().map(|typed| typed.padata()));
                MethodData::from(methods).to_der()
            }
        }
    }
}

impl Hint<'_> {
    fn to_entry(&self) -> EtypeInfo2Entry {
        EtypeInfo2Entry {
            etype: self.etype.number(),
            salt: self.salt.map(|salt| salt.to_vec().into()),
            s2kparams: match self.parameters {
                Parameters::Few => Some(ITERATIONS.to_vec()),
                Parameters::None => None,
                Parameters::Strange(bytes) => Some(bytes.to_vec()),
            },
        }
    }
}
