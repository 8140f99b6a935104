//! A target without a key of its own: its ticket-granting ticket is asked for first
//! (draft-swift-win2k-krb-user2user-03, as Windows speaks it).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use der::{Decode, Encode, Sequence};
use kerbstone_proto::message::{Fixed, Pvno, Ticket};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};

use super::token::{Mark, write};
use crate::{GssError, Oid};

/// KERB-TGT-REQUEST.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TgtRequest {
    #[asn1(context_specific = "0")]
    pvno: Pvno,
    #[asn1(context_specific = "1")]
    msg_type: Fixed<16>,
    #[asn1(context_specific = "2", optional = "true")]
    server_name: Option<PrincipalName>,
    #[asn1(context_specific = "3", optional = "true")]
    realm: Option<Realm>,
}

/// KERB-TGT-REPLY, without its ticket.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TgtReply {
    #[asn1(context_specific = "0")]
    pvno: Pvno,
    #[asn1(context_specific = "1")]
    msg_type: Fixed<17>,
    #[asn1(context_specific = "2")]
    ticket: Ticket,
}

const fn defective(what: &'static str) -> GssError {
    GssError::DefectiveToken {
        what,
        why: "it cannot be read to its end",
    }
}

/// The token that asks `target` for its ticket-granting ticket.
pub(super) fn ask(target: &Principal) -> Vec<u8> {
    let request = TgtRequest {
        pvno: Fixed,
        msg_type: Fixed,
        server_name: Some(target.name.clone()),
        realm: Some(target.realm.clone()).filter(|realm| !realm.is_empty()),
    };
    let message = request.to_der().unwrap_or_default();
    write(&Oid::KRB5_USER_TO_USER, Mark::TgtRequest, &message)
}

/// Whom the other side asks for.
pub(super) fn read_request(message: &[u8]) -> Result<Option<PrincipalName>, GssError> {
    TgtRequest::from_der(message)
        .map(|request| request.server_name)
        .map_err(|_| defective("request for a ticket-granting ticket"))
}

/// The token with the ticket-granting ticket.
pub(super) fn answer(ticket: &Ticket) -> Vec<u8> {
    let reply = TgtReply {
        pvno: Fixed,
        msg_type: Fixed,
        ticket: ticket.clone(),
    };
    let message = reply.to_der().unwrap_or_default();
    write(&Oid::KRB5_USER_TO_USER, Mark::TgtReply, &message)
}

/// The ticket-granting ticket in the answer.
pub(super) fn read_reply(message: &[u8]) -> Result<Ticket, GssError> {
    TgtReply::from_der(message)
        .map(|reply| reply.ticket)
        .map_err(|_| defective("answer with a ticket-granting ticket"))
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::message::EncryptedData;

    use super::super::token;
    use super::*;

    #[test]
    fn request_and_answer_are_read_back() {
        let bob = Principal::parse("bob@EXAMPLE.TEST", None).unwrap();
        let asked = ask(&bob);
        let request = token::read(&asked).unwrap();
        assert_eq!(request.mark, Mark::TgtRequest);
        assert_eq!(
            read_request(request.message).unwrap(),
            Some(bob.name.clone())
        );
        let ticket = Ticket {
            realm: bob.realm.clone(),
            sname: PrincipalName::krbtgt(&bob.realm),
            enc_part: EncryptedData {
                etype: 18,
                kvno: None,
                cipher: vec![1, 2, 3],
            },
        };
        let answered = answer(&ticket);
        let reply = token::read(&answered).unwrap();
        assert_eq!(read_reply(reply.message).unwrap(), ticket);
        assert!(read_reply(&reply.message[1..]).is_err());
    }
}
