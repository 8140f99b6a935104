//! What an administrator is told.

use std::time::Duration;

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{
    Attributes, EntryView, Keysalt, Policy, RealmSettings, Salt, StoredKey, TransitPolicy, Trust,
    Versioned,
};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// One of a principal's keys, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyView {
    /// Its version number.
    pub kvno: u32,
    /// The number of its enctype.
    pub enctype: i32,
    /// Its name.
    pub enctype_name: String,
    /// `normal`, `norealm`, `onlyrealm` or `special`.
    pub salt: String,
}

/// A principal as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalView {
    /// Its own name, also when it was asked for by an alias.
    #[serde(with = "crate::wire_form")]
    pub principal: Principal,
    /// Its other names.
    #[serde(with = "crate::wire_form")]
    pub aliases: Vec<Principal>,
    /// What it may and must do.
    #[serde(with = "crate::wire_form")]
    pub attributes: Attributes,
    /// Longest life of its tickets; `None` leaves it to the realm.
    #[serde(with = "crate::wire_form")]
    pub max_life: Option<Duration>,
    /// Longest renewable life.
    #[serde(with = "crate::wire_form")]
    pub max_renewable_life: Option<Duration>,
    /// When it expires.
    #[serde(with = "crate::wire_form")]
    pub expiration: Option<KerberosTime>,
    /// When its password expires.
    #[serde(with = "crate::wire_form")]
    pub password_expiration: Option<KerberosTime>,
    /// When its keys were set last.
    #[serde(with = "crate::wire_form")]
    pub last_password_change: Option<KerberosTime>,
    /// Who changed it last.
    #[serde(with = "crate::wire_form")]
    pub modified_by: Principal,
    /// When.
    #[serde(with = "crate::wire_form")]
    pub modified_at: KerberosTime,
    /// When it last signed in, up to the last flush.
    #[serde(with = "crate::wire_form")]
    pub last_success: Option<KerberosTime>,
    /// When it last failed to.
    #[serde(with = "crate::wire_form")]
    pub last_failed: Option<KerberosTime>,
    /// Failures since it last signed in.
    pub failures: u32,
    /// Locked out by wrong passwords since then.
    #[serde(with = "crate::wire_form")]
    pub locked_out_since: Option<KerberosTime>,
    /// When that ends by itself.
    #[serde(with = "crate::wire_form")]
    pub locked_out_until: Option<KerberosTime>,
    /// Its policy.
    pub policy: Option<String>,
    /// Its keys, newest first.
    pub keys: Vec<KeyView>,
    /// Services at which it may act for users.
    #[serde(with = "crate::wire_form")]
    pub delegate_to: Vec<Principal>,
    /// Services that may act for users at it.
    #[serde(with = "crate::wire_form")]
    pub delegate_from: Vec<Principal>,
    /// Its string attributes, those that hold the two lists among them.
    pub strings: Vec<(String, String)>,
    /// The record's version, for [`crate::Operation::ModifyPrincipal`].
    pub version: u64,
}

impl PrincipalView {
    pub(crate) fn new(view: EntryView) -> Self {
        let Versioned { version, value } = view.entry;
        let delegation = value.delegation();
        Self {
            keys: value.keys.iter().map(KeyView::new).collect(),
            locked_out_since: value.lockout.map(|lockout| lockout.since),
            locked_out_until: value.lockout.and_then(|lockout| lockout.until),
            principal: value.principal,
            aliases: value.aliases,
            attributes: value.attributes,
            max_life: value.max_life,
            max_renewable_life: value.max_renewable_life,
            expiration: value.expiration,
            password_expiration: value.password_expiration,
            last_password_change: value.last_password_change,
            modified_by: value.modified_by,
            modified_at: value.modified_at,
            last_success: view.activity.last_success,
            last_failed: view.activity.last_failed,
            failures: view.activity.fail_count,
            policy: value.policy,
            delegate_to: delegation.targets,
            delegate_from: delegation.fronts,
            strings: value.strings.into_iter().collect(),
            version: version.0,
        }
    }
}

impl KeyView {
    fn new(key: &StoredKey) -> Self {
        let salt = match &key.salt {
            Salt::Normal => "normal",
            Salt::NoRealm => "norealm",
            Salt::OnlyRealm => "onlyrealm",
            Salt::Special(_) => "special",
        };
        Self {
            kvno: key.kvno,
            enctype: key.enctype.number(),
            enctype_name: key.enctype.name().to_owned(),
            salt: salt.to_owned(),
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyView {
    /// Its name.
    pub name: String,
    /// Shortest life of passwords.
    #[serde(with = "crate::wire_form")]
    pub min_password_life: Duration,
    /// Longest life of passwords.
    #[serde(with = "crate::wire_form")]
    pub max_password_life: Option<Duration>,
    /// Fewest characters.
    pub min_length: u32,
    /// Fewest kinds of characters.
    pub min_classes: u32,
    /// Passwords remembered to refuse their reuse.
    pub history: u32,
    /// Wrong passwords that lock out; 0 for never.
    pub max_failures: u32,
    /// Failures further apart do not add up.
    #[serde(with = "crate::wire_form")]
    pub failure_interval: Option<Duration>,
    /// How long a lockout lasts; `None` until somebody unlocks.
    #[serde(with = "crate::wire_form")]
    pub lockout_duration: Option<Duration>,
    /// Longest life of tickets of principals created under it.
    #[serde(with = "crate::wire_form")]
    pub max_life: Option<Duration>,
    /// Longest renewable life of tickets of principals created under it.
    #[serde(with = "crate::wire_form")]
    pub max_renewable_life: Option<Duration>,
    /// Which keys may be made; `None` for any.
    #[serde(with = "crate::wire_form")]
    pub allowed_keysalts: Option<Vec<Keysalt>>,
}

impl PolicyView {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            name: policy.name,
            min_password_life: policy.password.min_life,
            max_password_life: policy.password.max_life,
            min_length: policy.password.min_length,
            min_classes: policy.password.min_classes,
            history: policy.password.history,
            max_failures: policy.lockout.max_failures,
            failure_interval: policy.lockout.failure_interval,
            lockout_duration: policy.lockout.duration,
            max_life: policy.max_life,
            max_renewable_life: policy.max_renewable_life,
            allowed_keysalts: policy.allowed_keysalts,
        }
    }
}

/// A trust as one of its realms sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustView {
    /// The other realm.
    #[serde(with = "crate::wire_form")]
    pub realm: Realm,
    /// Its users may come here.
    pub inbound: bool,
    /// Our users may go there.
    pub outbound: bool,
}

impl TrustView {
    fn new(trust: &Trust) -> Self {
        Self {
            realm: trust.realm.clone(),
            inbound: trust.inbound,
            outbound: trust.outbound,
        }
    }
}

/// A realm's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealmView {
    /// Its name.
    #[serde(with = "crate::wire_form")]
    pub realm: Realm,
    /// Longest life of tickets.
    #[serde(with = "crate::wire_form")]
    pub max_life: Duration,
    /// Longest renewable life.
    #[serde(with = "crate::wire_form")]
    pub max_renewable_life: Duration,
    /// Keys that new principals get, best first.
    #[serde(with = "crate::wire_form")]
    pub keysalts: Vec<Keysalt>,
    /// Attributes of new users.
    #[serde(with = "crate::wire_form")]
    pub user_attributes: Attributes,
    /// Policy of new principals.
    pub default_policy: Option<String>,
    /// Whether the KDC itself refuses tickets that passed through realms that it does not know.
    pub enforces_transit: bool,
    /// Whether tickets get a PAC.
    pub issues_pac: bool,
    /// Realms with which keys are shared.
    pub trusts: Vec<TrustView>,
}

impl RealmView {
    pub(crate) fn new(settings: RealmSettings) -> Self {
        Self {
            trusts: settings.trusts.iter().map(TrustView::new).collect(),
            realm: settings.name,
            max_life: settings.max_life,
            max_renewable_life: settings.max_renewable_life,
            keysalts: settings.keysalts,
            user_attributes: settings.user_attributes,
            default_policy: settings.default_policy,
            enforces_transit: settings.transit == TransitPolicy::Enforce,
            issues_pac: settings.issues_pac,
        }
    }
}

/// A key for a keytab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedKey {
    /// Its version number.
    pub kvno: u32,
    /// The number of its enctype.
    pub enctype: i32,
    /// The key.
    pub key: Secret,
}

/// What an operation answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// It is done.
    Done,
    /// A principal.
    Principal(Box<PrincipalView>),
    /// Names of principals. A long list comes in several of these.
    Principals(#[serde(with = "crate::wire_form")] Vec<Principal>),
    /// The version number of new keys.
    Kvno(u32),
    /// Keys of a principal, under its own name.
    Keys {
        /// Whose they are.
        #[serde(with = "crate::wire_form")]
        principal: Principal,
        /// The keys, newest first.
        keys: Vec<ExportedKey>,
    },
    /// How many keys were removed.
    Purged(u64),
    /// A policy.
    Policy(Box<PolicyView>),
    /// Names of policies.
    Policies(Vec<String>),
    /// A realm.
    Realm(Box<RealmView>),
    /// Names of realms.
    Realms(#[serde(with = "crate::wire_form")] Vec<Realm>),
    /// How many records were deleted with a realm.
    Deleted(u64),
    /// A trust is set up.
    TrustAdded {
        /// The principals whose keys both realms share.
        #[serde(with = "crate::wire_form")]
        principals: Vec<Principal>,
        /// The version number of their keys.
        kvno: u32,
        /// The random password that the other side needs, when it was made here.
        secret: Option<Secret>,
    },
    /// The letters of `kadm5.acl` that the caller has.
    Privileges(String),
    /// How many records a dump holds.
    Dumped(u64),
}

/// Why an operation was refused, as it crosses the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// kadm5's number.
    pub code: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

/// The transit policy as a flag that says whether it is enforced.
pub(crate) mod transit_form {
    use super::{Deserialize, Serialize, TransitPolicy};

    #[allow(clippy::ref_option, reason = "serde passes the field")]
    pub(crate) fn serialize<S: serde::Serializer>(
        policy: &Option<TransitPolicy>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        policy
            .map(|policy| policy == TransitPolicy::Enforce)
            .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<TransitPolicy>, D::Error> {
        let enforced = Option::<bool>::deserialize(deserializer)?;
        Ok(enforced.map(|enforced| match enforced {
            true => TransitPolicy::Enforce,
            false => TransitPolicy::LeaveToService,
        }))
    }
}
