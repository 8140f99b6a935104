//! Performs operations on a store, for those who may, and leaves an audit line of each.

mod dumps;
mod keys;
mod permission;
mod policies;
mod principals;
mod realms;

use std::sync::Arc;

use kerbstone_kdc::PasswordAuthority;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{Attributes, Registrar, Stamp, Vault};
use rand_core::CryptoRng;

use crate::acl::Privilege;
use crate::audit::{self, AuditSink};
use crate::authority::{Authority, Caller};
use crate::error::AdminError;
use crate::operation::Operation;
use crate::reply::Reply;

/// Performs operations. It has no thread and no socket: any number of doors may lead here.
#[derive(Debug)]
pub struct Administration {
    registrar: Registrar,
    authority: Authority,
    audit: Option<Arc<dyn AuditSink>>,
}

impl Administration {
    /// Administers the realms of a vault.
    pub const fn new(vault: Arc<Vault>, authority: Authority) -> Self {
        Self {
            registrar: Registrar::new(vault),
            authority,
            audit: None,
        }
    }

    /// Lets every operation leave a line there.
    #[must_use]
    pub fn with_audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// Performs an operation, if the caller may.
    ///
    /// # Errors
    /// [`AdminError`]; nothing has changed then.
    pub fn execute(
        &self,
        caller: &Caller,
        operation: Operation,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        let (name, target) = (operation.name(), operation.target());
        let done = self
            .permit(caller, &operation)
            .and_then(|()| self.perform(caller, operation, now, rng));
        self.note(caller, name, target.as_deref(), done.as_ref(), now);
        done
    }

    fn perform(
        &self,
        caller: &Caller,
        operation: Operation,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        let at = |realm: &Realm| Stamp {
            by: caller.as_modifier(realm),
            at: now.time,
        };
        let stamp = |principal: &Principal| at(&principal.realm);
        match operation {
            Operation::CreatePrincipal {
                principal,
                keys,
                keysalts,
                changes,
            } => {
                let stamp = stamp(&principal);
                self.create_principal(&principal, &keys, keysalts, &changes, &stamp, rng)
            }
            Operation::GetPrincipal { principal } => self.get_principal(&principal),
            Operation::ListPrincipals { realm, pattern } => {
                self.list_principals(&realm, pattern.as_deref())
            }
            Operation::ModifyPrincipal {
                principal,
                seen,
                changes,
            } => self.modify_principal(&principal, seen, &changes, &stamp(&principal)),
            Operation::RenamePrincipal { from, to } => {
                self.registrar.rename(&from, &to, &stamp(&to), rng)?;
                Ok(Reply::Done)
            }
            Operation::DeletePrincipal { principal } => {
                self.registrar.delete(&principal, &stamp(&principal))?;
                Ok(Reply::Done)
            }
            Operation::AddAlias { alias, target } => {
                self.registrar.add_alias(&alias, &target, &stamp(&target))?;
                Ok(Reply::Done)
            }
            Operation::RemoveAlias { alias } => {
                self.registrar.remove_alias(&alias, &stamp(&alias))?;
                Ok(Reply::Done)
            }
            Operation::ChangePassword {
                principal,
                password,
                keep_old,
                keysalts,
            } => {
                let own = self.is_own(caller, &principal);
                let stamp = stamp(&principal);
                self.change_password(&principal, &password, keep_old, keysalts, own, &stamp, rng)
            }
            Operation::RandomizeKeys {
                principal,
                keep_old,
                keysalts,
                export,
            } => {
                let stamp = stamp(&principal);
                self.randomize_keys(&principal, keep_old, keysalts, export, &stamp, rng)
            }
            Operation::SetKeys {
                principal,
                keys,
                keep_old,
            } => self.set_keys(&principal, &keys, keep_old, &stamp(&principal), rng),
            Operation::ExtractKeys { principal, kvno } => self.extract_keys(&principal, kvno),
            Operation::PurgeKeys {
                principal,
                keep_from,
            } => self.purge_keys(&principal, keep_from, &stamp(&principal)),
            Operation::LockPrincipal { principal } => {
                self.registrar.lock(&principal, &stamp(&principal))?;
                Ok(Reply::Done)
            }
            Operation::UnlockPrincipal { principal } => {
                self.registrar.unlock(&principal, &stamp(&principal))?;
                Ok(Reply::Done)
            }
            Operation::SetString {
                principal,
                key,
                value,
            } => {
                let stamp = stamp(&principal);
                self.registrar
                    .set_string(&principal, &key, value.as_deref(), &stamp)?;
                Ok(Reply::Done)
            }
            Operation::CreatePolicy {
                realm,
                name,
                changes,
            } => self.create_policy(&realm, name, &changes),
            Operation::GetPolicy { realm, name } => self.get_policy(&realm, &name),
            Operation::ListPolicies { realm, pattern } => {
                self.list_policies(&realm, pattern.as_deref())
            }
            Operation::ModifyPolicy {
                realm,
                name,
                changes,
            } => self.modify_policy(&realm, &name, &changes),
            Operation::DeletePolicy { realm, name } => {
                self.registrar.delete_policy(&realm, &name)?;
                Ok(Reply::Done)
            }
            Operation::GetPrivileges => {
                let privileges = self.authority.privileges(caller, None);
                Ok(Reply::Privileges(privileges.to_string()))
            }
            Operation::CreateRealm { realm, changes } => {
                let stamp = at(&realm);
                self.create_realm(realm, &changes, &stamp, rng)
            }
            Operation::GetRealm { realm } => self.get_realm(&realm),
            Operation::ListRealms => self.list_realms(),
            Operation::ModifyRealm { realm, changes } => self.modify_realm(&realm, &changes),
            Operation::DeleteRealm { realm } => {
                Ok(Reply::Deleted(self.registrar.delete_realm(&realm)?))
            }
            Operation::AddTrust {
                realm,
                other,
                inbound,
                outbound,
                secret,
                keysalts,
                kvno,
            } => {
                let trust = kerbstone_realm::Trust {
                    realm: other,
                    inbound,
                    outbound,
                };
                self.add_trust(&realm, &trust, &secret, keysalts, kvno, &at(&realm), rng)
            }
            Operation::RemoveTrust { realm, other } => {
                self.registrar.remove_trust(&realm, &other, &at(&realm))?;
                Ok(Reply::Done)
            }
            Operation::Dump { path } => self.dump_to(&path),
        }
    }

    /// Leaves an audit line.
    fn note<T>(
        &self,
        caller: &Caller,
        operation: &str,
        target: Option<&str>,
        done: Result<&T, &AdminError>,
        now: Timestamp,
    ) {
        if let Some(sink) = &self.audit {
            sink.record(&audit::line(
                caller,
                operation,
                target,
                done.map(|_| ()),
                now,
            ));
        }
    }
}

/// kpasswd's set request, by the privilege `c`.
impl PasswordAuthority for Administration {
    fn may_set_password(&self, who: &Principal, whose: &Principal) -> bool {
        let caller = Caller::Principal(who.clone());
        let permitted = self.privileges_on(&caller, whose);
        permitted.contains(Privilege::ChangePassword)
            && self
                .registrar
                .show(whose)
                .is_ok_and(|view| !is_locked_down(view.entry.value.attributes))
    }
}

const fn is_locked_down(attributes: Attributes) -> bool {
    attributes.contains(Attributes::LOCKDOWN_KEYS)
}
