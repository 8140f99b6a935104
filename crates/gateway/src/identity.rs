//! Who somebody is, once a proof stands: a ticket, a password, a certificate, or a session that began with one of them.

use std::sync::Arc;

use kerbstone_crypto::Enctype;
use kerbstone_gss::{Context, GssFlags};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use crate::certificate::ClientCertificate;

/// Somebody who has proved who they are, and by what.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whom the KDC, or whoever issued the certificate, vouches for.
    pub principal: Principal,
    /// The user here, if the principal is one (`auth_to_local`).
    pub local_name: Option<String>,
    /// Groups that they are in, as far as anybody asked.
    pub groups: Vec<String>,
    /// When the person showed a password or its like.
    pub authenticated_at: KerberosTime,
    /// When the proof ends.
    pub ends_at: KerberosTime,
    /// By what.
    pub proof: Proof,
}

/// What somebody has shown.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A ticket for this service.
    Ticket(TicketProof),
    /// A password that the KDC knows.
    Password,
    /// A certificate, over the connection that the request came by.
    Certificate(Arc<ClientCertificate>),
    /// The cookie of a session that began with another proof.
    Session(SessionProof),
}

/// A ticket that has been accepted.
#[derive(Clone, Debug)]
pub struct TicketProof {
    /// The service that the ticket is for.
    pub service: Principal,
    /// The session key's encryption type.
    pub enctype: Enctype,
    /// The ticket's attributes.
    pub ticket_flags: TicketFlags,
    /// Whether the proof is bound to this TLS channel.
    pub is_channel_bound: bool,
    /// Whether the client asked for proof of us as well.
    pub is_mutual: bool,
    /// Whether a ticket of the person came along.
    pub is_delegated: bool,
}

/// A session that has been gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionProof {
    /// How it began.
    pub method: Method,
    /// When.
    pub began: KerberosTime,
}

/// By what somebody has shown who they are in the first place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// A ticket, with `Authorization: Negotiate`.
    Negotiate,
    /// A password, with `Authorization: Basic`.
    Basic,
    /// A password, in the sign-in form.
    Form,
    /// A client certificate.
    Certificate,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Negotiate, Self::Basic, Self::Form, Self::Certificate];

    /// For logs, metrics and cookies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "negotiate",
            Self::Basic => "basic",
            Self::Form => "form",
            Self::Certificate => "certificate",
        }
    }

    /// What CGI calls `AUTH_TYPE` (RFC 3875 4.1.1): the name of the HTTP scheme, or what comes nearest to one.
    pub const fn auth_type(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Basic => "Basic",
            Self::Form => "Form",
            Self::Certificate => "Certificate",
        }
    }
}

impl Proof {
    /// By what the person has shown who they are in the first place.
    pub const fn method(&self) -> Method {
        match self {
            Self::Ticket(_) => Method::Negotiate,
            Self::Password => Method::Basic,
            Self::Certificate(_) => Method::Certificate,
            Self::Session(session) => session.method,
        }
    }

    /// The name of the mechanism behind it.
    pub const fn mechanism(&self) -> &'static str {
        match self.method() {
            Method::Negotiate => "krb5",
            Method::Basic | Method::Form => "password",
            Method::Certificate => "x509",
        }
    }
}

impl Identity {
    /// The initiator of a context, which is `local_name` here.
    pub fn of(context: &Context, local_name: Option<String>) -> Self {
        let flags = context.flags();
        Self {
            principal: context.initiator_name().clone(),
            local_name,
            groups: Vec::new(),
            authenticated_at: context.ticket_times().authtime,
            ends_at: context.ticket_times().endtime,
            proof: Proof::Ticket(TicketProof {
                service: context.acceptor_name().clone(),
                enctype: context.session_key().enctype(),
                ticket_flags: context.ticket_flags(),
                is_channel_bound: flags.contains(GssFlags::CHANNEL_BOUND),
                is_mutual: flags.contains(GssFlags::MUTUAL),
                is_delegated: flags.contains(GssFlags::DELEG),
            }),
        }
    }

    /// The certificate that vouches for them, if one does.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        match &self.proof {
            Proof::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }
}

/// How a back end gets to know somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Naming {
    /// By the user name that `auth_to_local` gives; who has none is not let in.
    #[default]
    LocalName,
    /// By the principal with its realm.
    Principal,
}

impl Naming {
    /// The name, if there is one.
    pub fn of(self, identity: &Identity) -> Option<String> {
        match self {
            Self::LocalName => identity.local_name.clone(),
            Self::Principal => Some(identity.principal.to_string()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Somebody to try things with.
    pub(crate) fn alice() -> Identity {
        let principal = |text| Principal::parse(text, None).unwrap();
        Identity {
            principal: principal("alice@EXAMPLE.TEST"),
            local_name: Some("alice".to_owned()),
            groups: Vec::new(),
            authenticated_at: KerberosTime::from_unix(1_800_000_000),
            ends_at: KerberosTime::from_unix(1_800_036_000),
            proof: Proof::Ticket(TicketProof {
                service: principal("HTTP/www.example.test@EXAMPLE.TEST"),
                enctype: Enctype::Aes256CtsHmacSha1_96,
                ticket_flags: TicketFlags::FORWARDABLE | TicketFlags::PRE_AUTHENT,
                is_channel_bound: false,
                is_mutual: true,
                is_delegated: false,
            }),
        }
    }

    #[test]
    fn a_stranger_has_a_principal_but_no_local_name() {
        let stranger = Identity {
            local_name: None,
            ..alice()
        };
        assert_eq!(Naming::LocalName.of(&stranger), None);
        assert_eq!(
            Naming::Principal.of(&stranger).unwrap(),
            "alice@EXAMPLE.TEST"
        );
        assert_eq!(Naming::LocalName.of(&alice()).unwrap(), "alice");
    }
}
