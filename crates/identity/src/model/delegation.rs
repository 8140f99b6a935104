use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Extra, Id, Indexes, Kind, Model, Record, Table};

/// That one user lets another act for them on a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// Its id.
    pub id: Id,
    /// Who gives it.
    pub trustor_user_id: Id,
    /// Who uses it.
    pub trustee_user_id: Id,
    /// Where; `None` for a trust that only says who somebody acts for.
    pub project_id: Option<Id>,
    /// Whether the trustee's tokens are in the trustor's name.
    pub impersonation: bool,
    /// Its roles.
    #[serde(default)]
    pub role_ids: Vec<Id>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// How many tokens may still be had by it; `None`: any number.
    #[serde(default)]
    pub remaining_uses: Option<u32>,
    /// How often it may be passed on.
    #[serde(default)]
    pub redelegation_count: u32,
    /// The trust that it was passed on from.
    #[serde(default)]
    pub redelegated_trust_id: Option<Id>,
    /// When it was taken back.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Attributes that neither Keystone nor we know.
    #[serde(default)]
    pub extra: Extra,
}

/// A secret of a user's programs, good for some of their roles on one project.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationCredential {
    /// Its id.
    pub id: Id,
    /// Its name, the only one of it of its user.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whose it is.
    pub user_id: Id,
    /// Where it is good.
    pub project_id: Id,
    /// Its roles.
    pub role_ids: Vec<Id>,
    /// A keyed or salted digest of the secret, never the secret.
    pub secret_hash: String,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Whether tokens by it may make further ones.
    #[serde(default)]
    pub unrestricted: bool,
    /// What it may call; `None`: everything.
    #[serde(default)]
    pub access_rule_ids: Option<Vec<Id>>,
}

impl std::fmt::Debug for ApplicationCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplicationCredential")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// One call that an application credential may make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// Its id.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// The type of the service called.
    pub service: String,
    /// The path, in which `*`, `**` and `{name}` may stand.
    pub path: String,
    /// The method.
    pub method: String,
}

/// A secret that other services ask for: `ec2`, `totp`, `cert` and so on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Its id: a UUID, or the SHA-256 of an EC2 access key.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// Where it is good.
    #[serde(default)]
    pub project_id: Option<Id>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The secret itself, as the client gave it.
    pub blob: String,
    /// Attributes that neither Keystone nor we know.
    #[serde(default)]
    pub extra: Extra,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A limit that holds everywhere (`project_id` and `domain_id` are `None`) or for one project or domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its id.
    pub id: Id,
    /// The service that keeps it.
    pub service_id: Id,
    /// Where.
    #[serde(default)]
    pub region_id: Option<Id>,
    /// What is limited.
    pub resource_name: String,
    /// `default_limit` or `resource_limit`.
    pub amount: i64,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// For which project.
    #[serde(default)]
    pub project_id: Option<Id>,
    /// For which domain.
    #[serde(default)]
    pub domain_id: Option<Id>,
    /// The registered limit that it narrows; `None`: it is one.
    #[serde(default)]
    pub registered_limit_id: Option<Id>,
}

/// Which tokens no longer hold: those for which every attribute that is given is equal, and that were issued before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Revocation {
    /// Its number in the order of revocation.
    pub number: u64,
    /// One token.
    #[serde(default)]
    pub audit_id: Option<String>,
    /// A token and all that were had by it.
    #[serde(default)]
    pub audit_chain_id: Option<String>,
    /// Tokens of a user.
    #[serde(default)]
    pub user_id: Option<Id>,
    /// Tokens for a project.
    #[serde(default)]
    pub project_id: Option<Id>,
    /// Tokens for a domain, or of its users.
    #[serde(default)]
    pub domain_id: Option<Id>,
    /// Tokens with a role.
    #[serde(default)]
    pub role_id: Option<Id>,
    /// Tokens by a trust.
    #[serde(default)]
    pub trust_id: Option<Id>,
    /// Tokens by an application credential.
    #[serde(default)]
    pub application_credential_id: Option<Id>,
    /// Tokens issued at or before this moment.
    pub issued_before: Option<Timestamp>,
    /// Tokens that end at this moment.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When they were revoked.
    pub revoked_at: Option<Timestamp>,
    /// What only Keystone's own events have.
    #[serde(default)]
    pub extra: Option<Value>,
}

impl Record for Trust {
    const KIND: Kind = Kind::Trust;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.trusts
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.trusts
    }
}

impl Record for ApplicationCredential {
    const KIND: Kind = Kind::ApplicationCredential;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.application_credentials
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.application_credentials
    }

    fn enter(&self, indexes: &mut Indexes) {
        let (user, id) = (&self.user_id, &self.id);
        indexes.application_credentials_of_user.add(user, id);
    }

    fn leave(&self, indexes: &mut Indexes) {
        let (user, id) = (&self.user_id, &self.id);
        indexes.application_credentials_of_user.remove(user, id);
    }
}

impl Record for AccessRule {
    const KIND: Kind = Kind::AccessRule;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.access_rules
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.access_rules
    }
}

impl Record for Credential {
    const KIND: Kind = Kind::Credential;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.credentials
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.credentials
    }
}

impl Record for Limit {
    const KIND: Kind = Kind::Limit;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.limits
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.limits
    }
}

impl Revocation {
    /// The key under which the event of a number stands.
    #[must_use]
    pub fn key_of(number: u64) -> Id {
        Id::from(format!("{number:016x}"))
    }
}

impl Record for Revocation {
    const KIND: Kind = Kind::Revocation;

    fn key(&self) -> Id {
        Self::key_of(self.number)
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.revocations
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.revocations
    }

    fn enter(&self, indexes: &mut Indexes) {
        indexes.revocations.add(self);
    }

    fn leave(&self, indexes: &mut Indexes) {
        indexes.revocations.remove(self);
    }
}
