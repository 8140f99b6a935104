//! What an administrator can ask for.

use std::path::PathBuf;
use std::time::Duration;

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Keysalt, TransitPolicy};
use serde::{Deserialize, Serialize};

use crate::change::{AttributeChange, Change, ListChange};
use crate::secret::Secret;

/// Where a new principal's keys come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// From this password.
    Password(Secret),
    /// At random.
    Random,
    /// It gets none.
    None,
}

/// Where the key that two realms share comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustSecret {
    /// From this password, which the other realm is given too.
    Password(Secret),
    /// From a random password, which the reply tells.
    Random,
}

/// A key for [`Operation::SetKeys`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Its version number.
    pub kvno: u32,
    /// The number of its enctype.
    pub enctype: i32,
    /// The key.
    pub key: Secret,
    /// The salt it was made with; `None` for the principal's normal one.
    pub salt: Option<Vec<u8>>,
}

/// Changes of a principal's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalChanges {
    /// Attributes.
    pub attributes: AttributeChange,
    /// Longest life of tickets.
    #[serde(with = "crate::wire_form")]
    pub max_life: Change<Duration>,
    /// Longest renewable life.
    #[serde(with = "crate::wire_form")]
    pub max_renewable_life: Change<Duration>,
    /// When the principal expires.
    #[serde(with = "crate::wire_form")]
    pub expiration: Change<KerberosTime>,
    /// When the password expires.
    #[serde(with = "crate::wire_form")]
    pub password_expiration: Change<KerberosTime>,
    /// Its policy.
    pub policy: Change<String>,
    /// Services at which it may act for users.
    #[serde(default)]
    pub delegate_to: ListChange,
    /// Services that may act for users at it.
    #[serde(default)]
    pub delegate_from: ListChange,
}

/// Changes of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChanges {
    /// Shortest life of passwords.
    #[serde(with = "crate::wire_form")]
    pub min_password_life: Option<Duration>,
    /// Longest life of passwords.
    #[serde(with = "crate::wire_form")]
    pub max_password_life: Change<Duration>,
    /// Fewest characters.
    pub min_length: Option<u32>,
    /// Fewest kinds of characters.
    pub min_classes: Option<u32>,
    /// Passwords remembered to refuse their reuse.
    pub history: Option<u32>,
    /// Wrong passwords that lock out; 0 for never.
    pub max_failures: Option<u32>,
    /// Failures further apart do not add up.
    #[serde(with = "crate::wire_form")]
    pub failure_interval: Change<Duration>,
    /// How long a lockout lasts; cleared: until somebody unlocks.
    #[serde(with = "crate::wire_form")]
    pub lockout_duration: Change<Duration>,
    /// Longest life of tickets of principals created under it.
    #[serde(with = "crate::wire_form")]
    pub max_life: Change<Duration>,
    /// Longest renewable life of tickets of principals created under it.
    #[serde(with = "crate::wire_form")]
    pub max_renewable_life: Change<Duration>,
    /// Which keys may be made; cleared: any.
    #[serde(with = "crate::wire_form")]
    pub allowed_keysalts: Change<Vec<Keysalt>>,
}

/// Changes of a realm's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealmChanges {
    /// Longest life of tickets.
    #[serde(with = "crate::wire_form")]
    pub max_life: Option<Duration>,
    /// Longest renewable life.
    #[serde(with = "crate::wire_form")]
    pub max_renewable_life: Option<Duration>,
    /// Keys that new principals get, best first.
    #[serde(with = "crate::wire_form")]
    pub keysalts: Option<Vec<Keysalt>>,
    /// Attributes of new users.
    pub user_attributes: AttributeChange,
    /// Policy of new principals.
    pub default_policy: Change<String>,
    /// What to do about realms passed through.
    #[serde(with = "crate::reply::transit_form")]
    pub transit: Option<TransitPolicy>,
    /// Whether tickets get a PAC.
    #[serde(default)]
    pub issues_pac: Option<bool>,
}

/// One request of an administrator. The first three groups are kadm5's; kadm5 has no realms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Creates a principal from what its realm gives new ones, with these changes.
    CreatePrincipal {
        /// Its name.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// Its keys.
        keys: KeySource,
        /// Which keys to make; `None` for the policy's or the realm's choice.
        #[serde(with = "crate::wire_form")]
        keysalts: Option<Vec<Keysalt>>,
        /// What differs from the realm's template.
        changes: PrincipalChanges,
    },
    /// Shows a principal.
    GetPrincipal {
        /// Its name or an alias.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
    },
    /// Lists the names of principals and aliases.
    ListPrincipals {
        /// Their realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// Which names: a glob; `None` for all.
        pattern: Option<String>,
    },
    /// Changes a principal's record.
    ModifyPrincipal {
        /// Its name or an alias.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// The version that the caller has seen, when another one is to be refused.
        seen: Option<u64>,
        /// What changes.
        changes: PrincipalChanges,
    },
    /// Gives a principal another name.
    RenamePrincipal {
        /// The old name.
        #[serde(with = "crate::wire_form")]
        from: Principal,
        /// The new name.
        #[serde(with = "crate::wire_form")]
        to: Principal,
    },
    /// Deletes a principal with its aliases; of an alias, the alias alone.
    DeletePrincipal {
        /// Its name.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
    },
    /// Gives a principal one more name.
    AddAlias {
        /// The additional name.
        #[serde(with = "crate::wire_form")]
        alias: Principal,
        /// Whose it is.
        #[serde(with = "crate::wire_form")]
        target: Principal,
    },
    /// Takes a name away.
    RemoveAlias {
        /// The additional name.
        #[serde(with = "crate::wire_form")]
        alias: Principal,
    },
    /// Sets a password.
    ChangePassword {
        /// Whose.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// The password.
        password: Secret,
        /// Whether older versions stay usable.
        keep_old: bool,
        /// Which keys to make.
        #[serde(with = "crate::wire_form")]
        keysalts: Option<Vec<Keysalt>>,
    },
    /// Sets random keys.
    RandomizeKeys {
        /// Whose.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// Whether older versions stay usable.
        keep_old: bool,
        /// Which keys to make.
        #[serde(with = "crate::wire_form")]
        keysalts: Option<Vec<Keysalt>>,
        /// Whether the reply brings the new keys, for a keytab.
        export: bool,
    },
    /// Sets keys that the caller brings.
    SetKeys {
        /// Whose.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// The keys.
        keys: Vec<NewKey>,
        /// Whether older versions stay usable.
        keep_old: bool,
    },
    /// Reads keys out without changing them.
    ExtractKeys {
        /// Whose.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// Of which version; `None` for all.
        kvno: Option<u32>,
    },
    /// Removes old keys.
    PurgeKeys {
        /// Whose.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// The oldest version to stay; `None`: the newest alone stays.
        keep_from: Option<u32>,
    },
    /// Keeps a principal out.
    LockPrincipal {
        /// Whom.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
    },
    /// Lets a principal in again, also after a lockout by wrong passwords.
    UnlockPrincipal {
        /// Whom.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
    },
    /// Sets or removes a string attribute.
    SetString {
        /// Whose.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// Its name.
        key: String,
        /// Its value; `None` removes it.
        value: Option<String>,
    },
    /// Creates a policy.
    CreatePolicy {
        /// In which realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// Its name.
        name: String,
        /// What it demands.
        changes: PolicyChanges,
    },
    /// Shows a policy.
    GetPolicy {
        /// In which realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// Its name.
        name: String,
    },
    /// Lists a realm's policies.
    ListPolicies {
        /// The realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// Which names: a glob; `None` for all.
        pattern: Option<String>,
    },
    /// Changes a policy.
    ModifyPolicy {
        /// In which realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// Its name.
        name: String,
        /// What changes.
        changes: PolicyChanges,
    },
    /// Deletes a policy that nothing uses.
    DeletePolicy {
        /// In which realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// Its name.
        name: String,
    },
    /// What the caller may do.
    GetPrivileges,
    /// Creates a realm with the principals that it cannot do without.
    CreateRealm {
        /// Its name.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// What differs from the defaults.
        changes: RealmChanges,
    },
    /// Shows a realm's settings.
    GetRealm {
        /// Its name.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
    },
    /// Lists the realms.
    ListRealms,
    /// Changes a realm's settings.
    ModifyRealm {
        /// Its name.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// What changes.
        changes: RealmChanges,
    },
    /// Deletes a realm with everything in it.
    DeleteRealm {
        /// Its name.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
    },
    /// Shares a key with another realm.
    AddTrust {
        /// Our realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// The other one.
        #[serde(with = "crate::wire_form")]
        other: Realm,
        /// Whether its users may come here.
        inbound: bool,
        /// Whether our users may go there.
        outbound: bool,
        /// Where the key comes from.
        secret: TrustSecret,
        /// Which keys to make.
        #[serde(with = "crate::wire_form")]
        keysalts: Option<Vec<Keysalt>>,
        /// Their version number, which both realms must agree on; `None` for 1.
        kvno: Option<u32>,
    },
    /// Ends the trust with another realm.
    RemoveTrust {
        /// Our realm.
        #[serde(with = "crate::wire_form")]
        realm: Realm,
        /// The other one.
        #[serde(with = "crate::wire_form")]
        other: Realm,
    },
    /// Writes a dump of the whole store to a new file of the KDC's host.
    Dump {
        /// The file; it must not exist yet.
        path: PathBuf,
    },
}

impl Operation {
    /// Its name in the audit log, as on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreatePrincipal { .. } => "create_principal",
            Self::GetPrincipal { .. } => "get_principal",
            Self::ListPrincipals { .. } => "list_principals",
            Self::ModifyPrincipal { .. } => "modify_principal",
            Self::RenamePrincipal { .. } => "rename_principal",
            Self::DeletePrincipal { .. } => "delete_principal",
            Self::AddAlias { .. } => "add_alias",
            Self::RemoveAlias { .. } => "remove_alias",
            Self::ChangePassword { .. } => "change_password",
            Self::RandomizeKeys { .. } => "randomize_keys",
            Self::SetKeys { .. } => "set_keys",
            Self::ExtractKeys { .. } => "extract_keys",
            Self::PurgeKeys { .. } => "purge_keys",
            Self::LockPrincipal { .. } => "lock_principal",
            Self::UnlockPrincipal { .. } => "unlock_principal",
            Self::SetString { .. } => "set_string",
            Self::CreatePolicy { .. } => "create_policy",
            Self::GetPolicy { .. } => "get_policy",
            Self::ListPolicies { .. } => "list_policies",
            Self::ModifyPolicy { .. } => "modify_policy",
            Self::DeletePolicy { .. } => "delete_policy",
            Self::GetPrivileges => "get_privileges",
            Self::CreateRealm { .. } => "create_realm",
            Self::GetRealm { .. } => "get_realm",
            Self::ListRealms => "list_realms",
            Self::ModifyRealm { .. } => "modify_realm",
            Self::DeleteRealm { .. } => "delete_realm",
            Self::AddTrust { .. } => "add_trust",
            Self::RemoveTrust { .. } => "remove_trust",
            Self::Dump { .. } => "dump",
        }
    }

    /// What it is about, for the audit log.
    pub fn target(&self) -> Option<String> {
        match self {
            Self::CreatePrincipal { principal, .. }
            | Self::GetPrincipal { principal }
            | Self::ModifyPrincipal { principal, .. }
            | Self::DeletePrincipal { principal }
            | Self::ChangePassword { principal, .. }
            | Self::RandomizeKeys { principal, .. }
            | Self::SetKeys { principal, .. }
            | Self::ExtractKeys { principal, .. }
            | Self::PurgeKeys { principal, .. }
            | Self::LockPrincipal { principal }
            | Self::UnlockPrincipal { principal } => Some(principal.to_string()),
            Self::SetString { principal, key, .. } => Some(format!("{principal} {key}")),
            Self::RenamePrincipal { from, to } => Some(format!("{from} {to}")),
            Self::AddAlias { alias, target } => Some(format!("{alias} {target}")),
            Self::RemoveAlias { alias } => Some(alias.to_string()),
            Self::CreatePolicy { realm, name, .. }
            | Self::GetPolicy { realm, name }
            | Self::ModifyPolicy { realm, name, .. }
            | Self::DeletePolicy { realm, name } => Some(format!("{name} {realm}")),
            Self::ListPrincipals { realm, .. }
            | Self::ListPolicies { realm, .. }
            | Self::CreateRealm { realm, .. }
            | Self::GetRealm { realm }
            | Self::ModifyRealm { realm, .. }
            | Self::DeleteRealm { realm } => Some(realm.to_string()),
            Self::AddTrust { realm, other, .. } | Self::RemoveTrust { realm, other } => {
                Some(format!("{realm} {other}"))
            }
            Self::Dump { path } => Some(path.display().to_string()),
            Self::GetPrivileges | Self::ListRealms => None,
        }
    }
}
