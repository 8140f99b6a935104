//! Who may do what: local users by their number, principals by the rules of `kadm5.acl`.

use std::collections::BTreeSet;
use std::fmt;

use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use nix::unistd::{Uid, User};

use crate::acl::{Acl, Privilege, Privileges};
use crate::error::AdminError;

/// A user of the KDC's host, as the kernel names the other end of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// The user's number.
    pub uid: u32,
    /// The process that asks.
    pub pid: Option<i32>,
    /// The user's name.
    pub name: String,
}

impl LocalUser {
    /// The user of that number; one without a name is called by it.
    pub fn new(uid: u32, pid: Option<i32>) -> Self {
        let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let name = known.map_or_else(|| format!("uid{uid}"), |user| user.name);
        Self { uid, pid, name }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A user of this host, through the socket.
    Local(LocalUser),
    /// Whoever proved to be this principal, with a ticket got by its own password or key.
    Principal(Principal),
}

impl Caller {
    /// The name that records keep of who changed them; for local users MIT's `kadmin.local` has
    /// the same.
    pub(crate) fn as_modifier(&self, realm: &Realm) -> Principal {
        match self {
            Self::Local(user) => {
                let name = PrincipalName::new_principal(&[&user.name, "admin"]);
                Principal::new(name, realm.clone())
            }
            Self::Principal(principal) => principal.clone(),
        }
    }

    pub(crate) const fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(user) => write!(f, "local user {}", user.name),
            Self::Principal(principal) => write!(f, "{principal}"),
        }
    }
}

/// Says who may do what.
#[derive(Clone, Debug)]
pub struct Authority {
    local: BTreeSet<u32>,
    acl: Acl,
}

impl Authority {
    /// Root, this process's own user and the given ones may do everything; principals what the
    /// rules say.
    pub fn new(local: impl IntoIterator<Item = u32>, acl: Acl) -> Self {
        let mut local: BTreeSet<u32> = local.into_iter().collect();
        local.insert(0);
        local.insert(Uid::effective().as_raw());
        Self { local, acl }
    }

    /// What the caller may do to a principal, or without naming one.
    pub fn privileges(&self, caller: &Caller, target: Option<&Principal>) -> Privileges {
        match caller {
            Caller::Local(user) if self.local.contains(&user.uid) => Privileges::ALL,
            Caller::Local(_) => Privileges::default(),
            Caller::Principal(principal) => self.acl.privileges(principal, target),
        }
    }

    /// What the caller may do to a principal of another realm of the same store: MIT's rules know
    /// one realm, so one that names no target does not reach into others.
    pub(crate) fn privileges_across(&self, caller: &Caller, target: &Principal) -> Privileges {
        match caller {
            Caller::Local(_) => self.privileges(caller, Some(target)),
            Caller::Principal(principal) => self.acl.privileges_by_target(principal, target),
        }
    }

    /// For what concerns a realm as a whole: principals have no say in the realms of others.
    pub(crate) fn require_in_realm(
        &self,
        caller: &Caller,
        privilege: Privilege,
        realm: &Realm,
    ) -> Result<(), AdminError> {
        match caller {
            Caller::Principal(principal) if principal.realm != *realm => {
                Err(missing(caller, privilege))
            }
            _ => demand(self.privileges(caller, None), caller, privilege),
        }
    }

    pub(crate) fn require_local(
        &self,
        caller: &Caller,
        privilege: Privilege,
    ) -> Result<(), AdminError> {
        if !caller.is_local() {
            return Err(AdminError::LocalOnly(caller.to_string()));
        }
        demand(self.privileges(caller, None), caller, privilege)
    }
}

/// Refuses a caller whose privileges do not have this one.
pub(crate) fn demand(
    held: Privileges,
    caller: &Caller,
    privilege: Privilege,
) -> Result<(), AdminError> {
    if held.contains(privilege) {
        return Ok(());
    }
    Err(missing(caller, privilege))
}

fn missing(caller: &Caller, privilege: Privilege) -> AdminError {
    AdminError::NotPermitted {
        caller: caller.to_string(),
        privilege,
    }
}
