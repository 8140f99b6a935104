//! The service of a TGS-REQ: here, or else the ticket-granting service of a realm nearer to it.

use std::sync::Arc;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::name::{NameType, Principal, Realm};
use kerbstone_realm::OpenEntry;

use crate::asking::Asking;
use crate::principals;
use crate::realm_path;
use crate::refusal::Refusal;
use crate::ticket_flags::NO_REFERRAL;

/// What a ticket will be for.
#[derive(Debug)]
pub(crate) enum Destination {
    /// The service that was asked for.
    Service(Arc<OpenEntry>),
    /// `krbtgt/NEARER@OURS`.
    Nearer(Arc<OpenEntry>),
}

impl Destination {
    pub(crate) fn entry(&self) -> &OpenEntry {
        match self {
            Self::Service(entry) | Self::Nearer(entry) => entry,
        }
    }
}

/// Finds the service, or where to send the client for it.
pub(crate) fn find(
    asking: &Asking<'_>,
    service: &Principal,
    options: KdcOptions,
) -> Result<Destination, Refusal> {
    if let Some(entry) = principals::lookup(asking.directory, service)? {
        // An alias of a ticket-granting service leads to the realm's true name.
        let renamed = *entry.principal != *service && is_other_realms(&entry.principal);
        return Ok(if renamed {
            Destination::Nearer(entry)
        } else {
            Destination::Service(entry)
        });
    }
    if options.intersects(NO_REFERRAL) {
        return Err(unknown());
    }
    let realm = if is_other_realms(service) {
        service.name.krbtgt_realm()
    } else {
        realm_of_service(asking, service, options)
    };
    nearest(asking, &realm.ok_or_else(unknown)?)
}

/// The realm that the service belongs to, if the client takes referrals: by the name of its host
/// or, of a service that asks here for a user's ticket to itself, by its enterprise name.
fn realm_of_service(
    asking: &Asking<'_>,
    service: &Principal,
    options: KdcOptions,
) -> Option<Realm> {
    if !options.contains(KdcOptions::CANONICALIZE) {
        return None;
    }
    match principals::enterprise_meaning(service) {
        Some(meant) => (meant.realm != service.realm).then_some(meant.realm),
        None => realm_of_host(asking, service),
    }
}

/// The realm that the host of a host-based service belongs to.
fn realm_of_host(asking: &Asking<'_>, service: &Principal) -> Option<Realm> {
    let [kind, host] = service.name.components.as_slice() else {
        return None;
    };
    let (kind, host) = (kind.to_str()?, host.to_str()?);
    let host_based = match service.name.name_type {
        NameType::SRV_HST | NameType::SRV_INST => true,
        NameType::UNKNOWN => asking.referrals.is_host_based(kind),
        _ => false,
    };
    if !host_based || asking.referrals.is_excluded(kind) || !host.contains('.') {
        return None;
    }
    let realm = asking.referrals.hosts.realm_of(host)?;
    (!realm.is_empty() && service.realm != *realm).then(|| Realm::from(realm))
}

/// The ticket-granting service that we share a key with and that is nearest to `realm` on the path.
fn nearest(asking: &Asking<'_>, realm: &Realm) -> Result<Destination, Refusal> {
    let ours = &asking.settings.name;
    if realm.as_bytes().len() > realm_path::MAX_REALM_LENGTH || realm == ours {
        return Err(unknown());
    }
    let path = realm_path::path(&asking.settings.capaths, ours.as_bytes(), realm.as_bytes());
    for step in path.iter().skip(1).rev() {
        let service = Principal::krbtgt(&Realm::from(step.as_slice()), ours);
        if let Some(entry) = principals::lookup(asking.directory, &service)? {
            return Ok(Destination::Nearer(entry));
        }
    }
    Err(unknown())
}

/// `krbtgt/OTHER@OURS`.
pub(crate) fn is_other_realms(principal: &Principal) -> bool {
    principal
        .name
        .krbtgt_realm()
        .is_some_and(|realm| realm != principal.realm)
}

fn unknown() -> Refusal {
    Refusal::new(
        ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
        "the service is not known in this realm, nor is a way to its realm",
    )
}
