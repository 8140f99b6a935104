//! Services that cannot both be meant.

use std::sync::Arc;

use super::caller::same_selinux_context;
use super::error::{SettingsError, Warning};
use super::service::Service;

/// Compares every service with those before it.
///
/// # Errors
/// [`SettingsError::SameCallers`], [`SettingsError::BehindAnyUid`], [`SettingsError::SocketAccess`]
pub(super) fn check(
    services: &[Arc<Service>],
    warnings: &mut Vec<Warning>,
) -> Result<(), SettingsError> {
    for (index, later) in services.iter().enumerate() {
        let same_socket = services
            .iter()
            .take(index)
            .filter(|earlier| earlier.socket == later.socket);
        for earlier in same_socket {
            compare(earlier, later)?;
            if hides(earlier, later) {
                warnings.push(Warning::new(
                    &later.location,
                    format!(
                        "[service/{}] is never reached: [service/{}] ({}) serves all its callers",
                        later.name, earlier.name, earlier.location
                    ),
                    "put it before that service, or give it a socket of its own",
                ));
            }
        }
    }
    Ok(())
}

fn compare(earlier: &Service, later: &Service) -> Result<(), SettingsError> {
    let location = later.location.clone();
    let service = later.name.clone();
    let earlier_location = earlier.location.clone();
    let earlier_name = earlier.name.clone();
    if same_kind_of_caller(earlier, later) {
        if earlier.allow_any_uid {
            return Err(SettingsError::BehindAnyUid {
                location,
                service,
                earlier_location,
                earlier: earlier_name,
            });
        }
        if earlier.euid == later.euid {
            return Err(SettingsError::SameCallers {
                location,
                service,
                earlier_location,
                earlier: earlier_name,
            });
        }
    }
    if earlier.socket_access != later.socket_access {
        return Err(SettingsError::SocketAccess {
            location,
            service,
            earlier_location,
            earlier: earlier_name,
        });
    }
    Ok(())
}

fn same_kind_of_caller(earlier: &Service, later: &Service) -> bool {
    let same_context = match (&earlier.selinux_context, &later.selinux_context) {
        (None, None) => true,
        (Some(one), Some(other)) => same_selinux_context(one, other),
        _ => false,
    };
    earlier.program == later.program && same_context
}

/// Whether every caller of the later service meets the earlier one.
fn hides(earlier: &Service, later: &Service) -> bool {
    let all_uids = earlier.allow_any_uid || (earlier.euid == later.euid && !later.allow_any_uid);
    let all_programs = earlier.program.is_none() || earlier.program == later.program;
    let all_contexts = match (&earlier.selinux_context, &later.selinux_context) {
        (None, _) => true,
        (Some(one), Some(other)) => same_selinux_context(one, other),
        (Some(_), None) => false,
    };
    all_uids && all_programs && all_contexts
}
