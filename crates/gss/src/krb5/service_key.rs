//! Which of an acceptor's keys opens a ticket, and why none does.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::Enctype;
use kerbstone_proto::ap_exchange::open_ticket;
use kerbstone_proto::message::Ticket;

use crate::credential::AcceptorKey;
use crate::{AcceptorCredential, GssError};

/// How many names, versions or types a message lists.
const MAX_LISTED: usize = 8;

/// The keys to try, the likeliest first: those of the ticket's server in the right version come
/// before its other versions, and keys of others, of which it may be an alias, come last.
pub(super) fn candidates<'a>(
    credential: &'a AcceptorCredential,
    ticket: &Ticket,
) -> Vec<&'a AcceptorKey> {
    let server = ticket.server();
    let mut keys: Vec<(u8, &AcceptorKey)> = credential
        .keys
        .iter()
        .filter(|own| own.key.enctype().number() == ticket.enc_part.etype)
        .map(|own| {
            let is_server = own.principal == server;
            let is_version = ticket
                .enc_part
                .kvno
                .is_none_or(|wanted| is_same_version(own.kvno, wanted.0));
            (u8::from(!is_server) << 1 | u8::from(!is_version), own)
        })
        .collect();
    keys.sort_by_key(|(rank, _)| *rank);
    keys.into_iter().map(|(_, own)| own).collect()
}

/// Files and protocols before MIT 1.14 cut versions to eight bits.
const fn is_same_version(own: u32, wanted: u32) -> bool {
    own == wanted || own == wanted & 0xff
}

/// Whether any key opens the ticket, so that what failed came later.
pub(super) fn is_ticket_open(credential: &AcceptorCredential, ticket: &Ticket) -> bool {
    let keys = candidates(credential, ticket);
    open_ticket(ticket, keys.into_iter().map(|own| own.key.clone())).is_ok()
}

/// Why no key opened the ticket.
pub(super) fn diagnose(credential: &AcceptorCredential, ticket: &Ticket) -> GssError {
    let principal = Box::new(ticket.server());
    let of_server = || {
        let keys = credential.keys.iter();
        keys.filter(|own| own.principal == *principal)
    };
    let etype = ticket.enc_part.etype;
    let of_type = || of_server().filter(|own| own.key.enctype().number() == etype);
    if of_server().next().is_none() {
        let have = list(credential.keys.iter().map(|own| own.principal.to_string()));
        return GssError::WrongPrincipal {
            ticket: principal,
            have,
        };
    }
    if of_type().next().is_none() {
        let have = list(of_server().map(|own| own.key.enctype().to_string()));
        let wanted = match Enctype::from_number(etype) {
            Some(enctype) => enctype.to_string(),
            None => format!("encryption type {etype}"),
        };
        return GssError::KeyEnctype {
            principal,
            wanted,
            have,
        };
    }
    match ticket.enc_part.kvno {
        Some(wanted) if !of_type().any(|own| is_same_version(own.kvno, wanted.0)) => {
            let have = list(of_type().map(|own| format!("version {}", own.kvno)));
            GssError::KeyVersion {
                principal,
                wanted: wanted.0,
                have,
            }
        }
        kvno => GssError::KeyMismatch {
            principal,
            kvno: kvno.map_or(0, |kvno| kvno.0),
        },
    }
}

/// Each once, with commas.
fn list(items: impl Iterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for item in items {
        if distinct.contains(&item) {
            continue;
        }
        if distinct.len() == MAX_LISTED {
            distinct.push("others".into());
            break;
        }
        distinct.push(item);
    }
    distinct.join(", ")
}
