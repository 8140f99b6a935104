//! kpasswd: changing one's password, or setting another's (RFC 3244 and its forerunner).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::Key;
use kerbstone_proto::ap_exchange::{AcceptedApReq, ApPurpose, ApReqCheck, verify_ap_req};
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::kpasswd::{
    ChangePasswdData, PasswordReply, PasswordRequest, PasswordResult, PasswordVersion, ResultCode,
};
use kerbstone_proto::krb_priv;
use kerbstone_proto::message::{AddressType, HostAddress, KrbError, Secret, Ticket};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::stamp::{self, StampCheck};
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{Directory, KeyChange, RealmError, Registrar, Stamp, Vault};
use rand_core::CryptoRng;

use crate::audit::{AuditEvent, Exchange, Outcome};
use crate::lookaside::Lookaside;
use crate::peer::Peer;
use crate::replay_cache::{NotFresh, ReplayCache};

/// Memory for replies that may have to be given again.
const LOOKASIDE_BYTES: usize = 1 << 20;

/// Says who may set whose password. One's own needs no permission.
pub trait PasswordAuthority: fmt::Debug + Send + Sync {
    /// Whether `who` may set the password of `whose`.
    fn may_set_password(&self, who: &Principal, whose: &Principal) -> bool;
}

/// Answers requests for new passwords.
#[derive(Debug)]
pub(crate) struct PasswordService {
    registrar: Registrar,
    authority: Option<Arc<dyn PasswordAuthority>>,
    replays: ReplayCache,
    lookaside: Lookaside,
    started: Timestamp,
    skew: Duration,
}

/// Why a password stays as it is.
#[derive(Debug)]
struct Denial {
    result: ResultCode,
    code: ErrorCode,
    why: String,
    /// What only the administrator shall read.
    detail: Option<String>,
}

impl Denial {
    fn new(result: ResultCode, code: ErrorCode, why: impl Into<String>) -> Self {
        Self {
            result,
            code,
            why: why.into(),
            detail: None,
        }
    }

    fn authentication(error: &ProtoError) -> Self {
        Self::new(ResultCode::AUTHERROR, error.krb_code(), error.to_string())
    }
}

/// A client that is proved, and what is needed to answer it.
struct Session {
    accepted: AcceptedApReq,
    client: Principal,
}

impl PasswordService {
    pub(crate) fn new(vault: Arc<Vault>, started: Timestamp, skew: Duration) -> Self {
        let keep = i64::try_from(skew.as_secs()).unwrap_or(i64::MAX);
        Self {
            registrar: Registrar::new(vault),
            authority: None,
            replays: ReplayCache::new(skew),
            lookaside: Lookaside::new(LOOKASIDE_BYTES, keep),
            started,
            skew,
        }
    }

    pub(crate) fn set_authority(&mut self, authority: Arc<dyn PasswordAuthority>) {
        self.authority = Some(authority);
    }

    pub(crate) fn answer(
        &self,
        directory: &Directory,
        request: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> (Vec<u8>, AuditEvent) {
        let mut event = AuditEvent::new(now, peer, Exchange::Password, Outcome::Granted);
        let slot = self.lookaside.slot(request);
        if let Some(reply) = self.lookaside.find(slot, request, now.time) {
            event.outcome = Outcome::Repeated;
            return (reply, event);
        }
        let Some(reply) = self.decide(directory, request, now, &mut event, rng) else {
            return (Vec::new(), event);
        };
        // A reply is longer than a frame can say only if the text in it is; ours are not.
        let reply = reply.to_bytes().unwrap_or_default();
        self.lookaside.remember(slot, request, &reply, now.time);
        (reply, event)
    }

    fn decide(
        &self,
        directory: &Directory,
        bytes: &[u8],
        now: Timestamp,
        event: &mut AuditEvent,
        rng: &mut dyn CryptoRng,
    ) -> Option<PasswordReply> {
        let request = match PasswordRequest::from_bytes(bytes) {
            Ok(request) => request,
            Err(error) => return unreadable(directory, &error, now, event),
        };
        let realm = request.ap_req.ticket.realm.clone();
        let session = match self.authenticate(directory, &request, now) {
            Ok(session) => session,
            Err(denial) => return Some(refuse(&denial, realm, now, event)),
        };
        event.client = Some(session.client.clone());
        let changed = self.change(directory, &request, &session, now, event, rng);
        let result = match changed {
            Ok(()) => PasswordResult::new(ResultCode::SUCCESS, ""),
            // Whoever repeats what was heard gets no proof that the service has its key.
            Err(denial) if denial.code == ErrorCode::KRB_AP_ERR_REPEAT => {
                return Some(refuse(&denial, realm, now, event));
            }
            Err(denial) => {
                event.outcome = outcome(&denial);
                event.note.clone_from(&denial.detail);
                PasswordResult::new(denial.result, denial.why.as_str())
            }
        };
        Some(session.reply(&result, rng))
    }

    /// Checks the ticket for `kadmin/changepw` and that the request is new.
    fn authenticate(
        &self,
        directory: &Directory,
        request: &PasswordRequest,
        now: Timestamp,
    ) -> Result<Session, Denial> {
        let check = ApReqCheck {
            now,
            skew: self.skew,
            // Clients sit behind address translation; the ticket's addresses say nothing then.
            from: None,
            purpose: ApPurpose::Application,
            accept_invalid: false,
        };
        let keys = |ticket: &Ticket| keys_of_service(directory, ticket);
        let accepted = verify_ap_req(&request.ap_req, keys, &check)
            .map_err(|error| Denial::authentication(&error))?;
        let client = accepted.ticket.client();
        self.check_fresh(request, &client, now)?;
        Ok(Session { accepted, client })
    }

    fn check_fresh(
        &self,
        request: &PasswordRequest,
        client: &Principal,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let authenticator = &request.ap_req.authenticator.cipher;
        match self.replays.take(client, authenticator, now.time) {
            Err(NotFresh::Replayed) => return Err(Denial::authentication(&ProtoError::Replay)),
            Err(NotFresh::Full) => {
                let why = "Too many passwords are being changed. Try again in some minutes.";
                let code = ErrorCode::KDC_ERR_SVC_UNAVAILABLE;
                return Err(Denial::new(ResultCode::SOFTERROR, code, why));
            }
            Ok(()) => {}
        }
        Ok(())
    }

    /// What was taken before we started is not remembered. Such a request has done its work before
    /// the last change that the record tells of.
    fn check_not_done(
        &self,
        directory: &Directory,
        session: &Session,
        target: &Principal,
    ) -> Result<(), Denial> {
        let sent = session.accepted.authenticator.timestamp();
        if sent >= self.started {
            return Ok(());
        }
        let entry = directory.lookup(target).ok().flatten();
        let last_change = entry.and_then(|entry| entry.last_password_change);
        if last_change.is_some_and(|changed| sent.time <= changed) {
            return Err(Denial::authentication(&ProtoError::Replay));
        }
        Ok(())
    }

    fn change(
        &self,
        directory: &Directory,
        request: &PasswordRequest,
        session: &Session,
        now: Timestamp,
        event: &mut AuditEvent,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Denial> {
        let (password, target) = session.open(request)?;
        event.service = Some(target.clone());
        let own = is_same(directory, &session.client, &target);
        check_realm(request, session, &target)?;
        self.permit(session, &target, own)?;
        self.check_not_done(directory, session, &target)?;
        let change = if own {
            KeyChange::own_password(password.as_bytes())
        } else {
            KeyChange::password(password.as_bytes())
        };
        let stamp = Stamp {
            by: session.client.clone(),
            at: now.time,
        };
        self.registrar
            .change_keys(&target, &change, &stamp, rng)
            .map(|_| ())
            .map_err(refused_by_realm)
    }

    fn permit(&self, session: &Session, target: &Principal, own: bool) -> Result<(), Denial> {
        let initial = session.accepted.ticket.flags.contains(TicketFlags::INITIAL);
        if own && !initial {
            let why = "Ticket must be derived from a password";
            let code = ErrorCode::KDC_ERR_POLICY;
            return Err(Denial::new(ResultCode::INITIAL_FLAG_NEEDED, code, why));
        }
        let authority = self.authority.as_deref();
        if own || authority.is_some_and(|who| who.may_set_password(&session.client, target)) {
            return Ok(());
        }
        let why = format!("{} may not set the password of {target}.", session.client);
        let code = ErrorCode::KDC_ERR_POLICY;
        Err(Denial::new(ResultCode::ACCESSDENIED, code, why))
    }
}

impl Session {
    /// The new password and whose it is to be.
    fn open(&self, request: &PasswordRequest) -> Result<(Secret, Principal), Denial> {
        let check = StampCheck {
            seq_number: self
                .accepted
                .authenticator
                .seq_number
                .map(|number| number.0),
            ..StampCheck::default()
        };
        let opened =
            krb_priv::open(&request.krb_priv, self.accepted.key(), &check).map_err(|error| {
                Denial::new(ResultCode::HARDERROR, error.krb_code(), error.to_string())
            })?;
        let data = opened.into_inner().user_data;
        if request.version == PasswordVersion::Change {
            return Ok((data, self.client.clone()));
        }
        let data = ChangePasswdData::from_der(&data).map_err(|error| {
            Denial::new(ResultCode::MALFORMED, error.krb_code(), error.to_string())
        })?;
        let target = match data.targname {
            Some(name) => {
                let realm = data.targrealm.unwrap_or_else(|| self.client.realm.clone());
                Principal::new(name, realm)
            }
            None => self.client.clone(),
        };
        Ok((data.newpasswd, target))
    }

    fn reply(&self, result: &PasswordResult, rng: &mut dyn CryptoRng) -> PasswordReply {
        let mut number = [0; 4];
        rng.fill_bytes(&mut number);
        // Thirty bits: nobody's library takes them for negative.
        let seq_number = u32::from_be_bytes(number) >> 2;
        let ap_rep = self.accepted.reply(None, Some(seq_number), rng);
        let mut stamp = stamp::Stamp::from_address(acceptor_address());
        stamp.seq_number = Some(seq_number);
        let krb_priv = krb_priv::seal(&result.to_bytes(), self.accepted.key(), &stamp, rng);
        PasswordReply::Answered { ap_rep, krb_priv }
    }
}

/// The direction in place of an address: which of ours the client sees is not known behind
/// address translation.
fn acceptor_address() -> HostAddress {
    HostAddress {
        addr_type: AddressType::DIRECTIONAL,
        address: vec![0, 0, 0, 1],
    }
}

/// The keys of `kadmin/changepw` in a realm of ours.
fn keys_of_service(directory: &Directory, ticket: &Ticket) -> Result<Vec<Key>, ProtoError> {
    let served = directory.realm(&ticket.realm).ok().flatten().is_some();
    if !served || !ticket.sname.is(&["kadmin", "changepw"]) {
        return Err(ProtoError::NotUs);
    }
    let entry = directory
        .lookup(&ticket.server())
        .ok()
        .flatten()
        .ok_or(ProtoError::NoKey)?;
    let enctype = ticket.enc_part.enctype();
    let kvno = ticket.enc_part.kvno.map(|kvno| kvno.0);
    let keys: Vec<Key> = entry
        .keys
        .iter()
        .filter(|key| kvno.is_none_or(|kvno| kvno == key.kvno))
        .filter(|key| Some(key.key.enctype()) == enctype)
        .map(|key| key.key.clone())
        .collect();
    match kvno {
        Some(kvno) if keys.is_empty() => Err(ProtoError::BadKeyVersion(kvno)),
        _ => Ok(keys),
    }
}

/// The ticket is only the word of the realm that it is of: good for clients of that realm, and for passwords of
/// that realm, but not where another realm of this store vouches for its own client.
fn check_realm(
    request: &PasswordRequest,
    session: &Session,
    target: &Principal,
) -> Result<(), Denial> {
    let vouching = &request.ap_req.ticket.realm;
    if session.client.realm == *vouching || target.realm == *vouching {
        return Ok(());
    }
    let why = format!(
        "Passwords of {} are changed with a ticket of that realm.",
        target.realm
    );
    let code = ErrorCode::KDC_ERR_POLICY;
    Err(Denial::new(ResultCode::ACCESSDENIED, code, why))
}

/// Whether both names lead to one principal.
fn is_same(directory: &Directory, one: &Principal, other: &Principal) -> bool {
    if one == other {
        return true;
    }
    let find = |name| directory.lookup(name).ok().flatten();
    match (find(one), find(other)) {
        (Some(one), Some(other)) => one.principal == other.principal,
        _ => false,
    }
}

/// The owner of a password may read what the policy wants, not what is the matter with the store.
fn refused_by_realm(error: RealmError) -> Denial {
    let (result, code, why) = match &error {
        RealmError::Password(violation) => (
            ResultCode::SOFTERROR,
            ErrorCode::KDC_ERR_POLICY,
            violation.to_string(),
        ),
        RealmError::NoSuchPrincipal(_) => (
            ResultCode::HARDERROR,
            ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
            error.to_string(),
        ),
        RealmError::Conflict(_) => (
            ResultCode::SOFTERROR,
            ErrorCode::KDC_ERR_SVC_UNAVAILABLE,
            "Somebody else is changing the same record. Try again.".to_owned(),
        ),
        _ => (
            ResultCode::HARDERROR,
            ErrorCode::KDC_ERR_SVC_UNAVAILABLE,
            "The password cannot be changed now. Tell your administrator.".to_owned(),
        ),
    };
    let mut denial = Denial::new(result, code, why);
    denial.detail = Some(error.to_string());
    denial
}

/// Bytes whose lengths contradict each other get no answer; what has a frame gets to know.
fn unreadable(
    directory: &Directory,
    error: &ProtoError,
    now: Timestamp,
    event: &mut AuditEvent,
) -> Option<PasswordReply> {
    let realm = directory.realms().unwrap_or_default().into_iter().next();
    let (false, Some(realm)) = (matches!(error, ProtoError::Framing { .. }), realm) else {
        let why = "not a request for a new password";
        event.outcome = Outcome::Dropped { why };
        return None;
    };
    let result = match error {
        ProtoError::Version(_) => ResultCode::BAD_VERSION,
        _ => ResultCode::MALFORMED,
    };
    let denial = Denial::new(result, error.krb_code(), error.to_string());
    Some(refuse(&denial, realm, now, event))
}

fn refuse(denial: &Denial, realm: Realm, now: Timestamp, event: &mut AuditEvent) -> PasswordReply {
    event.outcome = outcome(denial);
    PasswordReply::Refused(krb_error(denial, realm, now))
}

fn krb_error(denial: &Denial, realm: Realm, now: Timestamp) -> KrbError {
    let service = PrincipalName::service("kadmin", "changepw");
    let mut error = KrbError::new(denial.code, now, Principal::new(service, realm));
    let result = PasswordResult::new(denial.result, denial.why.as_str());
    error.e_text = Some(denial.why.as_str().into());
    error.e_data = Some(result.to_bytes());
    error
}

fn outcome(denial: &Denial) -> Outcome {
    Outcome::Refused {
        code: denial.code,
        why: format!("{}: {}", denial.result.message(), denial.why).into(),
    }
}
