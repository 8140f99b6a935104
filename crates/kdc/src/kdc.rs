//! The KDC itself: bytes in, bytes and a record of the decision out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::{KdcReq, KdcReqKind, KrbError};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{DEFAULT_COUNTERS, Directory, LockoutCounters};
use rand_core::CryptoRng;

use crate::as_exchange;
use crate::asking::Asking;
use crate::audit::{AuditEvent, Exchange, Issued, Outcome, RequestedEnctypes};
use crate::counters::Counters;
use crate::host_realm::Referrals;
use crate::lookaside::Lookaside;
use crate::password_change::{PasswordAuthority, PasswordService};
use crate::peer::Peer;
use crate::principals;
use crate::refusal::{Refusal, ticket_granting_service};
use crate::request::Request;
use crate::tgs_exchange;

/// First byte of an AS-REQ and of a TGS-REQ.
const AS_REQ_TAG: u8 = 0x6a;
const TGS_REQ_TAG: u8 = 0x6c;

/// How long an answer is kept for retransmissions, as MIT does.
const KEEP_ANSWERS: i64 = 120;

/// What a site may set. [`Default`] is right for most.
#[derive(Clone, Debug)]
pub struct KdcConfig {
    /// How far clients' clocks may be off.
    pub clock_skew: Duration,
    /// Memory for answers that may have to be given again; 0 for none.
    pub lookaside_bytes: usize,
    /// Where services that are not known here may be found.
    pub referrals: Referrals,
}

impl Default for KdcConfig {
    fn default() -> Self {
        Self {
            clock_skew: Duration::from_secs(300),
            lookaside_bytes: 8 << 20,
            referrals: Referrals::default(),
        }
    }
}

/// What is to be sent, and what happened.
#[derive(Debug)]
pub struct Answer {
    /// The bytes for the client; empty if it gets none.
    pub reply: Vec<u8>,
    /// The decision, for the audit log.
    pub audit: AuditEvent,
}

/// A KDC for all realms of a store. It has no thread and no socket: any number of threads may ask.
#[derive(Debug)]
pub struct Kdc {
    directory: Arc<Directory>,
    lockouts: Arc<LockoutCounters>,
    config: KdcConfig,
    lookaside: Lookaside,
    passwords: PasswordService,
    counters: Counters,
    /// Speaks where no realm can be read from a request.
    spokesman: OnceLock<Realm>,
}

impl Kdc {
    /// A KDC that starts at `now`. Nobody may set the passwords of others until
    /// [`Kdc::with_password_authority`] says who.
    pub fn new(directory: Arc<Directory>, config: KdcConfig, now: Timestamp) -> Self {
        let vault = Arc::clone(directory.vault());
        let store = Arc::clone(vault.store());
        Self {
            lockouts: Arc::new(LockoutCounters::new(store, DEFAULT_COUNTERS)),
            lookaside: Lookaside::new(config.lookaside_bytes, KEEP_ANSWERS),
            passwords: PasswordService::new(vault, now, config.clock_skew),
            directory,
            config,
            counters: Counters::default(),
            spokesman: OnceLock::new(),
        }
    }

    /// Lets this authority say who may set the passwords of others.
    #[must_use]
    pub fn with_password_authority(mut self, authority: Arc<dyn PasswordAuthority>) -> Self {
        self.passwords.set_authority(authority);
        self
    }

    /// Answers an AS-REQ or a TGS-REQ.
    ///
    /// Bytes that are neither get no answer: whoever sent them did not mean a KDC, and nobody's
    /// forged datagram shall make us talk.
    pub fn answer(
        &self,
        request: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> Answer {
        let exchange = match request.first() {
            Some(&AS_REQ_TAG) => Exchange::As,
            Some(&TGS_REQ_TAG) => Exchange::Tgs,
            _ => {
                let why = "neither an AS-REQ nor a TGS-REQ";
                let event = AuditEvent::new(now, peer, Exchange::Unknown, Outcome::Dropped { why });
                return self.counted(Vec::new(), event);
            }
        };
        let slot = self.lookaside.slot(request);
        if let Some(reply) = self.lookaside.find(slot, request, now.time) {
            let event = AuditEvent::new(now, peer, exchange, Outcome::Repeated);
            return self.counted(reply, event);
        }
        let (reply, event) = self.decide(exchange, request, now, peer, rng);
        if !reply.is_empty() {
            self.lookaside.remember(slot, request, &reply, now.time);
        }
        self.counted(reply, event)
    }

    /// Answers a request for a new password (RFC 3244), as it comes in a datagram or after the
    /// length of a stream.
    pub fn answer_password(
        &self,
        request: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> Answer {
        let (reply, event) = self
            .passwords
            .answer(&self.directory, request, now, peer, rng);
        self.counted(reply, event)
    }

    /// What a client gets whose answer does not fit into a datagram: it comes again over TCP.
    /// Nothing if the request cannot be read.
    pub fn too_big(&self, request: &[u8], now: Timestamp) -> Vec<u8> {
        let Ok(request) = KdcReq::from_der(request) else {
            return Vec::new();
        };
        let server = ticket_granting_service(&request.body.realm);
        KrbError::new(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG, now, server).to_der()
    }

    /// What a client gets whose request is longer than the service takes (RFC 4120 7.2.2). Nothing
    /// if no realm is served.
    pub fn too_long(&self, now: Timestamp) -> Vec<u8> {
        self.spokesman().map_or_else(Vec::new, |realm| {
            let server = ticket_granting_service(realm);
            KrbError::new(ErrorCode::KRB_ERR_FIELD_TOOLONG, now, server).to_der()
        })
    }

    /// Numbers for metrics.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where it looks principals up.
    pub const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Logins counted in memory. The service flushes them now and then, away from the threads that
    /// answer.
    pub const fn lockouts(&self) -> &Arc<LockoutCounters> {
        &self.lockouts
    }

    fn decide(
        &self,
        exchange: Exchange,
        raw: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> (Vec<u8>, AuditEvent) {
        let outcome = Outcome::Granted;
        let mut event = AuditEvent::new(now, peer, exchange, outcome);
        let decoded = match KdcReq::from_der(raw) {
            Ok(decoded) => decoded,
            Err(error) => return self.refuse_unreadable(event, &error.to_string()),
        };
        event.requested = RequestedEnctypes::new(&decoded.body.etype);
        let kind = decoded.kind;
        let mut request = Request::new(decoded);
        let decision = self.exchange(kind, &mut request, raw, now, peer, rng);
        let reply = match decision {
            Ok((reply, issued)) => {
                event.issued = Some(issued);
                reply
            }
            Err(refusal) => refuse(refusal, &request, &mut event),
        };
        event.client = request.client;
        event.acting_for = request.acting_for;
        event.service = request.service;
        (reply, event)
    }

    fn exchange(
        &self,
        kind: KdcReqKind,
        request: &mut Request,
        raw: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, Issued), Refusal> {
        let settings = self
            .directory
            .realm(&request.body.realm)
            .map_err(principals::unavailable)?
            .ok_or_else(|| {
                let why = format!("the realm {} is not served here", request.body.realm);
                Refusal::new(ErrorCode::KDC_ERR_WRONG_REALM, why)
            })?;
        let asking = Asking {
            directory: &self.directory,
            lockouts: &self.lockouts,
            settings: &settings,
            referrals: &self.config.referrals,
            skew: self.config.clock_skew,
            now,
            peer,
        };
        match kind {
            KdcReqKind::As => as_exchange::answer(&asking, request, raw, rng),
            KdcReqKind::Tgs => tgs_exchange::answer(&asking, request, rng),
        }
    }

    /// It began like a request, so its sender gets to know what is wrong. Which realm was meant
    /// cannot be said; the error names the first that we serve.
    fn refuse_unreadable(&self, mut event: AuditEvent, error: &str) -> (Vec<u8>, AuditEvent) {
        let Some(realm) = self.spokesman() else {
            let why = "no realm is served here";
            event.outcome = Outcome::Dropped { why };
            return (Vec::new(), event);
        };
        let why = format!("the request cannot be read: {error}");
        let refusal = Refusal::new(ErrorCode::KRB_ERR_GENERIC, why);
        let server = ticket_granting_service(realm);
        let reply = refusal.to_krb_error(event.time, None, server).to_der();
        event.outcome = outcome(refusal);
        (reply, event)
    }

    fn spokesman(&self) -> Option<&Realm> {
        if self.spokesman.get().is_none()
            && let Some(realm) = self.directory.realms().ok()?.into_iter().next()
        {
            let _ = self.spokesman.set(realm);
        }
        self.spokesman.get()
    }

    fn counted(&self, reply: Vec<u8>, audit: AuditEvent) -> Answer {
        self.counters.count(audit.exchange, &audit.outcome);
        Answer { reply, audit }
    }
}

/// The KRB-ERROR for a request that could be read. A realm that is not ours is not named as the
/// client's: a client would take that for a referral to it.
fn refuse(refusal: Refusal, request: &Request, event: &mut AuditEvent) -> Vec<u8> {
    let wrong_realm = refusal.code == ErrorCode::KDC_ERR_WRONG_REALM;
    let client = request.client.as_ref().filter(|_| !wrong_realm);
    let server = match &request.service {
        Some(service) => Principal::clone(service),
        None => ticket_granting_service(&request.body.realm),
    };
    let reply = refusal.to_krb_error(event.time, client, server).to_der();
    event.note.clone_from(&refusal.detail);
    event.outcome = outcome(refusal);
    reply
}

fn outcome(refusal: Refusal) -> Outcome {
    Outcome::Refused {
        code: refusal.code,
        why: refusal.why,
    }
}
