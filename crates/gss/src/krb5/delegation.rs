//! The initiator's ticket-granting ticket, handed to the acceptor in a KRB-CRED.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::Key;
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::krb_cred::{CredProtection, CredStamp, TransferredTicket, open, seal};
use kerbstone_proto::message::{EncryptionKey, KrbCred, KrbCredInfo};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use rand_core::CryptoRng;

/// A KRB-CRED with a ticket in it, sealed with the session key (RFC 4121 4.1.1).
pub(super) fn pack(ticket: &ServiceTicket, session_key: &Key, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let info = KrbCredInfo {
        key: EncryptionKey::from(&ticket.session_key),
        prealm: Some(ticket.client.realm.clone()),
        pname: Some(ticket.client.name.clone()),
        flags: Some(ticket.flags),
        authtime: Some(ticket.authtime),
        starttime: Some(ticket.starttime),
        endtime: Some(ticket.endtime),
        renew_till: ticket.renew_till,
        srealm: Some(ticket.server.realm.clone()),
        sname: Some(ticket.server.name.clone()),
        caddr: ticket.addresses.clone(),
    };
    let transferred = TransferredTicket {
        ticket: ticket.ticket.clone(),
        info,
    };
    let stamp = CredStamp::default();
    seal(vec![transferred], Some(session_key), &stamp, rng).to_der()
}

/// The tickets in a KRB-CRED. Clients seal it with the subkey or the session key, or leave it in
/// clear because the authenticator around it is sealed.
pub(super) fn unpack(
    credentials: &[u8],
    client: &Principal,
    subkey: Option<&Key>,
    session_key: &Key,
) -> Result<Vec<ServiceTicket>, ProtoError> {
    let message = KrbCred::from_der(credentials)?;
    let keys: Vec<&Key> = [Some(session_key), subkey].into_iter().flatten().collect();
    let (tickets, _) = open(message, CredProtection::EncryptedOrInside(&keys))?;
    tickets
        .into_iter()
        .map(|transferred| service_ticket(transferred, client))
        .collect()
}

fn service_ticket(
    TransferredTicket { ticket, info }: TransferredTicket,
    client: &Principal,
) -> Result<ServiceTicket, ProtoError> {
    let client = match (info.pname, info.prealm) {
        (Some(name), Some(realm)) => Principal::new(name, realm),
        _ => client.clone(),
    };
    let server = match (info.sname, info.srealm) {
        (Some(name), Some(realm)) => Principal::new(name, realm),
        _ => ticket.server(),
    };
    let authtime = info.authtime.or(info.starttime).unwrap_or_default();
    Ok(ServiceTicket {
        client,
        server,
        session_key: info.key.to_key()?,
        flags: info.flags.unwrap_or(TicketFlags::EMPTY),
        authtime,
        starttime: info.starttime.unwrap_or(authtime),
        endtime: info.endtime.unwrap_or_default(),
        renew_till: info.renew_till,
        addresses: info.caddr,
        ticket,
    })
}
