//! Who is meant by a name.

use kerbstone_client::{Context, SystemNames, service_principal};
use kerbstone_gss::{AcceptorName, Name};
use kerbstone_proto::krb5_conf::{CanonicalizeHostname, Krb5Conf};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};

use super::{DeskError, HeldName, Patience};

/// Which of the principals is meant.
///
/// # Errors
/// [`DeskError::WouldWait`] when the name service has to be asked for another name of the host.
pub(super) fn find(
    name: &Name,
    principals: &[Principal],
    context: &Context,
    patience: Patience,
) -> Result<Option<usize>, DeskError> {
    if *name == Name::Anonymous {
        return Ok(principals.iter().position(Principal::is_anonymous));
    }
    let as_written = AcceptorName::from(name.clone());
    let found = principals
        .iter()
        .position(|principal| as_written.covers(principal));
    let Name::HostBased {
        service,
        host: Some(host),
    } = name
    else {
        return Ok(found);
    };
    let is_near = |principal: &Principal| match principal.name.components.as_slice() {
        [own, _] => *own == service.as_str(),
        _ => false,
    };
    if found.is_some() || !principals.iter().any(is_near) {
        return Ok(found);
    }
    if asks_name_service(context.conf()) && patience == Patience::Never {
        return Err(DeskError::WouldWait);
    }
    let canonical = service_principal(service, host, context.conf(), &SystemNames);
    Ok(principals
        .iter()
        .position(|principal| principal.name == canonical.name))
}

/// Whether names of hosts are what the name service says they are.
pub(super) fn asks_name_service(conf: &Krb5Conf) -> bool {
    let policy = conf.libdefaults().dns_canonicalize_hostname();
    policy.unwrap_or(CanonicalizeHostname::Yes) == CanonicalizeHostname::Yes
}

/// A name as a credential holds it.
pub(super) fn held(name: &Name) -> Result<HeldName, DeskError> {
    let Name::HostBased { service, host } = name else {
        return Ok(HeldName::of(name.to_principal()?));
    };
    let own = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let full = host.clone().unwrap_or_else(own);
    let principal = PrincipalName::service(service, full.trim());
    Ok(HeldName {
        principal: Principal::new(principal, Realm::from("")),
        service: Some(service.clone()),
        host: host.clone(),
    })
}
