use serde_json::Value;

use crate::model::{
    Actor, Assignment, Group, Id, Implication, Membership, Model, Project, Role, Target, User,
};

/// `{"role": {..}, "user": {..}, "scope": {"project": {..}}}` and its like.
pub(super) fn assignment(value: &Value) -> Option<Assignment> {
    let scope = value.get("scope")?;
    let actor = match (id(value, "user"), id(value, "group")) {
        (Some(user), _) => Actor::User(user),
        (None, Some(group)) => Actor::Group(group),
        (None, None) => return None,
    };
    let target = match (id(scope, "project"), id(scope, "domain")) {
        (Some(project), _) => Target::Project(project),
        (None, Some(domain)) => Target::Domain(domain),
        (None, None) => scope.get("system").map(|_| Target::System)?,
    };
    Some(Assignment {
        actor,
        target,
        role_id: id(value, "role")?,
        inherited: scope.get("OS-INHERIT:inherited_to").is_some(),
    })
}

/// `{"prior_role": {..}, "implies": [{..}]}`
pub(super) fn implications(value: &Value) -> Vec<Implication> {
    let implied = value.get("implies").and_then(Value::as_array);
    let implied = implied.into_iter().flatten();
    let pair = |implied: &Value| {
        Some(Implication {
            prior_role_id: id(value, "prior_role")?,
            implied_role_id: implied.get("id")?.as_str()?.into(),
        })
    };
    implied.filter_map(pair).collect()
}

pub(super) fn membership_holds(model: &Model, membership: &Membership) -> bool {
    model.get::<Group>(&membership.group_id).is_some()
        && model.get::<User>(&membership.user_id).is_some()
}

pub(super) fn implication_holds(model: &Model, implication: &Implication) -> bool {
    let there = |id: &Id| model.get::<Role>(id).is_some();
    there(&implication.prior_role_id) && there(&implication.implied_role_id)
}

pub(super) fn assignment_holds(model: &Model, assignment: &Assignment) -> bool {
    let actor = match &assignment.actor {
        Actor::User(id) => model.get::<User>(id).is_some(),
        Actor::Group(id) => model.get::<Group>(id).is_some(),
    };
    let target = match &assignment.target {
        Target::Project(id) | Target::Domain(id) => model.get::<Project>(id).is_some(),
        Target::System => true,
    };
    actor && target && model.get::<Role>(&assignment.role_id).is_some()
}

fn id(value: &Value, name: &str) -> Option<Id> {
    value.get(name)?.get("id")?.as_str().map(Id::from)
}
