//! Who calls: what a token that holds says.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Id, Role, Target};

/// Whoever sent a request with a token that holds.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user_id: Id,
    /// Their domain.
    pub user_domain_id: Id,
    /// Where the token is good; `None`: nowhere in particular.
    pub scope: Option<Target>,
    /// For a token good on a project: the project's domain.
    pub project_domain_id: Option<Id>,
    /// What they may be there, implied roles too.
    pub roles: Vec<Arc<Role>>,
    /// How the token was earned: `password`, `token`, `kerberos` and so on.
    pub methods: Vec<String>,
    /// The token's own audit id.
    pub audit_id: String,
    /// The audit id of the token that its chain began with.
    pub audit_chain_id: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The trust by which it was had.
    pub trust: Option<TrustUsed>,
    /// The application credential by which it was had, and whether that may make others.
    pub application_credential: Option<ApplicationCredentialUsed>,
    /// The token itself, as it was shown.
    pub token: Arc<str>,
}

/// A trust as a token has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustUsed {
    /// The trust.
    pub id: Id,
    /// Who gave it.
    pub trustor_id: Id,
    /// Who uses it.
    pub trustee_id: Id,
}

/// An application credential as a token has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationCredentialUsed {
    /// The application credential.
    pub id: Id,
    /// Whether it may make others.
    pub unrestricted: bool,
}

impl Caller {
    /// Whether they have a role of this name.
    #[must_use]
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role.name == name)
    }

    /// Whether the token is good for the whole deployment.
    #[must_use]
    pub fn is_system(&self) -> bool {
        matches!(self.scope, Some(Target::System))
    }

    /// The domain that the token is good on.
    #[must_use]
    pub fn domain_id(&self) -> Option<&Id> {
        match &self.scope {
            Some(Target::Domain(id)) => Some(id),
            _ => None,
        }
    }

    /// The project that the token is good on.
    #[must_use]
    pub fn project_id(&self) -> Option<&Id> {
        match &self.scope {
            Some(Target::Project(id)) => Some(id),
            _ => None,
        }
    }
}
