//! What a service lets its callers do.

use kerbstone_gss::{MajorStatus, Name};
use kerbstone_proto::name::Principal;

use super::failure::Failure;
use super::minor::Minor;
use crate::desk::HeldCredential;
use crate::settings::{Caller, CredUsage, Service};

/// Whether the caller is the user that the service is for. What `trusted` allows, it allows this
/// user alone.
pub(super) fn is_own(service: &Service, caller: &Caller) -> bool {
    service.euid == caller.uid
}

/// The usage within `cred_usage`.
pub(super) fn usage(service: &Service, wanted: CredUsage) -> Result<CredUsage, Failure> {
    match (service.cred_usage, wanted) {
        (CredUsage::Both, wanted) => Ok(wanted),
        (CredUsage::Initiate, CredUsage::Both | CredUsage::Initiate) => Ok(CredUsage::Initiate),
        (CredUsage::Accept, CredUsage::Both | CredUsage::Accept) => Ok(CredUsage::Accept),
        (CredUsage::Initiate, CredUsage::Accept) => Err(not_for("accepting")),
        (CredUsage::Accept, CredUsage::Initiate) => Err(not_for("initiating")),
    }
}

fn not_for(what: &str) -> Failure {
    Failure::of_minor(Minor::EACCES)
        .because(format!("the service's credentials are not for {what}"))
}

/// Whether it can be initiated with.
pub(super) fn initiates(usage: CredUsage) -> bool {
    usage != CredUsage::Accept
}

/// Whether it can be accepted with.
pub(super) fn accepts(usage: CredUsage) -> bool {
    usage != CredUsage::Initiate
}

/// Refuses a credential for what it is not for.
pub(super) fn fits(held: CredUsage, wanted: CredUsage) -> Result<(), Failure> {
    let is_fit = match wanted {
        CredUsage::Initiate => initiates(held),
        CredUsage::Accept => accepts(held),
        CredUsage::Both => held == CredUsage::Both,
    };
    if is_fit {
        return Ok(());
    }
    Err(Failure::new(MajorStatus::NO_CRED, Minor::USAGE_MISMATCH))
}

/// Refuses S4U2Self to callers that may not ask for it.
pub(super) fn impersonation(service: &Service, caller: &Caller) -> Result<(), Failure> {
    if service.allow_protocol_transition || (service.trusted && is_own(service, caller)) {
        return Ok(());
    }
    Err(Failure::forbidden(
        "the service may not act for a user without the user's ticket \
         (allow_protocol_transition, trusted)",
    ))
}

/// Refuses to put a credential where other users would find it: into a cache that all callers
/// share, by anybody but the service's own user.
pub(super) fn store(service: &Service, caller: &Caller) -> Result<(), Failure> {
    let is_shared = service
        .cred_store
        .iter()
        .find(|element| element.key == "ccache")
        .is_none_or(|element| !element.value.contains("%U") && !element.value.contains("%u"));
    if is_shared && !is_own(service, caller) {
        return Err(Failure::forbidden(
            "the service's ccache is shared by all callers: give each its own with %U",
        ));
    }
    Ok(())
}

/// Whom a credential may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anybody.
    Anywhere,
    /// The impersonator itself, by exactly this name: what a host is called elsewhere does not
    /// count, or a name service could lead a user's ticket astray.
    Self_(Principal),
}

/// Whether a credential may be used towards a target. That of an impersonated user goes to the
/// impersonator alone, unless the service's settings say more.
pub(super) fn reach(
    service: &Service,
    caller: &Caller,
    credential: &HeldCredential,
    target: &Name,
) -> Result<Reach, Failure> {
    let Some(impersonator) = credential.impersonator() else {
        return Ok(Reach::Anywhere);
    };
    let is_trusted = service.trusted && is_own(service, caller);
    if is_trusted || service.impersonate || service.allow_constrained_delegation {
        return Ok(Reach::Anywhere);
    }
    if is_same(target, impersonator) {
        return Ok(Reach::Self_(impersonator.clone()));
    }
    Err(Failure::forbidden(
        "a credential of an impersonated user may go to the service itself only \
         (allow_constrained_delegation)",
    ))
}

fn is_same(target: &Name, impersonator: &Principal) -> bool {
    match target {
        Name::Principal(target) => target == impersonator,
        Name::HostBased { service, host } => {
            let [own_service, own_host] = impersonator.name.components.as_slice() else {
                return false;
            };
            own_service.as_bytes() == service.as_bytes()
                && host
                    .as_ref()
                    .is_some_and(|host| own_host.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
        }
        Name::Anonymous => false,
    }
}

/// The flags that a context is asked for: those that are enforced come first, then the filter.
pub(super) const fn flags(service: &Service, wanted: u32) -> u32 {
    (wanted | service.enforce_flags) & !service.filter_flags
}

/// The caller's credential was not made by this service with a key that it has still.
pub(super) fn foreign_handle() -> Failure {
    Failure::new(MajorStatus::DEFECTIVE_CREDENTIAL, Minor::EINVAL).because(
        "the credential was sealed by another service, or with a key that is gone: acquire it anew",
    )
}
