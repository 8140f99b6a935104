//! Which privilege an operation needs, and on what.

use kerbstone_proto::name::{Principal, Realm};

use super::{Administration, is_locked_down};
use crate::acl::{Privilege, Privileges};
use crate::authority::{Caller, demand};
use crate::error::AdminError;
use crate::operation::Operation;

impl Administration {
    /// Refuses what the caller may not do.
    pub(super) fn permit(&self, caller: &Caller, operation: &Operation) -> Result<(), AdminError> {
        let on = |privilege, name: &Principal| self.permit_on(caller, privilege, name);
        let self_or = |privilege, name: &Principal| match self.is_own(caller, name) {
            true => Ok(()),
            false => self.permit_on(caller, privilege, name),
        };
        let authority = &self.authority;
        match operation {
            Operation::CreatePrincipal { principal, .. } => on(Privilege::Add, principal),
            Operation::GetPrincipal { principal } => self_or(Privilege::Inquire, principal),
            Operation::ModifyPrincipal {
                principal, changes, ..
            } => {
                on(Privilege::Modify, principal)?;
                let unlocks = is_locked_down(changes.attributes.clear);
                if unlocks {
                    self.protect_keys(caller, principal)
                } else {
                    Ok(())
                }
            }
            Operation::RenamePrincipal { from, to } => {
                on(Privilege::Delete, from)?;
                on(Privilege::Add, to)
            }
            Operation::DeletePrincipal { principal } => on(Privilege::Delete, principal),
            Operation::AddAlias { alias, target } => {
                on(Privilege::Add, alias)?;
                on(Privilege::Modify, target)
            }
            Operation::RemoveAlias { alias } => on(Privilege::Delete, alias),
            Operation::ChangePassword { principal, .. } => {
                self_or(Privilege::ChangePassword, principal)?;
                self.protect_keys(caller, principal)
            }
            Operation::RandomizeKeys { principal, .. } => {
                self_or(Privilege::ChangePassword, principal)
            }
            Operation::SetKeys { principal, .. } => {
                on(Privilege::SetKey, principal)?;
                self.protect_keys(caller, principal)
            }
            Operation::ExtractKeys { principal, .. } => on(Privilege::Extract, principal),
            Operation::PurgeKeys { principal, .. } => self_or(Privilege::Modify, principal),
            Operation::LockPrincipal { principal }
            | Operation::UnlockPrincipal { principal }
            | Operation::SetString { principal, .. } => on(Privilege::Modify, principal),
            Operation::GetPolicy { realm, name } => {
                if self.is_own_policy(caller, name) {
                    return Ok(());
                }
                authority.require_in_realm(caller, Privilege::Inquire, realm)
            }
            Operation::ListPrincipals { realm, .. } | Operation::ListPolicies { realm, .. } => {
                authority.require_in_realm(caller, Privilege::List, realm)
            }
            Operation::CreatePolicy { realm, .. } => {
                authority.require_in_realm(caller, Privilege::Add, realm)
            }
            Operation::ModifyPolicy { realm, .. } => {
                authority.require_in_realm(caller, Privilege::Modify, realm)
            }
            Operation::DeletePolicy { realm, .. } => {
                authority.require_in_realm(caller, Privilege::Delete, realm)
            }
            Operation::GetPrivileges => Ok(()),
            Operation::GetRealm { realm } => {
                authority.require_in_realm(caller, Privilege::Inquire, realm)
            }
            Operation::ListRealms => authority.require_local(caller, Privilege::List),
            Operation::CreateRealm { .. } | Operation::AddTrust { .. } => {
                authority.require_local(caller, Privilege::Add)
            }
            Operation::ModifyRealm { .. } => authority.require_local(caller, Privilege::Modify),
            Operation::DeleteRealm { .. } | Operation::RemoveTrust { .. } => {
                authority.require_local(caller, Privilege::Delete)
            }
            Operation::Dump { .. } => authority.require_local(caller, Privilege::Propagate),
        }
    }

    fn permit_on(
        &self,
        caller: &Caller,
        privilege: Privilege,
        name: &Principal,
    ) -> Result<(), AdminError> {
        demand(self.privileges_on(caller, name), caller, privilege)
    }

    /// What the caller may do to the principal of that name or alias.
    pub(super) fn privileges_on(&self, caller: &Caller, name: &Principal) -> Privileges {
        let target = self.own_name(name);
        match caller {
            Caller::Principal(who) if self.concerns_other_realms(&target, &who.realm) => {
                self.authority.privileges_across(caller, &target)
            }
            _ => self.authority.privileges(caller, Some(&target)),
        }
    }

    /// Whether a principal is the business of another realm of this store than its administrator's.
    /// Who knows the key of `krbtgt/A@B` can name clients of B to services of A: it concerns both.
    fn concerns_other_realms(&self, target: &Principal, administrators: &Realm) -> bool {
        let is_here = |realm: &Realm| self.registrar.realm(realm).is_ok();
        let others = [Some(target.realm.clone()), target.name.krbtgt_realm()];
        let mut others = others.into_iter().flatten();
        is_here(administrators) && others.any(|realm| realm != *administrators && is_here(&realm))
    }

    /// The name of the principal behind an alias, so that no alias opens what a rule closes.
    pub(super) fn own_name(&self, name: &Principal) -> Principal {
        let found = self.registrar.show(name);
        found.map_or_else(|_| name.clone(), |view| view.entry.value.principal)
    }

    /// Whether a principal acts on itself.
    pub(super) fn is_own(&self, caller: &Caller, name: &Principal) -> bool {
        match caller {
            Caller::Local(_) => false,
            Caller::Principal(principal) => self.own_name(principal) == self.own_name(name),
        }
    }

    fn is_own_policy(&self, caller: &Caller, name: &str) -> bool {
        let Caller::Principal(principal) = caller else {
            return false;
        };
        let own = self.registrar.show(principal).ok();
        own.is_some_and(|view| view.entry.value.policy.as_deref() == Some(name))
    }

    /// The keys of a principal with `lockdown_keys` are set on the KDC's own host alone.
    fn protect_keys(&self, caller: &Caller, name: &Principal) -> Result<(), AdminError> {
        if caller.is_local() {
            return Ok(());
        }
        match self.registrar.show(name) {
            Ok(view) if is_locked_down(view.entry.value.attributes) => {
                Err(AdminError::LockedDown(view.entry.value.principal))
            }
            _ => Ok(()),
        }
    }
}
