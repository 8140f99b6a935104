//! One AS exchange, from the first request to a verified ticket.

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::ccache::{ClockOffset, Credential, CredentialCache};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::message::{
    EncKdcRepPart, EncryptedData, HostAddresses, KdcRep, KdcRepKind, KdcReq, KdcReqBody,
    KdcReqKind, KrbError, PaData, PaEncTsEnc, PaType, UInt32,
};
use kerbstone_proto::name::{NameType, Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::as_reply::{self, Asked};
use super::key_info::{self, KeyInfo};
use super::options::{LoginOptions, Secret};
use crate::clock::Offset;
use crate::error::ClientError;
use crate::machine::{Input, Machine, Prompt, Question, Request, Service, Step};

/// More rounds than this are a loop (MIT's bound).
const MAX_ROUNDS: usize = 16;

/// A ticket from an AS exchange, and what was learnt on the way.
#[derive(Clone, Debug)]
pub struct InitialTicket {
    /// The ticket with its session key.
    pub credential: Credential,
    /// How far the KDC's clock is ahead of ours.
    pub offset: Offset,
    /// The kind of pre-authentication that was used.
    pub preauth: Option<PaType>,
    /// How the client's key comes from its password, for [`LoginOptions::known_key`].
    pub key_info: Option<KeyInfo>,
    /// The KDC offers FAST, and says so where nobody can take it away.
    pub fast_available: bool,
    /// When the password expires, and whether the KDC told it as a warning.
    pub password_expires: Option<(KerberosTime, bool)>,
}

impl InitialTicket {
    /// A new cache with this ticket and the notes that MIT's programs leave beside it. `sync_time` keeps the clock's
    /// offset for whoever uses the cache.
    pub fn to_cache(&self, sync_time: bool) -> CredentialCache {
        let mut cache = CredentialCache::new(self.credential.client.clone());
        cache.set_clock_offset(sync_time.then(|| ClockOffset::from(self.offset)));
        let about = Some(&self.credential.server);
        if self.fast_available {
            cache.set_config(CredentialCache::FAST_AVAIL, about, b"yes");
        }
        if let Some(PaType(number)) = self.preauth {
            cache.set_config(
                CredentialCache::PA_TYPE,
                about,
                number.to_string().as_bytes(),
            );
        }
        cache.credentials.push(self.credential.clone());
        cache
    }
}

/// The machine of one AS exchange.
#[derive(Debug)]
pub(super) struct AsExchange {
    requested: Principal,
    client: Principal,
    options: LoginOptions,
    secret: Secret,
    step: Option<Step<InitialTicket>>,
    waiting: Waiting,
    sent: Option<Sent>,
    /// The time to put into what the KDC compares with its clock.
    offset: Offset,
    info: Option<KeyInfo>,
    key: Option<Proof>,
    cookie: Option<Vec<u8>>,
    proved: bool,
    /// The proof rests on what was known before and not on the KDC's hints.
    guessed: bool,
    skew_retried: bool,
    realms: Vec<Realm>,
    rounds: usize,
}

#[derive(Debug)]
enum Waiting {
    Reply,
    PasswordToProve,
    PasswordToOpen(Box<KdcRep>),
    Nothing,
}

#[derive(Debug)]
struct Sent {
    server: Principal,
    body: KdcReqBody,
    bytes: Vec<u8>,
    at: Timestamp,
}

#[derive(Clone, Debug)]
struct Proof {
    key: Key,
    kvno: Option<u32>,
}

impl AsExchange {
    pub(super) fn new(
        client: Principal,
        options: LoginOptions,
        secret: Secret,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let options = adapted(options, &client, &secret)?;
        let mut exchange = Self {
            requested: client.clone(),
            realms: vec![client.realm.clone()],
            client,
            options,
            secret,
            step: None,
            waiting: Waiting::Nothing,
            sent: None,
            offset: Offset::default(),
            info: None,
            key: None,
            cookie: None,
            proved: false,
            guessed: false,
            skew_retried: false,
            rounds: 0,
        };
        exchange.guess();
        exchange.send(now, rng)?;
        Ok(exchange)
    }

    /// Makes the key that was right the last time.
    fn guess(&mut self) {
        let known = self.options.known_key.clone();
        if let Some(info) = known.filter(|info| self.options.enctypes.contains(&info.enctype)) {
            self.key = self.key_for(&info, None, &self.client).ok();
            self.guessed = self.key.is_some();
            self.info = Some(info);
        }
    }

    /// The password in use, for whoever goes on with it.
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(super) const fn client(&self) -> &Principal {
        &self.client
    }

    fn server(&self) -> Principal {
        let realm = &self.client.realm;
        match &self.options.service {
            Some(name) => Principal::new(name.clone(), realm.clone()),
            None => Principal::krbtgt(realm, realm),
        }
    }

    fn send(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Result<(), ClientError> {
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > MAX_ROUNDS {
            return Err(self.looping());
        }
        let server = self.server();
        let body = self.body(&server, self.offset.apply(now).time, rng);
        let padata = self.padata(now, rng);
        let request = KdcReq::new(KdcReqKind::As, padata, body.clone());
        let bytes = request.to_der();
        self.step = Some(Step::Send(Request {
            realm: self.client.realm.clone(),
            service: Service::Kdc,
            bytes: bytes.clone(),
        }));
        self.waiting = Waiting::Reply;
        self.sent = Some(Sent {
            server,
            body,
            bytes,
            at: now,
        });
        Ok(())
    }

    fn body(&self, server: &Principal, now: KerberosTime, rng: &mut dyn CryptoRng) -> KdcReqBody {
        let options = &self.options;
        let mut kdc_options = KdcOptions::RENEWABLE_OK;
        kdc_options.set(KdcOptions::FORWARDABLE, options.forwardable);
        kdc_options.set(KdcOptions::PROXIABLE, options.proxiable);
        kdc_options.set(KdcOptions::RENEWABLE, options.renewable.is_some());
        kdc_options.set(KdcOptions::CANONICALIZE, options.canonicalize);
        if options.start.is_some() {
            kdc_options |= KdcOptions::ALLOW_POSTDATE | KdcOptions::POSTDATED;
        }
        let start = options.start.map_or(now, |delay| now.saturating_add(delay));
        let till = start.saturating_add(options.lifetime);
        KdcReqBody {
            kdc_options,
            cname: Some(self.client.name.clone()),
            realm: self.client.realm.clone(),
            sname: Some(server.name.clone()),
            from: options.start.map(|_| start),
            till,
            rtime: options
                .renewable
                .map(|life| start.saturating_add(life).max(till)),
            nonce: crate::nonce::fresh(rng),
            etype: options.enctypes.iter().map(|e| e.number()).collect(),
            addresses: HostAddresses::from(options.addresses.clone()),
            enc_authorization_data: None,
            additional_tickets: Vec::new(),
        }
    }

    fn padata(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Vec<PaData> {
        let mut padata = Vec::new();
        self.proved = false;
        if let Some(cookie) = &self.cookie {
            padata.push(PaData::new(PaType::FX_COOKIE, cookie.clone()));
        }
        if let Some(proof) = &self.key {
            let time = PaEncTsEnc::from(self.offset.apply(now)).to_der();
            let usage = KeyUsage::AS_REQ_PA_ENC_TIMESTAMP;
            let sealed = EncryptedData::encrypt(&proof.key, usage, proof.kvno, &time, rng);
            padata.push(PaData::new(PaType::ENC_TIMESTAMP, sealed.to_der()));
            self.proved = true;
        }
        padata.push(PaData::new(PaType::REQ_ENC_PA_REP, Vec::new()));
        padata
    }

    fn handle_reply(
        &mut self,
        reply: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if let Ok(error) = KrbError::from_der(reply) {
            return self.handle_error(&error, now, rng);
        }
        let reply = KdcRep::from_der(reply).map_err(|error| ClientError::NotAReply {
            why: error.to_string(),
        })?;
        if reply.kind != KdcRepKind::As {
            return Err(ClientError::NotAReply {
                why: "a TGS-REP came for an AS-REQ".to_owned(),
            });
        }
        self.open(reply)
    }

    fn handle_error(
        &mut self,
        error: &KrbError,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let offset = Offset::between(error.server_time(), now);
        match error.error_code {
            ErrorCode::KDC_ERR_PREAUTH_REQUIRED | ErrorCode::KDC_ERR_PREAUTH_FAILED
                if !self.proved || (self.guessed && !error.method_data().is_empty()) =>
            {
                self.guessed = false;
                if self.options.sync_time && offset.size() > self.options.clock_skew {
                    self.offset = offset;
                }
                let methods = error.method_data();
                self.prepare_proof(&methods, now, rng)
            }
            ErrorCode::KDC_ERR_PREAUTH_FAILED if self.proved => Err(self.refused()),
            ErrorCode::KRB_AP_ERR_SKEW => {
                if !self.options.sync_time || self.skew_retried {
                    return Err(ClientError::ClockSkew {
                        realm: self.client.realm.clone(),
                        offset: offset.seconds(),
                    });
                }
                self.skew_retried = true;
                self.offset = offset;
                self.send(now, rng)
            }
            ErrorCode::KDC_ERR_WRONG_REALM | ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN => {
                self.follow(error, now, rng)
            }
            _ => Err(self.refusal(error)),
        }
    }

    /// Windows of 2003 names the client's realm in a PRINCIPAL-UNKNOWN instead of a WRONG-REALM.
    fn follow(
        &mut self,
        error: &KrbError,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let told = error
            .crealm
            .clone()
            .filter(|realm| !realm.is_empty() && *realm != self.client.realm);
        match told {
            Some(realm) if self.options.canonicalize => {
                let seen = self.realms.contains(&realm);
                self.realms.push(realm.clone());
                if seen {
                    return Err(self.looping());
                }
                self.client.realm = realm;
                self.info = None;
                self.key = None;
                self.cookie = None;
                self.offset = Offset::default();
                self.skew_retried = false;
                self.send(now, rng)
            }
            told if error.error_code == ErrorCode::KDC_ERR_WRONG_REALM => {
                Err(ClientError::WrongRealm {
                    client: self.client.clone(),
                    told,
                })
            }
            _ => Err(self.refusal(error)),
        }
    }

    fn prepare_proof(
        &mut self,
        methods: &[PaData],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if PaData::find(methods, PaType::ENC_TIMESTAMP).is_none() {
            return Err(ClientError::NoUsablePreauthentication {
                offered: methods.iter().map(|pa| pa.padata_type.0).collect(),
            });
        }
        self.cookie = PaData::find(methods, PaType::FX_COOKIE).map(<[u8]>::to_vec);
        let info = key_info::hints(methods, self.options.enctypes.first().copied())
            .into_iter()
            .find(|info| {
                self.options.enctypes.contains(&info.enctype) && self.has_key(info.enctype)
            })
            .or_else(|| {
                // No hint at all: the first type that was offered, with the default salt.
                let silent = PaData::find(methods, PaType::ETYPE_INFO2).is_none();
                self.options
                    .enctypes
                    .first()
                    .filter(|_| silent)
                    .map(|&enctype| KeyInfo {
                        enctype,
                        salt: None,
                        params: None,
                    })
            });
        let Some(info) = info else {
            return Err(ClientError::Kdc {
                code: ErrorCode::KDC_ERR_ETYPE_NOSUPP,
                text: String::new(),
                realm: self.client.realm.clone(),
                about: self.client.clone(),
            });
        };
        let needs_password = matches!(self.secret, Secret::Prompt);
        self.info = Some(info);
        if needs_password {
            self.ask(Waiting::PasswordToProve);
            return Ok(());
        }
        self.prove(now, rng)
    }

    fn prove(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Result<(), ClientError> {
        if let Some(info) = self.info.clone() {
            self.key = Some(self.key_for(&info, None, &self.client)?);
        }
        self.send(now, rng)
    }

    fn has_key(&self, enctype: Enctype) -> bool {
        match &self.secret {
            Secret::Keys { entries, .. } => entries.iter().any(|entry| {
                entry.principal == self.requested && entry.key.known_enctype() == Some(enctype)
            }),
            Secret::Prompt | Secret::Password(_) => true,
        }
    }

    fn key_for(
        &self,
        info: &KeyInfo,
        kvno: Option<u32>,
        client: &Principal,
    ) -> Result<Proof, ClientError> {
        match &self.secret {
            Secret::Password(password) => Ok(Proof {
                key: info.derive(password, client, self.options.iterations)?,
                kvno: None,
            }),
            Secret::Prompt => Err(ClientError::PromptInterrupted),
            Secret::Keys { entries, keytab } => {
                let fitting = entries.iter().filter(|entry| {
                    entry.principal == self.requested
                        && entry.key.known_enctype() == Some(info.enctype)
                });
                let exact = fitting.clone().find(|entry| Some(entry.kvno) == kvno);
                let best = exact
                    .or_else(|| fitting.max_by_key(|entry| entry.kvno))
                    .ok_or_else(|| no_key(&self.requested, keytab, entries))?;
                Ok(Proof {
                    key: best.key.to_key()?,
                    kvno: Some(best.kvno),
                })
            }
        }
    }

    fn ask(&mut self, then: Waiting) {
        self.waiting = then;
        self.step = Some(Step::Ask(Question {
            banner: None,
            prompts: vec![Prompt::hidden(format!("Password for {}", self.requested))],
        }));
    }

    fn open(&mut self, reply: KdcRep) -> Result<(), ClientError> {
        let enctype = reply
            .enc_part
            .enctype()
            .filter(|enctype| self.options.enctypes.contains(enctype))
            .ok_or(ClientError::ReplyModified {
                what: "the encryption type, which was not offered",
            })?;
        let proof = match &self.key {
            Some(proof) if proof.key.enctype() == enctype => proof.clone(),
            _ if matches!(self.secret, Secret::Prompt) => {
                self.ask(Waiting::PasswordToOpen(Box::new(reply)));
                return Ok(());
            }
            _ => self.reply_key(&reply, enctype)?,
        };
        self.finish(&reply, &proof)
    }

    /// The key of a reply to a request without proof, or to one with a proof of another encryption type.
    fn reply_key(&self, reply: &KdcRep, enctype: Enctype) -> Result<Proof, ClientError> {
        let info = key_info::hints(&reply.padata, Some(enctype))
            .into_iter()
            .chain(self.info.clone())
            .find(|info| info.enctype == enctype)
            .unwrap_or(KeyInfo {
                enctype,
                salt: None,
                params: None,
            });
        let kvno = reply.enc_part.kvno.map(|UInt32(kvno)| kvno);
        self.key_for(&info, kvno, &reply.client())
    }

    fn finish(&mut self, reply: &KdcRep, proof: &Proof) -> Result<(), ClientError> {
        let Some(sent) = &self.sent else {
            return Err(ClientError::Misuse("a reply without a request"));
        };
        let plain = reply
            .enc_part
            .decrypt(&proof.key, KeyUsage::AS_REP_ENC_PART)
            .map_err(|_| ClientError::PasswordIncorrect {
                client: self.client.clone(),
            })?;
        let (part, _) =
            EncKdcRepPart::from_der_of_either(&plain).map_err(|error| ClientError::NotAReply {
                why: error.to_string(),
            })?;
        let asked = Asked {
            client: &self.client,
            server: &sent.server,
            body: &sent.body,
            bytes: &sent.bytes,
            at: sent.at,
        };
        let offset = as_reply::verify(&asked, reply, &part, &proof.key, &self.options)?;
        part.key.to_key().map_err(|_| ClientError::ReplyModified {
            what: "the session key, which is none",
        })?;
        self.waiting = Waiting::Nothing;
        self.step = Some(Step::Done(InitialTicket {
            key_info: self.info.clone(),
            fast_available: PaData::find(&part.encrypted_pa_data, PaType::FX_FAST).is_some(),
            password_expires: as_reply::password_expiry(&part),
            preauth: self.proved.then_some(PaType::ENC_TIMESTAMP),
            credential: credential_of(reply, &part),
            offset,
        }));
        Ok(())
    }

    fn refused(&self) -> ClientError {
        let client = self.client.clone();
        match (&self.secret, &self.key) {
            (Secret::Keys { .. }, Some(proof)) => ClientError::PreauthenticationFailed {
                client,
                key: proof.kvno.map(|kvno| (kvno, proof.key.enctype())),
            },
            _ => ClientError::PasswordIncorrect { client },
        }
    }

    fn refusal(&self, error: &KrbError) -> ClientError {
        match error.error_code {
            ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN => ClientError::UnknownClient {
                client: self.client.clone(),
            },
            ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN => ClientError::UnknownService {
                server: self.server(),
            },
            ErrorCode::KDC_ERR_KEY_EXP => ClientError::PasswordExpired {
                client: self.client.clone(),
            },
            code => ClientError::Kdc {
                code,
                text: text_of(error),
                realm: self.client.realm.clone(),
                about: self.client.clone(),
            },
        }
    }

    fn looping(&self) -> ClientError {
        ClientError::Looping {
            realms: self.realms.clone(),
        }
    }
}

impl Machine for AsExchange {
    type Output = InitialTicket;

    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match (
            std::mem::replace(&mut self.waiting, Waiting::Nothing),
            input,
        ) {
            (Waiting::Reply, Input::Reply(reply)) => self.handle_reply(reply, now, rng),
            (Waiting::PasswordToProve, Input::Answers(answers)) => {
                self.secret = Secret::Password(single(answers)?);
                self.prove(now, rng)
            }
            (Waiting::PasswordToOpen(reply), Input::Answers(answers)) => {
                self.secret = Secret::Password(single(answers)?);
                self.open(*reply)
            }
            _ => Err(ClientError::Misuse("the login did not ask for this")),
        }
    }

    fn poll(&mut self) -> Option<Step<InitialTicket>> {
        self.step.take()
    }
}

/// Enterprise names need the KDC to say who is meant; a keytab's encryption types come first.
fn adapted(
    mut options: LoginOptions,
    client: &Principal,
    secret: &Secret,
) -> Result<LoginOptions, ClientError> {
    options.canonicalize |= client.name.name_type == NameType::ENTERPRISE;
    if let Secret::Keys { entries, keytab } = secret {
        let has: Vec<Enctype> = entries
            .iter()
            .filter(|entry| entry.principal == *client)
            .filter_map(|entry| entry.key.known_enctype())
            .filter(|enctype| options.enctypes.contains(enctype))
            .collect();
        if has.is_empty() {
            return Err(no_key(client, keytab, entries));
        }
        options
            .enctypes
            .sort_by_key(|enctype| !has.contains(enctype));
    }
    Ok(options)
}

fn no_key(
    client: &Principal,
    keytab: &str,
    entries: &[kerbstone_proto::keytab::KeytabEntry],
) -> ClientError {
    let mut has: Vec<Principal> = entries
        .iter()
        .map(|entry| entry.principal.clone())
        .collect();
    has.dedup();
    ClientError::NoKeyInKeytab {
        client: client.clone(),
        keytab: keytab.to_owned(),
        has,
    }
}

fn single(answers: Vec<Zeroizing<String>>) -> Result<Zeroizing<String>, ClientError> {
    answers
        .into_iter()
        .next()
        .ok_or(ClientError::PromptInterrupted)
}

pub(crate) fn text_of(error: &KrbError) -> String {
    error
        .e_text
        .as_ref()
        .map(|text| text.to_string_lossy().trim_end_matches('\0').to_owned())
        .unwrap_or_default()
}

/// What a cache keeps of a reply.
pub(crate) fn credential_of(reply: &KdcRep, part: &EncKdcRepPart) -> Credential {
    Credential {
        client: reply.client(),
        server: part.server(),
        key: KeyBlock::new(part.key.keytype, part.key.keyvalue.as_bytes()),
        authtime: part.authtime,
        starttime: part.starts(),
        endtime: part.endtime,
        renew_till: part.renew_till.unwrap_or(KerberosTime::ZERO),
        is_skey: false,
        flags: part.flags,
        addresses: part.caddr.to_vec(),
        authdata: Vec::new(),
        ticket: reply.ticket.to_der(),
        second_ticket: Vec::new(),
    }
}
