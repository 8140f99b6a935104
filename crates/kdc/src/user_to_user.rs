//! ENC-TKT-IN-SKEY (RFC 4120 3.3.3): a ticket under the session key of somebody's TGT.

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::Ticket;
use kerbstone_realm::OpenEntry;

use crate::asking::Asking;
use crate::principals;
use crate::referral;
use crate::refusal::Refusal;
use crate::tgs_header::{self, OpenedTicket};

/// Opens the second ticket of a request.
pub(crate) fn open(asking: &Asking<'_>, tickets: &[Ticket]) -> Result<OpenedTicket, Refusal> {
    let ticket = tickets.first().cloned().ok_or_else(|| {
        let why = "a user-to-user ticket needs the other's ticket-granting ticket";
        Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why)
    })?;
    let opened = tgs_header::open_ticket(asking, ticket)?;
    tgs_header::check_life(asking, &opened.part)?;
    Ok(opened)
}

/// The second ticket must be a ticket-granting ticket of ours, of the principal asked for.
pub(crate) fn check(
    asking: &Asking<'_>,
    second: &OpenedTicket,
    service: &OpenEntry,
) -> Result<(), Refusal> {
    let ours = second.server.is_krbtgt()
        && !referral::is_other_realms(&second.server)
        && second.server.realm == service.principal.realm;
    if !ours {
        let why = "the other's ticket is not a ticket-granting ticket of this realm";
        return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, why));
    }
    let owner = principals::lookup(asking.directory, &second.part.client())?;
    if owner.is_some_and(|owner| owner.principal == service.principal) {
        return Ok(());
    }
    let why = "the other's ticket belongs to somebody else than the principal asked for";
    Err(Refusal::new(ErrorCode::KDC_ERR_SERVER_NOMATCH, why))
}
