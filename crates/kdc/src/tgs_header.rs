//! PA-TGS-REQ: the ticket that a client shows to the ticket-granting service, and the proof that
//! it is the client's (RFC 4120 3.3.2, 3.3.3.1).

use std::sync::Arc;

use kerbstone_crypto::{ChecksumType, CryptoError, Key, KeyUsage};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::ApOptions;
use kerbstone_proto::message::{
    ApReq, Authenticator, EncTicketPart, EncryptedData, HostAddress, PaType, Ticket,
};
use kerbstone_proto::name::Principal;
use kerbstone_realm::{Attributes, OpenEntry, OpenKey};

use crate::asking::Asking;
use crate::authorization_data;
use crate::principals;
use crate::referral;
use crate::refusal::Refusal;
use crate::request::Request;

/// How many versions back a key is tried for a ticket that does not say which: Active Directory
/// issues such tickets.
const VERSIONS_TRIED: usize = 3;

/// A ticket of ours (or for us), opened.
#[derive(Debug)]
pub(crate) struct OpenedTicket {
    /// As the ticket names it.
    pub(crate) server: Principal,
    /// The server's entry.
    pub(crate) entry: Arc<OpenEntry>,
    /// The server's key that opened it.
    pub(crate) key: Key,
    pub(crate) part: EncTicketPart,
    pub(crate) session_key: Key,
}

/// The ticket shown, with everything about it proved but its fitness for the request.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) ticket: OpenedTicket,
    pub(crate) subkey: Option<Key>,
}

impl Header {
    /// The key that the reply is under, and what else is exchanged with the client.
    pub(crate) fn reply_key(&self) -> &Key {
        self.subkey.as_ref().unwrap_or(&self.ticket.session_key)
    }
}

/// Opens and checks the PA-TGS-REQ. Names the client in the request as soon as it is known.
pub(crate) fn open(asking: &Asking<'_>, request: &mut Request) -> Result<Header, Refusal> {
    let padata = request.padata(PaType::TGS_REQ).ok_or_else(|| {
        let why = "the request shows no ticket";
        Refusal::new(ErrorCode::KDC_ERR_PADATA_TYPE_NOSUPP, why)
    })?;
    let ap_req = ApReq::from_der(padata).map_err(|error| {
        let why = format!("the ticket shown cannot be read: {error}");
        Refusal::new(ErrorCode::KRB_ERR_GENERIC, why)
    })?;
    if ap_req
        .ap_options
        .intersects(ApOptions::USE_SESSION_KEY | ApOptions::MUTUAL_REQUIRED)
    {
        let why = "a ticket-granting service takes no such AP-REQ options";
        return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, why));
    }
    let ticket = open_ticket(asking, ap_req.ticket)?;
    request.client = Some(ticket.part.client());
    let authenticator = open_authenticator(&ap_req.authenticator, &ticket.session_key)?;
    check_client(&ticket.part, &authenticator)?;
    check_address(asking, &ticket.part)?;
    check_times(asking, &ticket.part, &authenticator)?;
    check_purpose(&ticket.part, &authenticator)?;
    check_body(request, &ticket.session_key, &authenticator)?;
    let subkey =
        match &authenticator.subkey {
            Some(subkey) => Some(subkey.to_key().map_err(|error| {
                Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, error.to_string())
            })?),
            None => None,
        };
    Ok(Header { ticket, subkey })
}

/// Opens a ticket with the key of the principal that it is for, which must be one of ours.
pub(crate) fn open_ticket(asking: &Asking<'_>, ticket: Ticket) -> Result<OpenedTicket, Refusal> {
    let Ticket {
        realm,
        sname,
        enc_part,
    } = ticket;
    let server = Principal::new(sname, realm);
    let entry = principals::lookup(asking.directory, &server)?.ok_or_else(not_ours)?;
    let barred = Attributes::DISALLOW_SVR | Attributes::DISALLOW_ALL_TIX;
    if entry.attributes.bits() & barred.bits() != 0 {
        return Err(not_ours());
    }
    let (part, key) = decrypt(&entry, &server, &enc_part)?;
    let session_key = part
        .key
        .to_key()
        .map_err(|error| Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, error.to_string()))?;
    Ok(OpenedTicket {
        server,
        entry,
        key,
        part,
        session_key,
    })
}

fn decrypt(
    entry: &OpenEntry,
    server: &Principal,
    sealed: &EncryptedData,
) -> Result<(EncTicketPart, Key), Refusal> {
    let mut failure = Refusal::new(
        ErrorCode::KRB_AP_ERR_BADKEYVER,
        "the key that the ticket was sealed with is not kept any more",
    );
    for key in candidates(entry, server, sealed) {
        let Ok(plain) = sealed.decrypt(&key.key, KeyUsage::TICKET) else {
            failure = bad_integrity("the ticket was not sealed with the key of its service");
            continue;
        };
        let part = EncTicketPart::from_der(&plain).map_err(|error| {
            let why = format!("the sealed part of the ticket cannot be read: {error}");
            Refusal::new(ErrorCode::KRB_ERR_GENERIC, why)
        })?;
        return Ok((part, key.key.clone()));
    }
    Err(failure)
}

/// The keys that the ticket may be under. For our own ticket-granting tickets it is the one key
/// that we would have used at that version, as MIT does it: a weaker one beside it opens nothing.
fn candidates<'a>(
    entry: &'a OpenEntry,
    server: &Principal,
    sealed: &EncryptedData,
) -> Vec<&'a OpenKey> {
    let enctype = sealed.enctype();
    let local = server.is_krbtgt() && !referral::is_other_realms(server);
    let matches =
        |key: &&OpenKey| Some(key.key.enctype()) == enctype && !key.key.enctype().is_legacy();
    match sealed.kvno {
        Some(kvno) => {
            let version = entry
                .keys
                .iter()
                .filter(|key| key.kvno == kvno.0 && !key.key.enctype().is_legacy());
            if local {
                version.take(1).filter(matches).collect()
            } else {
                version.filter(matches).collect()
            }
        }
        None => entry
            .keys
            .iter()
            .filter(matches)
            .take(VERSIONS_TRIED)
            .collect(),
    }
}

fn open_authenticator(sealed: &EncryptedData, key: &Key) -> Result<Authenticator, Refusal> {
    let plain = sealed
        .decrypt(key, KeyUsage::TGS_REQ_AUTH)
        .map_err(|_| bad_integrity("the authenticator was not made with the ticket's key"))?;
    Authenticator::from_der(&plain).map_err(|error| {
        let why = format!("the authenticator cannot be read: {error}");
        Refusal::new(ErrorCode::KRB_ERR_GENERIC, why)
    })
}

fn check_client(ticket: &EncTicketPart, authenticator: &Authenticator) -> Result<(), Refusal> {
    if ticket.cname == authenticator.cname && ticket.crealm == authenticator.crealm {
        return Ok(());
    }
    let why = "the authenticator names another client than the ticket";
    Err(Refusal::new(ErrorCode::KRB_AP_ERR_BADMATCH, why))
}

fn check_address(asking: &Asking<'_>, ticket: &EncTicketPart) -> Result<(), Refusal> {
    if ticket.caddr.is_empty() {
        return Ok(());
    }
    let allowed = asking
        .peer
        .address
        .is_some_and(|address| ticket.caddr.allows(&HostAddress::from(address)));
    if allowed {
        return Ok(());
    }
    let why = "the ticket is for other addresses than the client's";
    Err(Refusal::new(ErrorCode::KRB_AP_ERR_BADADDR, why))
}

/// Whether now lies within the ticket's life. Both ends are our own clock's or a trusted realm's.
pub(crate) fn check_life(asking: &Asking<'_>, ticket: &EncTicketPart) -> Result<(), Refusal> {
    let now = asking.now.time;
    if ticket.starts() > now.saturating_add(asking.skew) {
        let why = "the ticket is not valid yet";
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_NYV, why));
    }
    if ticket.endtime <= now {
        let why = "the ticket has expired";
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_EXPIRED, why));
    }
    Ok(())
}

fn check_times(
    asking: &Asking<'_>,
    ticket: &EncTicketPart,
    authenticator: &Authenticator,
) -> Result<(), Refusal> {
    check_life(asking, ticket)?;
    let client_time = authenticator.timestamp();
    if client_time.time.abs_diff(asking.now.time) > asking.skew {
        let why = "the client's clock differs too much from the KDC's";
        let refusal = Refusal::new(ErrorCode::KRB_AP_ERR_SKEW, why);
        return Err(refusal.at_client_time(client_time));
    }
    Ok(())
}

fn check_purpose(ticket: &EncTicketPart, authenticator: &Authenticator) -> Result<(), Refusal> {
    let armor = authorization_data::is_armor_only(&ticket.authorization_data)?
        || authorization_data::is_armor_only(&authenticator.authorization_data)?;
    if armor {
        let why = "the ticket is valid as FAST armor only";
        return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, why));
    }
    Ok(())
}

/// The checksum binds the body as it was sent to the authenticator.
fn check_body(
    request: &Request,
    session_key: &Key,
    authenticator: &Authenticator,
) -> Result<(), Refusal> {
    let inappropriate = || {
        let why = "the request is not bound to the authenticator by a keyed checksum";
        Refusal::new(ErrorCode::KRB_AP_ERR_INAPP_CKSUM, why)
    };
    let checksum = authenticator.cksum.as_ref().ok_or_else(inappropriate)?;
    let kind = ChecksumType::from_number(checksum.cksumtype).ok_or_else(|| {
        let why = "the checksum over the request is of an unknown type";
        Refusal::new(ErrorCode::KDC_ERR_SUMTYPE_NOSUPP, why)
    })?;
    let body = request.body.der();
    session_key
        .verify_checksum(KeyUsage::TGS_REQ_CKSUM, kind, body, &checksum.checksum)
        .map_err(|error| match error {
            CryptoError::ChecksumType { .. } => inappropriate(),
            _ => bad_integrity("the request was changed on its way"),
        })
}

fn bad_integrity(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, why)
}

fn not_ours() -> Refusal {
    let why = "the ticket shown is for a service that is not known here";
    Refusal::new(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why)
}
