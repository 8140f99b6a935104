//! What the service knows: domains, projects, users, groups, roles and who has which where.
//!
//! A [`Model`] is plain data in memory. Copies share what neither has changed ([`Table`]), so that a change is made on a
//! copy while others read the old one.

mod assignment;
mod catalog;
mod delegation;
mod group;
mod id;
mod indexes;
mod project;
mod record;
mod revocations;
mod role;
mod roles_held;
mod roles_shown;
mod table;
mod user;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use assignment::{Actor, Assignment, Target};
pub use catalog::{CatalogService, Endpoint, Interface, Region};
pub use delegation::{AccessRule, ApplicationCredential, Credential, Limit, Revocation, Trust};
pub use group::{Group, Membership};
pub use id::Id;
pub use indexes::{Indexes, Many};
pub use project::Project;
pub use record::{Kind, Record};
pub use revocations::{RevocationKey, Revocations};
pub use role::{Implication, Role};
pub use roles_shown::{Shown, Wanted};
pub use table::Table;
pub use user::User;

/// Attributes that are kept as they came.
pub type Extra = Map<String, Value>;

/// The domain that is there from the beginning.
pub const DEFAULT_DOMAIN: &str = "default";

/// Everything that the service knows at one moment.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Grows with every change: what was computed from a model of the same generation still holds.
    pub generation: u64,
    pub(crate) projects: Table<Id, Arc<Project>>,
    pub(crate) users: Table<Id, Arc<User>>,
    pub(crate) groups: Table<Id, Arc<Group>>,
    pub(crate) memberships: Table<Id, Arc<Membership>>,
    pub(crate) roles: Table<Id, Arc<Role>>,
    pub(crate) implications: Table<Id, Arc<Implication>>,
    pub(crate) assignments: Table<Id, Arc<Assignment>>,
    pub(crate) regions: Table<Id, Arc<Region>>,
    pub(crate) services: Table<Id, Arc<CatalogService>>,
    pub(crate) endpoints: Table<Id, Arc<Endpoint>>,
    pub(crate) trusts: Table<Id, Arc<Trust>>,
    pub(crate) application_credentials: Table<Id, Arc<ApplicationCredential>>,
    pub(crate) access_rules: Table<Id, Arc<AccessRule>>,
    pub(crate) credentials: Table<Id, Arc<Credential>>,
    pub(crate) limits: Table<Id, Arc<Limit>>,
    pub(crate) revocations: Table<Id, Arc<Revocation>>,
    indexes: Indexes,
}

impl Model {
    /// What stands under a key: `model.get::<User>("...")`.
    #[must_use]
    pub fn get<R: Record>(&self, key: &str) -> Option<&Arc<R>> {
        R::table(self).get(key)
    }

    /// Everything of a kind, sorted by key.
    #[must_use]
    pub fn all<R: Record>(&self) -> Vec<&Arc<R>> {
        let mut entries: Vec<_> = R::table(self).iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries.into_iter().map(|(_, record)| record).collect()
    }

    /// Ways to find things other than by id.
    #[must_use]
    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// A domain.
    #[must_use]
    pub fn domain(&self, id: &str) -> Option<&Arc<Project>> {
        self.projects.get(id).filter(|project| project.is_domain)
    }

    /// A domain by its name.
    #[must_use]
    pub fn domain_by_name(&self, name: &str) -> Option<&Arc<Project>> {
        let id = self
            .indexes
            .projects_by_name
            .get(&(None, name.to_owned()))?;
        self.projects.get(id)
    }

    /// A project that is not a domain, by its domain's id and its name.
    #[must_use]
    pub fn project_by_name(&self, domain: &Id, name: &str) -> Option<&Arc<Project>> {
        let key = (Some(domain.clone()), name.to_owned());
        let id = self.indexes.projects_by_name.get(&key)?;
        self.projects.get(id)
    }

    /// A user by their domain's id and their name.
    #[must_use]
    pub fn user_by_name(&self, domain: &Id, name: &str) -> Option<&Arc<User>> {
        let key = (domain.clone(), name.to_owned());
        let id = self.indexes.users_by_name.get(&key)?;
        self.users.get(id)
    }

    /// The user with whom a principal is written.
    #[must_use]
    pub fn user_by_principal(&self, principal: &str) -> Option<&Arc<User>> {
        let id = self.indexes.users_by_principal.get(principal)?;
        self.users.get(id)
    }

    /// A group by its domain's id and its name.
    #[must_use]
    pub fn group_by_name(&self, domain: &Id, name: &str) -> Option<&Arc<Group>> {
        let key = (domain.clone(), name.to_owned());
        let id = self.indexes.groups_by_name.get(&key)?;
        self.groups.get(id)
    }

    /// A role by its name; `domain` for the roles of one domain.
    #[must_use]
    pub fn role_by_name(&self, domain: Option<&Id>, name: &str) -> Option<&Arc<Role>> {
        let key = (domain.cloned(), name.to_owned());
        let id = self.indexes.roles_by_name.get(&key)?;
        self.roles.get(id)
    }

    /// Puts a record in the place of the one with its key.
    pub(crate) fn put<R: Record>(&mut self, record: Arc<R>) {
        let key = record.key();
        if let Some(before) = R::table(self).get(&key).cloned() {
            before.leave(&mut self.indexes);
        }
        record.enter(&mut self.indexes);
        R::table_mut(self).insert(key, record);
    }

    /// Takes a record out.
    pub(crate) fn remove<R: Record>(&mut self, key: &str) -> Option<Arc<R>> {
        let before = R::table_mut(self).remove(key)?;
        before.leave(&mut self.indexes);
        Some(before)
    }
}
