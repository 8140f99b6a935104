//! The exchange in which a client shows a ticket and a server proves that it could read it
//! (RFC 4120 3.2). The same exchange opens a GSS context, a password change and a TGS-REQ.
//!
//! The client's side is [`ApReqBuilder`] and [`PendingApReq`], the server's [`verify_ap_req`]
//! and [`AcceptedApReq`]. Whether a request is a replay is for the server to say, from a
//! memory that this crate does not have.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::time::Duration;

use kerbstone_crypto::{Key, KeyUsage};
use rand_core::CryptoRng;

use crate::error::ProtoError;
use crate::flags::{ApOptions, TicketFlags};
use crate::message::{
    ApRep, ApReq, Authenticator, AuthorizationData, Checksum, EncApRepPart, EncTicketPart,
    EncryptedData, EncryptionKey, Fixed, HostAddress, Microseconds, Ticket, UInt32,
};
use crate::name::Principal;
use crate::time::{KerberosTime, Timestamp};
use crate::verified::Verified;

/// What the AP-REQ is for: the authenticator and its checksum have their own key usages in a
/// TGS-REQ, so that one cannot pass for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApPurpose {
    /// A service, also kpasswd and FAST armor.
    Application,
    /// The PA-TGS-REQ of a TGS-REQ.
    TicketGranting,
}

impl ApPurpose {
    /// The usage with which the authenticator is encrypted.
    pub const fn authenticator_usage(self) -> KeyUsage {
        match self {
            Self::Application => KeyUsage::AP_REQ_AUTH,
            Self::TicketGranting => KeyUsage::TGS_REQ_AUTH,
        }
    }

    /// The usage of the checksum in the authenticator.
    pub const fn checksum_usage(self) -> KeyUsage {
        match self {
            Self::Application => KeyUsage::AP_REQ_CKSUM,
            Self::TicketGranting => KeyUsage::TGS_REQ_CKSUM,
        }
    }
}

/// Puts an AP-REQ together.
#[derive(Debug, Clone)]
pub struct ApReqBuilder<'a> {
    ticket: &'a Ticket,
    session_key: &'a Key,
    client: &'a Principal,
    purpose: ApPurpose,
    options: ApOptions,
    checksum: Option<Checksum>,
    subkey: Option<Key>,
    seq_number: Option<u32>,
    authorization_data: AuthorizationData,
}

impl<'a> ApReqBuilder<'a> {
    /// A request that shows `ticket`, whose session key and client these are.
    pub fn new(
        ticket: &'a Ticket,
        session_key: &'a Key,
        client: &'a Principal,
        purpose: ApPurpose,
    ) -> Self {
        Self {
            ticket,
            session_key,
            client,
            purpose,
            options: ApOptions::EMPTY,
            checksum: None,
            subkey: None,
            seq_number: None,
            authorization_data: AuthorizationData::default(),
        }
    }

    /// Asks for those options: mutual authentication, or a ticket of user-to-user.
    pub fn options(mut self, options: ApOptions) -> Self {
        self.options |= options;
        self
    }

    /// Binds `data` with a checksum in the session key.
    pub fn checksum_over(self, data: &[u8]) -> Self {
        let checksum = Checksum::compute(self.session_key, self.purpose.checksum_usage(), data);
        self.checksum(checksum)
    }

    /// Puts in a checksum as it is: GSS has one of its own (RFC 4121 4.1.1).
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Proposes a key for this session alone.
    pub fn subkey(mut self, subkey: Key) -> Self {
        self.subkey = Some(subkey);
        self
    }

    /// Names the first sequence number of what the client will send.
    pub const fn seq_number(mut self, seq_number: u32) -> Self {
        self.seq_number = Some(seq_number);
        self
    }

    /// Tells the server something more.
    pub fn authorization_data(mut self, authorization_data: AuthorizationData) -> Self {
        self.authorization_data = authorization_data;
        self
    }

    /// The request, made at `now`, and what is needed to check the answer.
    pub fn build(self, now: Timestamp, rng: &mut dyn CryptoRng) -> PendingApReq {
        let authenticator = Authenticator {
            authenticator_vno: Fixed,
            crealm: self.client.realm.clone(),
            cname: self.client.name.clone(),
            cksum: self.checksum,
            cusec: Microseconds::of(now),
            ctime: now.time,
            subkey: self.subkey.as_ref().map(EncryptionKey::from),
            seq_number: self.seq_number.map(UInt32),
            authorization_data: self.authorization_data,
        };
        let usage = self.purpose.authenticator_usage();
        let sealed =
            EncryptedData::encrypt(self.session_key, usage, None, &authenticator.to_der(), rng);
        PendingApReq {
            request: ApReq::new(self.options, self.ticket.clone(), sealed),
            sent_at: authenticator.timestamp(),
            session_key: self.session_key.clone(),
            subkey: self.subkey,
            seq_number: self.seq_number,
        }
    }
}

/// An AP-REQ that was sent, or is about to be.
#[derive(Debug, Clone)]
pub struct PendingApReq {
    /// The message.
    pub request: ApReq,
    /// The time in its authenticator.
    pub sent_at: Timestamp,
    /// The session key of its ticket.
    pub session_key: Key,
    /// The key that the client proposed.
    pub subkey: Option<Key>,
    /// The first sequence number of what the client will send.
    pub seq_number: Option<u32>,
}

impl PendingApReq {
    /// The key for what the client sends as long as the server has not proposed one.
    pub fn key(&self) -> &Key {
        self.subkey.as_ref().unwrap_or(&self.session_key)
    }

    /// Checks the server's answer: only who could read the ticket knows the time inside.
    pub fn verify_reply(&self, reply: &ApRep) -> Result<AcceptedApRep, ProtoError> {
        let plaintext = reply
            .enc_part
            .decrypt(&self.session_key, KeyUsage::AP_REP)?;
        let part = EncApRepPart::from_der(&plaintext)?;
        if Timestamp::new(part.ctime, part.cusec.get()) != self.sent_at {
            return Err(ProtoError::MutualFailed);
        }
        let subkey = part
            .subkey
            .as_ref()
            .map(EncryptionKey::to_key)
            .transpose()?;
        Ok(AcceptedApRep {
            subkey,
            part: Verified::new(part),
        })
    }
}

/// An AP-REP that proved its sender.
#[derive(Debug, Clone)]
pub struct AcceptedApRep {
    /// What it says.
    pub part: Verified<EncApRepPart>,
    /// The key that the server proposes; it supersedes the client's.
    pub subkey: Option<Key>,
}

/// What an AP-REQ is checked against.
#[derive(Debug, Clone)]
pub struct ApReqCheck<'a> {
    /// The time at the server.
    pub now: Timestamp,
    /// How far clocks may differ; five minutes by custom.
    pub skew: Duration,
    /// Where the request came from, if tickets with addresses shall be held to them.
    pub from: Option<&'a HostAddress>,
    /// What the request is for.
    pub purpose: ApPurpose,
    /// Whether a ticket with the flag INVALID will do: the KDC takes one to validate it.
    pub accept_invalid: bool,
}

/// Checks an AP-REQ (RFC 4120 3.2.3), all but replay.
///
/// `keys` finds the server's keys for a ticket by its name, key version and encryption type;
/// it says [`ProtoError::NotUs`], [`ProtoError::NoKey`] or [`ProtoError::BadKeyVersion`] when
/// there are none. Where several come, each of the right encryption type is tried.
pub fn verify_ap_req<K>(
    request: &ApReq,
    keys: impl FnOnce(&Ticket) -> Result<K, ProtoError>,
    check: &ApReqCheck<'_>,
) -> Result<AcceptedApReq, ProtoError>
where
    K: IntoIterator<Item = Key>,
{
    let ticket = open_ticket(&request.ticket, keys(&request.ticket)?)?;
    let session_key = ticket.key.to_key()?;
    let authenticator = open_authenticator(request, &session_key, check.purpose)?;
    if authenticator.cname != ticket.cname || authenticator.crealm != ticket.crealm {
        return Err(ProtoError::BadMatch);
    }
    if check.from.is_some_and(|from| !ticket.caddr.allows(from)) {
        return Err(ProtoError::BadAddress);
    }
    check_skew(authenticator.ctime, check.now, check.skew)?;
    check_ticket_times(&ticket, check)?;
    let subkey = authenticator
        .subkey
        .as_ref()
        .map(EncryptionKey::to_key)
        .transpose()?;
    Ok(AcceptedApReq {
        options: request.ap_options,
        purpose: check.purpose,
        ticket: Verified::new(ticket),
        authenticator: Verified::new(authenticator),
        session_key,
        subkey,
    })
}

/// An AP-REQ that proved its sender.
#[derive(Debug, Clone)]
pub struct AcceptedApReq {
    /// What the client asks of the server.
    pub options: ApOptions,
    /// What the request is for.
    pub purpose: ApPurpose,
    /// The sealed part of the ticket.
    pub ticket: Verified<EncTicketPart>,
    /// The authenticator.
    pub authenticator: Verified<Authenticator>,
    /// The session key of the ticket.
    pub session_key: Key,
    /// The key that the client proposes for this session alone.
    pub subkey: Option<Key>,
}

impl AcceptedApReq {
    /// The key for this session: the client's, else the ticket's.
    pub fn key(&self) -> &Key {
        self.subkey.as_ref().unwrap_or(&self.session_key)
    }

    /// Checks that the authenticator has a checksum over `data`.
    pub fn verify_checksum(&self, data: &[u8]) -> Result<(), ProtoError> {
        let checksum = self
            .authenticator
            .cksum
            .as_ref()
            .ok_or(ProtoError::InappropriateChecksum)?;
        checksum.verify(&self.session_key, self.purpose.checksum_usage(), data)
    }

    /// The answer that proves the server, with a key and a first sequence number of its
    /// choice.
    pub fn reply(
        &self,
        subkey: Option<&Key>,
        seq_number: Option<u32>,
        rng: &mut dyn CryptoRng,
    ) -> ApRep {
        let part = EncApRepPart {
            ctime: self.authenticator.ctime,
            cusec: self.authenticator.cusec,
            subkey: subkey.map(EncryptionKey::from),
            seq_number: seq_number.map(UInt32),
        };
        let plaintext = part.to_der();
        ApRep::new(EncryptedData::encrypt(
            &self.session_key,
            KeyUsage::AP_REP,
            None,
            &plaintext,
            rng,
        ))
    }
}

/// Decrypts a ticket with the first of the keys that fits.
pub fn open_ticket(
    ticket: &Ticket,
    keys: impl IntoIterator<Item = Key>,
) -> Result<EncTicketPart, ProtoError> {
    let mut failure = ProtoError::NoKey;
    for key in keys {
        match ticket.enc_part.decrypt(&key, KeyUsage::TICKET) {
            Ok(plaintext) => return EncTicketPart::from_der(&plaintext),
            Err(ProtoError::BadIntegrity) => failure = ProtoError::BadIntegrity,
            Err(other) if matches!(failure, ProtoError::NoKey) => failure = other,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// Checks that a time of the other side is within `skew` of ours.
pub fn check_skew(theirs: KerberosTime, now: Timestamp, skew: Duration) -> Result<(), ProtoError> {
    if theirs.abs_diff(now.time) > skew {
        return Err(ProtoError::Skew {
            theirs,
            ours: now.time,
        });
    }
    Ok(())
}

fn open_authenticator(
    request: &ApReq,
    session_key: &Key,
    purpose: ApPurpose,
) -> Result<Authenticator, ProtoError> {
    let plaintext = request
        .authenticator
        .decrypt(session_key, purpose.authenticator_usage())?;
    Authenticator::from_der(&plaintext)
}

fn check_ticket_times(ticket: &EncTicketPart, check: &ApReqCheck<'_>) -> Result<(), ProtoError> {
    if ticket.flags.contains(TicketFlags::INVALID) && !check.accept_invalid {
        return Err(ProtoError::TicketInvalid);
    }
    if ticket.starts() > check.now.time.saturating_add(check.skew) {
        return Err(ProtoError::TicketNotYetValid(ticket.starts()));
    }
    if ticket.endtime.saturating_add(check.skew) < check.now.time {
        return Err(ProtoError::TicketExpired(ticket.endtime));
    }
    Ok(())
}
