use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Id, Indexes, Kind, Model, Record, Table};

/// Who is given a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// A user.
    User(Id),
    /// Everybody in a group.
    Group(Id),
}

/// Where a role is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// On a project.
    Project(Id),
    /// On a domain.
    Domain(Id),
    /// On the whole deployment.
    System,
}

/// That somebody has a role somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assignment {
    /// Who.
    pub actor: Actor,
    /// Where.
    pub target: Target,
    /// What.
    pub role_id: Id,
    /// Whether it holds on the projects below the target instead of on the target.
    pub inherited: bool,
}

impl Record for Assignment {
    const KIND: Kind = Kind::Assignment;

    fn key(&self) -> Id {
        let (actor, who) = match &self.actor {
            Actor::User(id) => ('u', id),
            Actor::Group(id) => ('g', id),
        };
        let (target, place) = match &self.target {
            Target::Project(id) => ('p', id.as_str()),
            Target::Domain(id) => ('d', id.as_str()),
            Target::System => ('s', "system"),
        };
        let inherited = if self.inherited { "/inherited" } else { "" };
        let role = &self.role_id;
        Id::from(format!("{actor}:{who}/{target}:{place}/{role}{inherited}"))
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.assignments
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.assignments
    }

    fn enter(&self, indexes: &mut Indexes) {
        indexes.assignments_of_actor.add(&self.actor, self);
        indexes.assignments_on_target.add(&self.target, self);
    }

    fn leave(&self, indexes: &mut Indexes) {
        indexes.assignments_of_actor.remove(&self.actor, self);
        indexes.assignments_on_target.remove(&self.target, self);
    }
}
