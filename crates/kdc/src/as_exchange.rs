//! The AS exchange (RFC 4120 3.1): a first ticket, for who can prove a long-term key.

use std::borrow::Cow;

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{AuthorizationData, Checksum, MethodData, PaData, PaType};
use kerbstone_proto::name::{NameType, Principal};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Attributes, OpenEntry, OpenKey};
use rand_core::CryptoRng;

use crate::asking::Asking;
use crate::audit::Issued;
use crate::etype_choice;
use crate::issued_pac;
use crate::lifetimes::Lifetime;
use crate::pa_enc_timestamp::{self, Proof};
use crate::preauth_hints;
use crate::principals;
use crate::refusal::Refusal;
use crate::reply_writer::{self, Grant, Reply, ReplyKind, TicketKey};
use crate::request::Request;
use crate::tgs_policy::gives_no_tickets;
use crate::ticket_flags;

/// Answers an AS-REQ; `raw` is the message as it came, which PA-REQ-ENC-PA-REP signs.
pub(crate) fn answer(
    asking: &Asking<'_>,
    request: &mut Request,
    raw: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<u8>, Issued), Refusal> {
    request.client = request.body.client();
    let client_name = request.client.as_ref().ok_or_else(no_client)?;
    let service_name = request.service.as_ref().ok_or_else(no_service)?;
    let options = request.body.kdc_options;
    let client = principals::find_client(asking.directory, client_name)?;
    let service =
        principals::lookup(asking.directory, service_name)?.ok_or_else(unknown_service)?;
    check_options(options)?;
    check_policy(asking, options, &client, &service)?;

    let enctypes = &request.body.etype;
    let session_enctype = etype_choice::session_enctype(enctypes, &service)?;
    let reply_key = etype_choice::reply_key(enctypes, &client).ok_or_else(no_common_key)?;
    let ticket_key = etype_choice::ticket_key(&service)?;
    let proved = pre_authenticate(asking, request, &client)?;

    let session_key = Key::random(session_enctype, rng).map_err(Asking::no_crypto)?;
    let lifetime = lifetime(asking, request, &client, &service)?;
    let mut flags =
        ticket_flags::of_initial(options, asking.allowed(&client), asking.allowed(&service));
    flags.set(TicketFlags::PRE_AUTHENT, proved);
    flags.set(TicketFlags::RENEWABLE, lifetime.renew_till.is_some());
    let addresses = request.addresses();
    let ticket_client = client_of_ticket(options, client_name, &client);
    let grant = Grant {
        client: ticket_client,
        service: service_of_ticket(options, service_name, &service),
        flags,
        session_key: &session_key,
        authtime: asking.now.time,
        lifetime,
        transited: &[],
        addresses: addresses.as_deref(),
        authorization_data: AuthorizationData::default(),
        pac: issued_pac::of_initial(asking, request, ticket_client, &service)?,
    };
    let padata = preauth_hints::for_reply(reply_key).to_der();
    let encrypted_padata = signed_request(request, raw, reply_key);
    let reply = Reply {
        kind: ReplyKind::As,
        key: &reply_key.key,
        usage: KeyUsage::AS_REP_ENC_PART,
        kvno: Some(reply_key.kvno),
        nonce: request.nonce(),
        key_expiration: key_expiration(&client),
        padata: Some(&padata),
        encrypted_padata: encrypted_padata.as_deref(),
        addresses: addresses.as_deref(),
    };
    let ticket_key = TicketKey {
        key: &ticket_key.key,
        kvno: Some(ticket_key.kvno),
    };
    let bytes = reply_writer::write(&grant, &ticket_key, &reply, rng).map_err(Asking::no_crypto)?;
    Ok((bytes, Issued::of(&grant, &ticket_key, &reply)))
}

fn check_options(options: KdcOptions) -> Result<(), Refusal> {
    if options.intersects(ticket_flags::NOT_FOR_AS) {
        return Err(Refusal::new(
            ErrorCode::KDC_ERR_BADOPTION,
            "the request has options that need a ticket",
        ));
    }
    if options.contains(KdcOptions::REQUEST_ANONYMOUS) {
        return Err(Refusal::new(
            ErrorCode::KDC_ERR_BADOPTION,
            "there are no anonymous tickets here",
        ));
    }
    Ok(())
}

/// In MIT's order, so that a principal with several troubles gets the same answer.
fn check_policy(
    asking: &Asking<'_>,
    options: KdcOptions,
    client: &OpenEntry,
    service: &OpenEntry,
) -> Result<(), Refusal> {
    let now = asking.now.time;
    let for_password_change = service.attributes.contains(Attributes::PWCHANGE_SERVICE);
    let refuse = |code, why: &'static str| Err(Refusal::new(code, why));
    if has_passed(client.expiration, now) {
        return refuse(
            ErrorCode::KDC_ERR_NAME_EXP,
            "the client's account has expired",
        );
    }
    if has_passed(client.password_expiration, now) && !for_password_change {
        return refuse(
            ErrorCode::KDC_ERR_KEY_EXP,
            "the client's password has expired",
        );
    }
    if has_passed(service.expiration, now) {
        return refuse(
            ErrorCode::KDC_ERR_SERVICE_EXP,
            "the service's account has expired",
        );
    }
    if client.attributes.contains(Attributes::NEEDCHANGE) && !for_password_change {
        return refuse(
            ErrorCode::KDC_ERR_KEY_EXP,
            "the client's password must be changed",
        );
    }
    let postdating = KdcOptions::ALLOW_POSTDATE | KdcOptions::POSTDATED;
    let forbidden = Attributes::DISALLOW_POSTDATED;
    if options.intersects(postdating)
        && (client.attributes.contains(forbidden) || service.attributes.contains(forbidden))
    {
        return refuse(
            ErrorCode::KDC_ERR_CANNOT_POSTDATE,
            "tickets of this client or for this service cannot be postdated",
        );
    }
    if client.attributes.contains(Attributes::DISALLOW_ALL_TIX) {
        return refuse(
            ErrorCode::KDC_ERR_CLIENT_REVOKED,
            "the client may have no tickets",
        );
    }
    if gives_no_tickets(service) {
        return refuse(
            ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
            "no tickets are given for the service",
        );
    }
    if service.attributes.contains(Attributes::DISALLOW_SVR) {
        return refuse(
            ErrorCode::KDC_ERR_MUST_USE_USER2USER,
            "the principal asked for is a user, not a service",
        );
    }
    if asking.is_locked(client) {
        return refuse(
            ErrorCode::KDC_ERR_CLIENT_REVOKED,
            "the client is locked out",
        );
    }
    Ok(())
}

/// Whether the client has proved its key; refuses where it has to and has not.
fn pre_authenticate(
    asking: &Asking<'_>,
    request: &Request,
    client: &OpenEntry,
) -> Result<bool, Refusal> {
    let hints = || preauth_hints::for_error(&request.body.etype, client).to_der();
    if let Some(padata) = request.padata(PaType::ENC_TIMESTAMP) {
        match pa_enc_timestamp::check(padata, client, asking.now.time, asking.skew)? {
            Proof::Good => asking.note_success(client),
            Proof::Wrong => {
                asking.note_failure(client);
                let why = "the encrypted timestamp was not made with the client's key";
                let refusal = Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, why);
                return Err(refusal.with_e_data(hints()));
            }
        }
        if !client.attributes.contains(Attributes::REQUIRES_HWAUTH) {
            return Ok(true);
        }
    }
    let why = if client.attributes.contains(Attributes::REQUIRES_HWAUTH) {
        "the client must authenticate with hardware"
    } else if client.attributes.contains(Attributes::REQUIRES_PREAUTH) {
        "the client must pre-authenticate"
    } else {
        return Ok(false);
    };
    Err(Refusal::new(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, why).with_e_data(hints()))
}

fn lifetime(
    asking: &Asking<'_>,
    request: &Request,
    client: &OpenEntry,
    service: &OpenEntry,
) -> Result<Lifetime, Refusal> {
    let asked = request.asked();
    let start = asked.start(asking.now.time, asking.skew)?;
    asked.lifetime(start, asking.longest(&[client, service]), None)
}

/// With canonicalize the principal's own name, else the name that was used. An enterprise name is
/// no name for a ticket; MIT's client takes another for it without asking (RFC 6806 6).
fn client_of_ticket<'a>(
    options: KdcOptions,
    asked: &'a Principal,
    client: &'a OpenEntry,
) -> &'a Principal {
    let enterprise = asked.name.name_type == NameType::ENTERPRISE;
    if options.contains(KdcOptions::CANONICALIZE) || enterprise {
        &client.principal
    } else {
        asked
    }
}

/// Only the name of a ticket-granting service is made canonical, as MIT does it.
fn service_of_ticket<'a>(
    options: KdcOptions,
    asked: &'a Principal,
    service: &'a OpenEntry,
) -> &'a Principal {
    let canonical = options.contains(KdcOptions::CANONICALIZE)
        && asked.is_krbtgt()
        && service.principal.is_krbtgt();
    if canonical { &service.principal } else { asked }
}

/// When the client's password or account ends, whichever is first (RFC 4120 5.4.2).
fn key_expiration(client: &OpenEntry) -> Option<KerberosTime> {
    [client.expiration, client.password_expiration]
        .into_iter()
        .flatten()
        .min()
}

/// RFC 6806 11: a checksum over the request, so that nobody changed it on its way.
fn signed_request(request: &Request, raw: &[u8], reply_key: &OpenKey) -> Option<Vec<u8>> {
    request.padata(PaType::REQ_ENC_PA_REP)?;
    let checksum = Checksum::compute(&reply_key.key, KeyUsage::AS_REQ, raw);
    let padata = PaData::new(PaType::REQ_ENC_PA_REP, checksum.to_der());
    Some(MethodData(vec![padata]).to_der())
}

/// Whether a moment that ends something lies behind.
fn has_passed(end: Option<KerberosTime>, now: KerberosTime) -> bool {
    end.is_some_and(|end| now > end)
}

fn no_client() -> Refusal {
    let why = "the request names no client";
    Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, why)
}

fn no_service() -> Refusal {
    let why = "the request names no service";
    Refusal::new(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why)
}

fn unknown_service() -> Refusal {
    let why = "the service is not known in this realm";
    Refusal::new(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why)
}

fn no_common_key() -> Refusal {
    let why: Cow<'static, str> = "the client has no key of an enctype that it offers".into();
    Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, why)
}
