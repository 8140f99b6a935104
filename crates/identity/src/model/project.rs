use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Extra, Id, Indexes, Kind, Model, Record, Table};
use std::sync::Arc;

/// A project, or a domain: Keystone keeps domains as projects that act as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its id; for a domain the domain's.
    pub id: Id,
    /// Its name, the only one of it in its domain (a domain's: among domains).
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The domain it belongs to; `None` for a domain.
    pub domain_id: Option<Id>,
    /// The project or domain above it; `None` for a domain.
    pub parent_id: Option<Id>,
    /// Whether it is a domain.
    #[serde(default)]
    pub is_domain: bool,
    /// Whether it can be used.
    pub enabled: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Keystone's resource options: `immutable`.
    #[serde(default)]
    pub options: Extra,
    /// Attributes that neither Keystone nor we know.
    #[serde(default)]
    pub extra: Extra,
}

impl Record for Project {
    const KIND: Kind = Kind::Project;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.projects
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.projects
    }

    fn enter(&self, indexes: &mut Indexes) {
        let domain = self.domain_id.clone();
        indexes
            .projects_by_name
            .insert((domain, self.name.clone()), self.id.clone());
        if let Some(parent) = &self.parent_id {
            indexes.children.add(parent, &self.id);
        }
    }

    fn leave(&self, indexes: &mut Indexes) {
        let domain = self.domain_id.clone();
        indexes
            .projects_by_name
            .remove(&(domain, self.name.clone()));
        if let Some(parent) = &self.parent_id {
            indexes.children.remove(parent, &self.id);
        }
    }
}
