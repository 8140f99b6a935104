use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Id, Many, Revocation};

/// What a revocation event names most narrowly; it is found under that alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RevocationKey {
    /// One token.
    Audit(String),
    /// A chain of tokens.
    Chain(String),
    /// Tokens by a trust.
    Trust(Id),
    /// Tokens by an application credential.
    ApplicationCredential(Id),
    /// A user's tokens.
    User(Id),
    /// Tokens for a project.
    Project(Id),
    /// Tokens for a domain or of its users.
    Domain(Id),
    /// Tokens with a role.
    Role(Id),
    /// All tokens of a time.
    Everything,
}

/// Revocation events by what they name, and in their order.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    under: Many<RevocationKey, u64>,
    numbers: Arc<BTreeSet<u64>>,
}

impl RevocationKey {
    /// Where an event is found.
    #[must_use]
    pub fn of(event: &Revocation) -> Self {
        let text = |id: &Option<String>, key: fn(String) -> Self| id.clone().map(key);
        let id = |id: &Option<Id>, key: fn(Id) -> Self| id.clone().map(key);
        text(&event.audit_id, Self::Audit)
            .or_else(|| text(&event.audit_chain_id, Self::Chain))
            .or_else(|| id(&event.trust_id, Self::Trust))
            .or_else(|| {
                id(
                    &event.application_credential_id,
                    Self::ApplicationCredential,
                )
            })
            .or_else(|| id(&event.user_id, Self::User))
            .or_else(|| id(&event.project_id, Self::Project))
            .or_else(|| id(&event.domain_id, Self::Domain))
            .or_else(|| id(&event.role_id, Self::Role))
            .unwrap_or(Self::Everything)
    }
}

impl Revocations {
    /// The numbers of the events that name this most narrowly.
    pub fn under(&self, key: &RevocationKey) -> impl Iterator<Item = &u64> + Clone {
        self.under.of(key)
    }

    /// The oldest event's number.
    #[must_use]
    pub fn first_number(&self) -> Option<u64> {
        self.numbers.first().copied()
    }

    /// The newest event's number; 0 when there is none.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.numbers.last().copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, event: &Revocation) {
        self.under.add(&RevocationKey::of(event), &event.number);
        Arc::make_mut(&mut self.numbers).insert(event.number);
    }

    pub(super) fn remove(&mut self, event: &Revocation) {
        self.under.remove(&RevocationKey::of(event), &event.number);
        Arc::make_mut(&mut self.numbers).remove(&event.number);
    }
}
