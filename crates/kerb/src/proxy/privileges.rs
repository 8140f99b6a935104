//! Becoming the user that the configuration names.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Uid, User, initgroups, setgid, setuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities,
};

/// Why the daemon cannot become that user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivilegeError {
    /// Nobody has this name.
    #[error("there is no local user `{0}`, named as run_as_user")]
    UnknownUser(String),
    /// The system refused.
    #[error("cannot become the user `{user}`: {source}")]
    Refused {
        /// Who.
        user: String,
        /// What the system says.
        source: Errno,
    },
}

/// Becomes the user for good. What stays is the right to see which program a caller runs, for services with
/// `program =`. To be called before there are threads.
pub(super) fn become_user(name: &str, uid: u32) -> Result<(), PrivilegeError> {
    let user = User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten()
        .ok_or_else(|| PrivilegeError::UnknownUser(name.to_owned()))?;
    let refused = |source: Errno| PrivilegeError::Refused {
        user: name.to_owned(),
        source,
    };
    let other = |error: rustix::io::Errno| refused(Errno::from_raw(error.raw_os_error()));
    let was_root = Uid::effective().is_root();
    if was_root {
        set_keep_capabilities(true).map_err(other)?;
    }
    let c_name = CString::new(user.name.as_str()).map_err(|_| refused(Errno::EINVAL))?;
    initgroups(&c_name, user.gid).map_err(refused)?;
    setgid(user.gid).map_err(refused)?;
    setuid(user.uid).map_err(refused)?;
    if was_root {
        keep_one_capability().map_err(other)?;
    }
    Ok(())
}

fn keep_one_capability() -> rustix::io::Result<()> {
    let all = CapabilitySet::SETPCAP | CapabilitySet::SYS_PTRACE;
    set_capabilities(None, sets(all))?;
    for capability in CapabilitySet::all() {
        if capability_is_in_bounding_set(capability).unwrap_or(false) {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    set_capabilities(None, sets(CapabilitySet::SYS_PTRACE))?;
    set_keep_capabilities(false)
}

fn sets(capabilities: CapabilitySet) -> CapabilitySets {
    CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: CapabilitySet::empty(),
    }
}
