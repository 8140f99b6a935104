use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Extra, Id, Indexes, Kind, Model, Record, Table};

/// Somebody. Who they are is proved by Kerberos; there is no password here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: Id,
    /// Its name, the only one of it in its domain.
    pub name: String,
    /// The domain it belongs to.
    pub domain_id: Id,
    /// Whether it may sign in.
    pub enabled: bool,
    /// The principal whose proofs are this user's; `None` where the realm's mapping says it from name and domain.
    #[serde(default)]
    pub principal: Option<String>,
    /// The project that a token without a named scope is for.
    #[serde(default)]
    pub default_project_id: Option<Id>,
    /// Keystone's resource options.
    #[serde(default)]
    pub options: Extra,
    /// `email`, `description` and attributes that nobody knows.
    #[serde(default)]
    pub extra: Extra,
}

impl Record for User {
    const KIND: Kind = Kind::User;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.users
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.users
    }

    fn enter(&self, indexes: &mut Indexes) {
        let name = (self.domain_id.clone(), self.name.clone());
        indexes.users_by_name.insert(name, self.id.clone());
        if let Some(principal) = &self.principal {
            let principal = principal.clone();
            indexes
                .users_by_principal
                .insert(principal, self.id.clone());
        }
    }

    fn leave(&self, indexes: &mut Indexes) {
        let name = (self.domain_id.clone(), self.name.clone());
        indexes.users_by_name.remove(&name);
        if let Some(principal) = &self.principal {
            indexes.users_by_principal.remove(principal);
        }
    }
}
