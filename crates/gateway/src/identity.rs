//! Who somebody is, once a context stands.

use kerbstone_crypto::Enctype;
use kerbstone_gss::{Context, GssFlags};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

/// Somebody who has proved who they are, and by what.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whom the KDC vouches for.
    pub principal: Principal,
    /// The user here, if the principal is one (`auth_to_local`).
    pub local_name: Option<String>,
    /// The service that the ticket is for.
    pub service: Principal,
    /// The session key's encryption type.
    pub enctype: Enctype,
    /// The ticket's attributes.
    pub ticket_flags: TicketFlags,
    /// When the person showed a password or its like.
    pub authenticated_at: KerberosTime,
    /// When the ticket ends.
    pub ends_at: KerberosTime,
    /// Whether the proof is bound to this TLS channel.
    pub is_channel_bound: bool,
    /// Whether the client asked for proof of us as well.
    pub is_mutual: bool,
    /// Whether a ticket of the person came along.
    pub is_delegated: bool,
}

impl Identity {
    /// The initiator of a context, which is `local_name` here.
    pub fn of(context: &Context, local_name: Option<String>) -> Self {
        let flags = context.flags();
        Self {
            principal: context.initiator_name().clone(),
            local_name,
            service: context.acceptor_name().clone(),
            enctype: context.session_key().enctype(),
            ticket_flags: context.ticket_flags(),
            authenticated_at: context.ticket_times().authtime,
            ends_at: context.ticket_times().endtime,
            is_channel_bound: flags.contains(GssFlags::CHANNEL_BOUND),
            is_mutual: flags.contains(GssFlags::MUTUAL),
            is_delegated: flags.contains(GssFlags::DELEG),
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
            service: principal("HTTP/www.example.test@EXAMPLE.TEST"),
            enctype: Enctype::Aes256CtsHmacSha1_96,
            ticket_flags: TicketFlags::FORWARDABLE | TicketFlags::PRE_AUTHENT,
            authenticated_at: KerberosTime::from_unix(1_800_000_000),
            ends_at: KerberosTime::from_unix(1_800_036_000),
            is_channel_bound: false,
            is_mutual: true,
            is_delegated: false,
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
