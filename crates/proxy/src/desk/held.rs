//! A credential as MIT's library holds and exports it.

use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::KerberosTime;

use super::DeskError;
use crate::settings::CredUsage;

/// Whose credential it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldName {
    /// The principal.
    pub principal: Principal,
    /// The service, when it was named as a service on a host.
    pub service: Option<String>,
    /// The host.
    pub host: Option<String>,
}

impl HeldName {
    /// A principal that was not named as a service on a host.
    pub const fn of(principal: Principal) -> Self {
        Self {
            principal,
            service: None,
            host: None,
        }
    }
}

/// A credential: what a handle carries.
#[derive(Clone, Debug)]
pub struct HeldCredential {
    usage: CredUsage,
    name: Option<HeldName>,
    impersonator: Option<Principal>,
    expire: KerberosTime,
}

impl HeldCredential {
    /// What it is for.
    pub const fn usage(&self) -> CredUsage {
        self.usage
    }

    /// Whose it is. Nobody's in particular, when it accepts for whatever the keytab has.
    pub const fn name(&self) -> Option<&HeldName> {
        self.name.as_ref()
    }

    /// The service that got it in the user's name (S4U2Self, or evidence for S4U2Proxy).
    pub const fn impersonator(&self) -> Option<&Principal> {
        self.impersonator.as_ref()
    }

    /// The credential that an initiator delegated: the tickets of an accepted context.
    ///
    /// # Errors
    /// There are none.
    pub fn delegated(tickets: &[ServiceTicket]) -> Result<Self, DeskError> {
        let first = tickets.first().ok_or(DeskError::EmptyCache)?;
        Ok(Self {
            usage: CredUsage::Initiate,
            name: Some(HeldName::of(first.client.clone())),
            impersonator: None,
            expire: first.endtime,
        })
    }

    /// The credential of the client of `evidence`, a ticket for the impersonator, with which the
    /// impersonator may go on in the client's name (S4U2Proxy).
    ///
    /// # Errors
    /// The impersonator's credential is for accepting only, or one of an impersonated user.
    pub fn impersonated(impersonator: &Self, evidence: &ServiceTicket) -> Result<Self, DeskError> {
        let name = impersonator
            .name()
            .filter(|_| impersonator.usage != CredUsage::Accept);
        let name = name.ok_or(DeskError::WrongUsage("initiating"))?;
        if impersonator.impersonator.is_some() {
            return Err(DeskError::Impersonated);
        }
        Ok(Self {
            usage: CredUsage::Initiate,
            name: Some(HeldName::of(evidence.client.clone())),
            impersonator: Some(name.principal.clone()),
            expire: evidence.endtime,
        })
    }

    /// Whether there are tickets that the handle it was opened from does not carry
    /// (`sync_modified_creds`). Tickets in a cache with a name never are.
    pub const fn has_grown(&self) -> bool {
        false
    }

    /// The encryption types to which session keys are limited, by number, where its owner limited
    /// them.
    pub fn enctypes(&self) -> Option<&[i32]> {
        None
    }

    /// Until when one can initiate with it; zero when that is not known.
    pub const fn expires(&self) -> KerberosTime {
        self.expire
    }
}
