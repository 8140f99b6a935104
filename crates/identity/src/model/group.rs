use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Extra, Id, Indexes, Kind, Model, Record, Table};

/// Users who are given roles together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: Id,
    /// Its name, the only one of it in its domain.
    pub name: String,
    /// The domain it belongs to.
    pub domain_id: Id,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Attributes that neither Keystone nor we know.
    #[serde(default)]
    pub extra: Extra,
}

impl Record for Group {
    const KIND: Kind = Kind::Group;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.groups
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.groups
    }

    fn enter(&self, indexes: &mut Indexes) {
        let name = (self.domain_id.clone(), self.name.clone());
        indexes.groups_by_name.insert(name, self.id.clone());
    }

    fn leave(&self, indexes: &mut Indexes) {
        let name = (self.domain_id.clone(), self.name.clone());
        indexes.groups_by_name.remove(&name);
    }
}

/// That a user is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The group.
    pub group_id: Id,
    /// The user.
    pub user_id: Id,
}

impl Membership {
    /// The key under which it stands.
    #[must_use]
    pub fn key_of(group: &str, user: &str) -> Id {
        Id::from(format!("{group}/{user}"))
    }
}

impl Record for Membership {
    const KIND: Kind = Kind::Membership;

    fn key(&self) -> Id {
        Self::key_of(&self.group_id, &self.user_id)
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.memberships
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.memberships
    }

    fn enter(&self, indexes: &mut Indexes) {
        indexes.members.add(&self.group_id, &self.user_id);
        indexes.groups_of_user.add(&self.user_id, &self.group_id);
    }

    fn leave(&self, indexes: &mut Indexes) {
        indexes.members.remove(&self.group_id, &self.user_id);
        indexes.groups_of_user.remove(&self.user_id, &self.group_id);
    }
}
