//! The PAC of a ticket that is shown: whether it is the KDC's word, and about whom.

use kerbstone_proto::error::ProtoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::EncTicketPart;
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{DelegationInfo, KdcSignatures, ShownName, SignedPac};
use kerbstone_realm::{OpenEntry, OpenKey};

use crate::asking::Asking;
use crate::issued_pac;
use crate::refusal::Refusal;
use crate::tgs_header::OpenedTicket;

/// Signatures do not say the version of the key; as MIT, the newest and two before it are tried.
const VERSIONS_TRIED: u32 = 3;

/// The PAC of a ticket, with its signatures checked; None if it has none.
pub(crate) fn verify(
    asking: &Asking<'_>,
    ticket: &OpenedTicket,
) -> Result<Option<SignedPac>, Refusal> {
    if ticket.part.authorization_data.is_empty() {
        return Ok(None);
    }
    let service = &ticket.entry.principal;
    if service.is_krbtgt() {
        // It was sealed with a key that KDCs alone have, which also made the service's signature.
        return SignedPac::verify(&ticket.part, service, &ticket.key, None).map_err(refuse);
    }
    let granting = issued_pac::local_granting_service(asking)?;
    let newest = granting.kvno();
    let mut failure = ProtoError::Modified;
    for kvno in (0..VERSIONS_TRIED).filter_map(|back| newest.checked_sub(back)) {
        let Some(key) = key_of_version(&granting, kvno) else {
            continue;
        };
        let kdc = KdcSignatures {
            key: &issued_pac::kdc_key(&key.key, &ticket.entry)?,
            without_full: false,
        };
        match SignedPac::verify(&ticket.part, service, &ticket.key, Some(kdc)) {
            Ok(pac) => return Ok(pac),
            Err(error @ (ProtoError::Modified | ProtoError::InappropriateChecksum)) => {
                failure = error;
            }
            Err(error) => return Err(refuse(error)),
        }
    }
    Err(refuse(failure))
}

fn key_of_version(granting: &OpenEntry, kvno: u32) -> Option<&OpenKey> {
    granting
        .keys
        .iter()
        .find(|key| key.kvno == kvno && !key.key.enctype().is_legacy())
}

/// What a PAC says of its client, to be said again.
pub(crate) fn client_info(pac: &SignedPac) -> Result<Vec<u8>, Refusal> {
    pac.client_info_bytes().map(<[u8]>::to_vec).map_err(refuse)
}

/// What a PAC says of who acted for its client, to be said again.
pub(crate) fn delegation_info(pac: &SignedPac) -> Result<Option<Vec<u8>>, Refusal> {
    let info = pac.delegation_info_bytes().map_err(refuse)?;
    Ok(info.map(<[u8]>::to_vec))
}

/// Whether the PAC is that of the ticket's own client.
pub(crate) fn is_of_client(pac: &SignedPac, part: &EncTicketPart) -> bool {
    let name = ShownName::without_realm(&part.cname);
    pac.client_info()
        .is_ok_and(|info| info.is_of(part.authtime, name.as_ref()))
}

/// Whether the PAC is that of somebody else, whom it names with the realm, as on the way of a
/// service that acts for somebody over realms.
pub(crate) fn is_of_other(pac: &SignedPac, part: &EncTicketPart, client: &Principal) -> bool {
    let name = ShownName::with_realm(client);
    pac.client_info()
        .is_ok_and(|info| info.is_of(part.authtime, name.as_ref()))
}

/// Whether the PAC in a referral is that of a client for whom the ticket's owner acts, towards
/// that target, if one is given.
pub(crate) fn is_of_delegated(
    pac: &SignedPac,
    part: &EncTicketPart,
    target: Option<&Principal>,
) -> bool {
    let named = pac
        .client_info()
        .is_ok_and(|info| info.authtime == part.authtime && info.client_with_realm().is_ok());
    let Ok(Some(way)) = pac.delegation_info() else {
        return false;
    };
    named && ends_with(&way, &part.client()) && target.is_none_or(|target| leads_to(&way, target))
}

fn ends_with(way: &DelegationInfo, service: &Principal) -> bool {
    way.services
        .last()
        .is_some_and(|last| last.as_bytes() == service.unparse())
}

fn leads_to(way: &DelegationInfo, target: &Principal) -> bool {
    ShownName::without_realm(&target.name).is_some_and(|name| name.as_str() == way.target)
}

fn refuse(error: ProtoError) -> Refusal {
    let code = match error {
        ProtoError::Malformed { .. } | ProtoError::Framing { .. } => ErrorCode::KRB_ERR_GENERIC,
        _ => ErrorCode::KRB_AP_ERR_MODIFIED,
    };
    Refusal::new(code, format!("the ticket's PAC is not right: {error}"))
}
