use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::collection;
use super::{projects, users};
use crate::model::{Actor, Group, Id, Model, Project, Role, Shown, Target, User, Wanted};
use crate::policy::{Action, Fact, Facts};
use crate::service::Service;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/v3/role_assignments", get(list))
}

async fn list(call: Call) -> Answer {
    let with_subtree = call.flag("include_subtree");
    let domain = call.caller.domain_id().cloned();
    let wanted = wanted(&call, with_subtree);
    if with_subtree {
        if let Some(project) = &wanted.project {
            projects::find(&call.model, project)?;
        }
        call.enforce(Action::ListRoleAssignmentsForTree, &Facts::none())?;
        if wanted.project.is_none() {
            return Err(ApiError::bad_request(
                "scope.project.id must be specified if include_subtree is also specified",
            ));
        }
    } else {
        let facts = Facts::none().with_any(Fact::ListDomain, domain.as_ref());
        call.enforce(Action::ListRoleAssignments, &facts)?;
    }
    check(&call, &wanted)?;
    let found = find(&call, &wanted)?;
    let ours = domain.filter(|_| !with_subtree);
    let meant = found.iter().filter(|one| {
        ours.as_ref()
            .is_none_or(|domain| is_of(&call.model, one, domain))
    });
    let with_names = call.flag("include_names");
    let shown = meant.map(|one| render(&call, one, with_names)).collect();
    Ok(collection(&call, "role_assignments", shown))
}

fn wanted(call: &Call, with_subtree: bool) -> Wanted {
    let id = |name| call.query(name).filter(|id| !id.is_empty()).map(Id::from);
    Wanted {
        user: id("user.id"),
        group: id("group.id"),
        role: id("role.id"),
        project: id("scope.project.id"),
        with_subtree,
        domain: id("scope.domain.id"),
        system: call.query("scope.system") == Some("all"),
        inherited: call
            .query("scope.OS-INHERIT:inherited_to")
            .map(|to| to == "projects"),
    }
}

fn check(call: &Call, wanted: &Wanted) -> Result<(), ApiError> {
    let system = call
        .query("scope.system")
        .is_some_and(|text| !text.is_empty());
    let words = if wanted.domain.is_some() && wanted.project.is_some() {
        "Specify a domain or project, not both"
    } else if wanted.domain.is_some() && system {
        "Specify system or domain, not both"
    } else if wanted.project.is_some() && system {
        "Specify system or project, not both"
    } else if wanted.user.is_some() && wanted.group.is_some() {
        "Specify a user or group, not both"
    } else if call.flag("effective") && wanted.group.is_some() {
        "Combining effective and group filter will always result in an empty list."
    } else if call.flag("effective") && wanted.domain.is_some() && wanted.inherited == Some(true) {
        "Combining effective, domain and inherited filters will always result in an empty list."
    } else {
        return Ok(());
    };
    Err(ApiError::bad_request(words))
}

fn find(call: &Call, wanted: &Wanted) -> Result<Vec<Shown>, ApiError> {
    if !call.flag("effective") {
        return Ok(call.model.assignments_given(wanted));
    }
    if let Some(project) = wanted
        .project
        .as_ref()
        .filter(|_| wanted.inherited != Some(false))
    {
        projects::find(&call.model, project)?;
    }
    if let Some(user) = &wanted.user {
        users::find(&call.model, user)?;
    }
    Ok(call.model.assignments_working(wanted))
}

fn is_of(model: &Model, one: &Shown, domain: &Id) -> bool {
    match &one.target {
        Target::Domain(id) => id == domain,
        Target::Project(id) => model
            .get::<Project>(id)
            .is_some_and(|project| project.domain_id.as_ref() == Some(domain)),
        Target::System => false,
    }
}

fn render(call: &Call, one: &Shown, with_names: bool) -> Value {
    let model = &call.model;
    let mut shown = Map::new();
    shown.insert("links".to_owned(), links(call, one));
    let mut scope = scope(model, &one.target, with_names);
    if one.inherited || one.from.is_some() {
        scope.insert("OS-INHERIT:inherited_to".to_owned(), json!("projects"));
    }
    shown.insert("scope".to_owned(), Value::Object(scope));
    match &one.actor {
        Actor::User(id) => {
            let user = model.get::<User>(id);
            let named = user.map(|user| (user.name.as_str(), &user.domain_id));
            shown.insert("user".to_owned(), owned(model, id, named, with_names));
        }
        Actor::Group(id) => {
            let group = model.get::<Group>(id);
            let named = group.map(|group| (group.name.as_str(), &group.domain_id));
            shown.insert("group".to_owned(), owned(model, id, named, with_names));
        }
    }
    shown.insert("role".to_owned(), role(model, &one.role_id, with_names));
    Value::Object(shown)
}

fn scope(model: &Model, target: &Target, with_names: bool) -> Map<String, Value> {
    let (kind, value) = match target {
        Target::Project(id) => {
            let project = model.get::<Project>(id);
            let named = project
                .and_then(|project| Some((project.name.as_str(), project.domain_id.as_ref()?)));
            ("project", owned(model, id, named, with_names))
        }
        Target::Domain(id) if with_names => ("domain", named_domain(model, id)),
        Target::Domain(id) => ("domain", json!({ "id": id })),
        Target::System => ("system", json!({ "all": true })),
    };
    Map::from_iter([(kind.to_owned(), value)])
}

/// Something that is in a domain, with its name and the domain's when they are wanted.
fn owned(model: &Model, id: &Id, named: Option<(&str, &Id)>, with_names: bool) -> Value {
    match named {
        Some((name, domain)) if with_names => {
            json!({ "id": id, "name": name, "domain": named_domain(model, domain) })
        }
        _ => json!({ "id": id }),
    }
}

fn named_domain(model: &Model, id: &Id) -> Value {
    let name = model.domain(id).map_or("", |domain| domain.name.as_str());
    json!({ "id": id, "name": name })
}

fn role(model: &Model, id: &Id, with_names: bool) -> Value {
    match model.get::<Role>(id).filter(|_| with_names) {
        None => json!({ "id": id }),
        Some(role) => match &role.domain_id {
            None => json!({ "id": id, "name": role.name }),
            Some(domain) => {
                json!({ "id": id, "name": role.name, "domain": named_domain(model, domain) })
            }
        },
    }
}

/// The call that made the assignment, that put the user into the group, and that made the role imply another.
fn links(call: &Call, one: &Shown) -> Value {
    let mut links = Map::new();
    let place = match one.from.as_ref().unwrap_or(&one.target) {
        Target::Project(id) => format!("/projects/{id}"),
        Target::Domain(id) => format!("/domains/{id}"),
        Target::System => "/system".to_owned(),
    };
    let (Actor::User(actor) | Actor::Group(actor)) = &one.actor;
    let who = match (&one.by_group, &one.actor) {
        (Some(group), _) => format!("/groups/{group}"),
        (None, Actor::User(_)) => format!("/users/{actor}"),
        (None, Actor::Group(_)) => format!("/groups/{actor}"),
    };
    let given = one.by_role.as_ref().unwrap_or(&one.role_id);
    let path = format!("{place}{who}/roles/{given}");
    let path = if one.inherited || one.from.is_some() {
        format!("/OS-INHERIT{path}/inherited_to_projects")
    } else {
        path
    };
    links.insert("assignment".to_owned(), json!(call.site.url(&path)));
    if let Some(group) = &one.by_group {
        let url = call.site.url(&format!("/groups/{group}/users/{actor}"));
        links.insert("membership".to_owned(), json!(url));
    }
    if let Some(prior) = &one.by_role {
        let path = format!("/prior_role/{}/implies/{prior}", one.role_id);
        links.insert("prior_role".to_owned(), json!(call.site.url(&path)));
    }
    Value::Object(links)
}
