use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Extra, Id, Indexes, Kind, Model, Record, Table};

/// What somebody may be, somewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: Id,
    /// Its name, the only one of it in its domain or among roles without one.
    pub name: String,
    /// The domain whose administrators made it; such a role is never in a token, but what it implies is.
    #[serde(default)]
    pub domain_id: Option<Id>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Keystone's resource options: `immutable`.
    #[serde(default)]
    pub options: Extra,
    /// Attributes that neither Keystone nor we know.
    #[serde(default)]
    pub extra: Extra,
}

impl Record for Role {
    const KIND: Kind = Kind::Role;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.roles
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.roles
    }

    fn enter(&self, indexes: &mut Indexes) {
        let name = (self.domain_id.clone(), self.name.clone());
        indexes.roles_by_name.insert(name, self.id.clone());
    }

    fn leave(&self, indexes: &mut Indexes) {
        let name = (self.domain_id.clone(), self.name.clone());
        indexes.roles_by_name.remove(&name);
    }
}

/// That who has one role has another too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implication {
    /// The role that is had.
    pub prior_role_id: Id,
    /// The role that follows.
    pub implied_role_id: Id,
}

impl Implication {
    /// The key under which it stands.
    #[must_use]
    pub fn key_of(prior: &str, implied: &str) -> Id {
        Id::from(format!("{prior}/{implied}"))
    }
}

impl Record for Implication {
    const KIND: Kind = Kind::Implication;

    fn key(&self) -> Id {
        Self::key_of(&self.prior_role_id, &self.implied_role_id)
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.implications
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.implications
    }

    fn enter(&self, indexes: &mut Indexes) {
        let (prior, implied) = (&self.prior_role_id, &self.implied_role_id);
        indexes.implied.add(prior, implied);
    }

    fn leave(&self, indexes: &mut Indexes) {
        let (prior, implied) = (&self.prior_role_id, &self.implied_role_id);
        indexes.implied.remove(prior, implied);
    }
}
