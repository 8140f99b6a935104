//! Which enctypes: of the session key, of the reply, of the ticket.

use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_realm::{OpenEntry, OpenKey};

use crate::refusal::Refusal;

/// Most enctypes of a request that are looked at; clients have a dozen.
const MOST_LOOKED_AT: usize = 64;

/// The string attribute that states which session keys a service understands.
const SESSION_ENCTYPES: &str = "session_enctypes";

/// The first enctype of the client's list that the service will understand.
pub(crate) fn session_enctype(requested: &[i32], service: &OpenEntry) -> Result<Enctype, Refusal> {
    let stated = service
        .strings
        .get(SESSION_ENCTYPES)
        .map(|text| Enctype::parse_list(text).enctypes)
        .filter(|enctypes| !enctypes.is_empty());
    usable(requested)
        .find(|enctype| match &stated {
            Some(stated) => stated.contains(enctype),
            // As MIT: every service without that attribute is taken to know the first AES.
            None => *enctype == Enctype::Aes256CtsHmacSha1_96 || service.key(*enctype).is_some(),
        })
        .ok_or_else(|| {
            Refusal::new(
                ErrorCode::KDC_ERR_ETYPE_NOSUPP,
                "the client offers no enctype that the service knows",
            )
        })
}

/// The client's key of the first enctype in its list that it has a key for.
pub(crate) fn reply_key<'a>(requested: &[i32], client: &'a OpenEntry) -> Option<&'a OpenKey> {
    usable(requested).find_map(|enctype| client.key(enctype))
}

/// All keys that the client may use, in the order of its list, each once however often it is asked for.
pub(crate) fn client_keys<'a>(
    requested: &'a [i32],
    client: &'a OpenEntry,
) -> impl Iterator<Item = &'a OpenKey> {
    usable(requested)
        .enumerate()
        .filter(|(at, enctype)| {
            !usable(requested)
                .take(*at)
                .any(|earlier| earlier == *enctype)
        })
        .filter_map(|(_, enctype)| client.key(enctype))
}

/// The key that tickets for a service are under: the first of its newest version.
pub(crate) fn ticket_key(service: &OpenEntry) -> Result<&OpenKey, Refusal> {
    service
        .current_keys()
        .find(|key| !key.key.enctype().is_legacy())
        .ok_or_else(|| {
            Refusal::new(
                ErrorCode::KDC_ERR_NULL_KEY,
                "the service has no key that a ticket could be sealed with",
            )
        })
}

/// The enctypes of the list that we compute with. Legacy ones exist for import only.
fn usable(requested: &[i32]) -> impl Iterator<Item = Enctype> {
    requested
        .iter()
        .take(MOST_LOOKED_AT)
        .filter_map(|number| Enctype::from_number(*number))
        .filter(|enctype| !enctype.is_legacy())
}
