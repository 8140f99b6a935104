//! In whose name a ticket is to be: that of the ticket shown, or of a user for whom its owner acts.

use std::sync::Arc;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::EncTicketPart;
use kerbstone_proto::pac::SignedPac;
use kerbstone_realm::OpenEntry;

use crate::asking::Asking;
use crate::audit::{ActingFor, ActingHow};
use crate::principals;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::s4u2proxy::Evidence;
use crate::s4u2self::{self, ForUser};
use crate::tgs_header::{Header, OpenedTicket};

/// Who it is.
#[derive(Debug)]
pub(crate) enum Subject {
    /// The client of the ticket shown.
    Owner,
    /// A user whom the client, a service, has authenticated itself.
    User(ForUser),
    /// A user whose ticket to the client, a service, is the evidence.
    Delegated(Box<Evidence>),
}

impl Subject {
    /// Finds out from the request; `evidence` is its second ticket, where that is what it is for.
    pub(crate) fn find(
        asking: &Asking<'_>,
        request: &Request,
        header: &Header,
        evidence: Option<OpenedTicket>,
        cross_realm: bool,
    ) -> Result<Self, Refusal> {
        if let Some(for_user) = s4u2self::read(asking, request, header)? {
            return Ok(Self::User(for_user));
        }
        Ok(match evidence {
            Some(ticket) => {
                Self::Delegated(Box::new(Evidence::prove(asking, ticket, cross_realm)?))
            }
            None => Self::Owner,
        })
    }

    /// For the audit log.
    pub(crate) fn acting_for(&self) -> Option<ActingFor> {
        let (how, user) = match self {
            Self::Owner => return None,
            Self::User(for_user) => (ActingHow::OwnWord, &for_user.user),
            Self::Delegated(evidence) => (ActingHow::Evidence, &evidence.user),
        };
        Some(ActingFor {
            user: user.clone(),
            how,
        })
    }

    /// The ticket that authenticates them, as far as one does.
    pub(crate) fn part<'a>(&'a self, header: &'a Header) -> &'a EncTicketPart {
        match self {
            Self::Owner | Self::User(_) => &header.ticket.part,
            Self::Delegated(evidence) => &evidence.ticket.part,
        }
    }

    /// The PAC of that ticket.
    pub(crate) fn pac<'a>(&'a self, shown: Option<&'a SignedPac>) -> Option<&'a SignedPac> {
        match self {
            Self::Owner | Self::User(_) => shown,
            Self::Delegated(evidence) => Some(&evidence.pac),
        }
    }
}

/// The entries behind a request, where they are ours.
#[derive(Debug)]
pub(crate) struct Clients {
    /// Of the owner of the ticket shown.
    pub(crate) owner: Option<Arc<OpenEntry>>,
    /// Of the subject.
    pub(crate) subject: Option<Arc<OpenEntry>>,
}

impl Clients {
    pub(crate) fn find(
        asking: &Asking<'_>,
        header: &Header,
        subject: &Subject,
    ) -> Result<Self, Refusal> {
        let part = &header.ticket.part;
        let owner = match part.crealm == asking.settings.name {
            true => principals::lookup(asking.directory, &part.client())?,
            false => None,
        };
        let subject = match subject {
            Subject::Owner => owner.clone(),
            Subject::User(for_user) => for_user.entry.clone(),
            Subject::Delegated(evidence) => evidence.entry.clone(),
        };
        Ok(Self { owner, subject })
    }
}

/// A request that names no service, nor a ticket that would.
pub(crate) fn no_service() -> Refusal {
    let why = "the request names no service";
    Refusal::new(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why)
}
