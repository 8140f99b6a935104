//! The PAC in a ticket, as far as an acceptor can prove it: the KDC signed it with the acceptor's
//! key, for this client.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::Key;
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::message::EncTicketPart;
use kerbstone_proto::pac::{ClientInfo, Pac, PacBuffer, PacInTicket, ShownName};

/// The bytes of a PAC that is proved. One that is not counts as none, as with MIT: KDCs copy PACs
/// that they do not understand from realm to realm, and the ticket is good without.
pub(super) fn proved(ticket: &EncTicketPart, key: &Key) -> Option<Vec<u8>> {
    let found = PacInTicket::find(&ticket.authorization_data).ok()??;
    is_proved(found.bytes(), ticket, key)
        .is_ok_and(|is_proved| is_proved)
        .then(|| found.bytes().to_vec())
}

fn is_proved(bytes: &[u8], ticket: &EncTicketPart, key: &Key) -> Result<bool, ProtoError> {
    let pac = Pac::parse(bytes)?;
    let Some(info) = pac.get(PacBuffer::CLIENT_INFO)? else {
        return Ok(false);
    };
    let name = ShownName::without_realm(&ticket.cname);
    let is_of_client = ClientInfo::parse(info)?.is_of(ticket.authtime, name.as_ref());
    pac.verify_server(key)?;
    Ok(is_of_client)
}
