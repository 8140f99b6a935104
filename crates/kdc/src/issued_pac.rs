//! The PAC of a new ticket: what it says, and with which key the KDC signs it.

use std::sync::Arc;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::{PaPacRequest, PaType};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{ClientInfo, PacContents, ShownName, Signers, has_ticket_signature};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Attributes, OpenEntry};

use crate::asking::Asking;
use crate::etype_choice;
use crate::principals;
use crate::refusal::Refusal;
use crate::request::Request;

/// The string attribute of a service that takes KDC signatures of one enctype only, as MIT's.
const PAC_PRIVSVR_ENCTYPE: &str = "pac_privsvr_enctype";
const PAC_PRIVSVR: &[u8] = b"pac_privsvr";

/// What will stand in the PAC of a ticket.
#[derive(Debug)]
pub(crate) struct IssuedPac {
    pub(crate) client_info: Vec<u8>,
    pub(crate) delegation_info: Option<Vec<u8>>,
    pub(crate) kdc_key: Key,
    /// Whether the PAC signs the ticket around it, too.
    pub(crate) signs_ticket: bool,
}

impl IssuedPac {
    /// A PAC for a ticket of that service. `at_hand` may be the ticket-granting service, which
    /// saves looking it up.
    pub(crate) fn new(
        asking: &Asking<'_>,
        service: &OpenEntry,
        at_hand: &OpenEntry,
        client_info: Vec<u8>,
    ) -> Result<Self, Refusal> {
        let kdc_key = if is_local_granting_service(at_hand, asking) {
            kdc_key(&etype_choice::ticket_key(at_hand)?.key, service)?
        } else {
            let granting = local_granting_service(asking)?;
            kdc_key(&etype_choice::ticket_key(&granting)?.key, service)?
        };
        Ok(Self {
            client_info,
            delegation_info: None,
            kdc_key,
            signs_ticket: has_ticket_signature(&service.principal),
        })
    }

    /// The signed PAC, `ticket` being the ticket with a zero in its place.
    pub(crate) fn sign(&self, ticket_key: &Key, ticket: Option<&[u8]>) -> Vec<u8> {
        let contents = PacContents {
            client_info: &self.client_info,
            delegation_info: self.delegation_info.as_deref(),
        };
        let signers = Signers {
            server: ticket_key,
            kdc: &self.kdc_key,
        };
        contents.sign(signers, ticket)
    }
}

/// The PAC of an initial ticket, where there is to be one.
pub(crate) fn of_initial(
    asking: &Asking<'_>,
    request: &Request,
    client: &Principal,
    service: &OpenEntry,
) -> Result<Option<IssuedPac>, Refusal> {
    if !are_issued(asking, service) || !is_wanted(request) {
        return Ok(None);
    }
    let Some(client_info) = client_info(asking.now.time, client) else {
        return Ok(None);
    };
    IssuedPac::new(asking, service, service, client_info).map(Some)
}

/// Whether realm and service want PACs.
pub(crate) fn are_issued(asking: &Asking<'_>, service: &OpenEntry) -> bool {
    asking.settings.issues_pac && !service.attributes.contains(Attributes::NO_AUTH_DATA)
}

/// The buffer for a client without its realm. A name that is not UTF-8 can have none, and its
/// ticket no PAC.
pub(crate) fn client_info(authtime: KerberosTime, client: &Principal) -> Option<Vec<u8>> {
    ClientInfo::encode(authtime, &ShownName::without_realm(&client.name)?)
}

/// The buffer for a user for whom a service acts, in a referral.
pub(crate) fn user_info(authtime: KerberosTime, user: &Principal) -> Result<Vec<u8>, Refusal> {
    ShownName::with_realm(user)
        .and_then(|name| ClientInfo::encode(authtime, &name))
        .ok_or_else(no_name)
}

/// Nobody acts for such a user.
pub(crate) fn no_name() -> Refusal {
    let why = "the user's name cannot be written into a PAC";
    Refusal::new(ErrorCode::KRB_ERR_GENERIC, why)
}

/// The realm's own ticket-granting service, with whose key the KDC signs.
pub(crate) fn local_granting_service(asking: &Asking<'_>) -> Result<Arc<OpenEntry>, Refusal> {
    let realm = &asking.settings.name;
    principals::lookup(asking.directory, &Principal::krbtgt(realm, realm))?.ok_or_else(|| {
        let why = "the realm's ticket-granting service is not there";
        Refusal::new(ErrorCode::KRB_ERR_GENERIC, why)
    })
}

/// The key of the KDC's signatures for a service: a key of the ticket-granting service or, for
/// services that understand no such enctype, one that follows from it.
pub(crate) fn kdc_key(granting: &Key, service: &OpenEntry) -> Result<Key, Refusal> {
    let Some(name) = service.strings.get(PAC_PRIVSVR_ENCTYPE) else {
        return Ok(granting.clone());
    };
    let enctype: Enctype = name.parse().map_err(|_| {
        let why = "the service's pac_privsvr_enctype is no enctype";
        Refusal::new(ErrorCode::KRB_ERR_GENERIC, why)
    })?;
    if enctype == granting.enctype() {
        return Ok(granting.clone());
    }
    let seed = granting
        .prf_plus(PAC_PRIVSVR, enctype.seed_length())
        .map_err(Asking::no_crypto)?;
    Key::from_random(enctype, &seed).map_err(Asking::no_crypto)
}

fn is_local_granting_service(service: &OpenEntry, asking: &Asking<'_>) -> bool {
    let realm = &asking.settings.name;
    service.principal.realm == *realm
        && service.principal.name.krbtgt_realm().as_ref() == Some(realm)
}

/// A client that says nothing gets one, as MIT and Windows do it.
fn is_wanted(request: &Request) -> bool {
    request
        .padata(PaType::PAC_REQUEST)
        .and_then(|padata| PaPacRequest::from_der(padata).ok())
        .is_none_or(|asked| asked.include_pac)
}
