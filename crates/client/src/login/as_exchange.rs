//! One AS exchange, from the first request to a verified ticket.

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{
    EncKdcRepPart, EncryptedData, HostAddresses, KdcRep, KdcRepKind, KdcReq, KdcReqBody,
    KdcReqKind, KrbError, PaData, PaEncTsEnc, PaType,
};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::as_reply::{self, Asked};
use super::initial_ticket::{InitialTicket, credential_of};
use super::key_info::KeyInfo;
use super::options::{LoginOptions, Secret};
use super::proof::adapted;
use crate::clock::Offset;
use crate::error::ClientError;
use crate::machine::{Input, Machine, Prompt, Question, Request, Service, Step};

/// More rounds than this are a loop (MIT's bound).
const MAX_ROUNDS: usize = 16;

/// The machine of one AS exchange.
#[derive(Debug)]
pub(super) struct AsExchange {
    pub(super) requested: Principal,
    pub(super) client: Principal,
    pub(super) options: LoginOptions,
    pub(super) secret: Secret,
    pub(super) step: Option<Step<InitialTicket>>,
    pub(super) waiting: Waiting,
    pub(super) sent: Option<Sent>,
    /// The time to put into what the KDC compares with its clock.
    pub(super) offset: Offset,
    pub(super) info: Option<KeyInfo>,
    pub(super) key: Option<Proof>,
    pub(super) cookie: Option<Vec<u8>>,
    pub(super) proved: bool,
    /// The proof rests on what was known before and not on the KDC's hints.
    pub(super) guessed: bool,
    pub(super) skew_retried: bool,
    pub(super) realms: Vec<Realm>,
    pub(super) rounds: usize,
}

#[derive(Debug)]
pub(super) enum Waiting {
    Reply,
    PasswordToProve,
    PasswordToOpen(Box<KdcRep>),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Sent {
    pub(super) server: Principal,
    pub(super) body: KdcReqBody,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) key: Key,
    pub(super) kvno: Option<u32>,
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

    pub(super) fn send(
        &mut self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
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
        let mut kdc_options = options.default_options;
        for (option, wished) in [
            (KdcOptions::FORWARDABLE, options.forwardable),
            (KdcOptions::PROXIABLE, options.proxiable),
            (KdcOptions::RENEWABLE, options.renewable.is_some()),
            (KdcOptions::CANONICALIZE, options.canonicalize),
        ] {
            kdc_options.set(option, wished || kdc_options.contains(option));
        }
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

    pub(super) fn ask(&mut self, then: Waiting) {
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
