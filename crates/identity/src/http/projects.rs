use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{
    check_mutable, check_removable, keep_domain, keep_id, normalized, take_domain, take_flag,
    take_id, take_options, take_text,
};
use super::call::{Answer, Call, Revoker};
use super::domains::{self, object_or_empty};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection, is_true};
use super::schema::{Field, Form, IMMUTABLE, for_create, for_update};
use super::site::Site;
use crate::directory::Change;
use crate::model::{Extra, Id, Model, Project, Target};
use crate::policy::{Action, Fact, Facts};
use crate::service::{Revoked, Service};

const FIELDS: &[Field] = &[
    ("description", Form::TextOrNull),
    ("domain_id", Form::IdOrNull),
    ("enabled", Form::Flag),
    ("is_domain", Form::Flag),
    ("parent_id", Form::IdOrNull),
    ("name", Form::Name(64)),
    ("tags", Form::Tags),
    ("options", Form::Options(IMMUTABLE)),
];

/// The name that Keystone keeps for the domain of federated users.
const FEDERATED: &str = "federated";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/projects", get(list).post(create))
        .route(
            "/v3/projects/{project_id}",
            get(show).patch(change).delete(remove),
        )
}

/// A project as the API shows it.
pub(super) fn render(project: &Project, site: &Site) -> Map<String, Value> {
    let mut shown = project.extra.clone();
    shown.insert("id".to_owned(), json!(project.id));
    shown.insert("name".to_owned(), json!(project.name));
    shown.insert("domain_id".to_owned(), json!(project.domain_id));
    shown.insert("description".to_owned(), json!(project.description));
    shown.insert("enabled".to_owned(), json!(project.enabled));
    shown.insert("parent_id".to_owned(), json!(project.parent_id));
    shown.insert("is_domain".to_owned(), json!(project.is_domain));
    shown.insert("tags".to_owned(), json!(project.tags));
    shown.insert("options".to_owned(), Value::Object(project.options.clone()));
    let url = site.url(&format!("/projects/{}", project.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    shown
}

/// A project that must be there.
pub(super) fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<Project>, ApiError> {
    let project = model.get::<Project>(id);
    project.ok_or_else(|| ApiError::no_such("project", id))
}

/// What a policy may ask about the project in the path.
pub(super) fn facts(call: &Call) -> Facts {
    let Some(project) = call.model.get::<Project>(call.path("project_id")) else {
        return Facts::none();
    };
    Facts::none()
        .with(Fact::Project, project.id.clone())
        .with_any(Fact::ProjectDomain, project.domain_id.as_ref())
}

async fn list(call: Call) -> Answer {
    let domain = call.caller.domain_id();
    call.enforce(
        Action::ListProjects,
        &Facts::none().with_any(Fact::ListDomain, domain),
    )?;
    let names = ["domain_id", "enabled", "name", "parent_id", "is_domain"];
    let filters = Filters::of(&call, &names);
    let tags = TagFilters::of(&call);
    let domains_too = call.query("is_domain").is_some_and(is_true);
    let all = call.model.all::<Project>();
    let meant = all.into_iter().filter(|project| {
        let is_asked = project.is_domain == domains_too;
        let is_ours = domain.is_none() || project.domain_id.as_ref() == domain;
        is_asked
            && is_ours
            && tags.pass(&project.tags)
            && filters.pass(|name| attribute(project, name))
    });
    let shown = meant.map(|project| Value::Object(render(project, &call.site)));
    Ok(collection(&call, "projects", shown.collect()))
}

/// An attribute of a project as filters see it.
pub(super) fn attribute<'a>(project: &'a Project, name: &str) -> Attribute<'a> {
    match name {
        "domain_id" => project
            .domain_id
            .as_deref()
            .map_or(Attribute::Nothing, Attribute::Text),
        "parent_id" => project
            .parent_id
            .as_deref()
            .map_or(Attribute::Nothing, Attribute::Text),
        "enabled" => Attribute::Flag(project.enabled),
        "is_domain" => Attribute::Flag(project.is_domain),
        _ => Attribute::Text(&project.name),
    }
}

/// `tags`, `tags-any`, `not-tags` and `not-tags-any`.
struct TagFilters<'a> {
    all: Vec<&'a str>,
    any: Vec<&'a str>,
    not_all: Vec<&'a str>,
    not_any: Vec<&'a str>,
}

impl<'a> TagFilters<'a> {
    fn of(call: &'a Call) -> Self {
        let tags = |name| {
            let given = call.query(name).unwrap_or_default();
            given.split(',').filter(|tag| !tag.is_empty()).collect()
        };
        Self {
            all: tags("tags"),
            any: tags("tags-any"),
            not_all: tags("not-tags"),
            not_any: tags("not-tags-any"),
        }
    }

    fn pass(&self, tags: &BTreeSet<String>) -> bool {
        let has = |tag: &&str| tags.contains(*tag);
        self.all.iter().all(has)
            && (self.any.is_empty() || self.any.iter().any(has))
            && (self.not_all.is_empty() || !self.not_all.iter().all(has))
            && !self.not_any.iter().any(has)
    }
}

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetProject, &facts(&call))?;
    let project = find(&call.model, call.path("project_id"))?;
    let mut shown = render(project, &call.site);
    show_parents(&call, project, &mut shown)?;
    show_subtree(&call, project, &mut shown)?;
    Ok(ok(&json!({ "project": shown })))
}

fn show_parents(
    call: &Call,
    project: &Project,
    shown: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    match (call.flag("parents_as_list"), call.flag("parents_as_ids")) {
        (true, true) => Err(both("parents_as_list", "parents_as_ids")),
        (true, false) => {
            let parents = call.model.parents(&project.id);
            shown.insert("parents".to_owned(), members(call, parents));
            Ok(())
        }
        (false, true) => {
            let parents: Vec<&Arc<Project>> = call.model.parents(&project.id).collect();
            let nested = parents.iter().rev().fold(
                Value::Null,
                |above, parent| json!({ parent.id.as_str(): above }),
            );
            shown.insert("parents".to_owned(), nested);
            Ok(())
        }
        (false, false) => Ok(()),
    }
}

fn show_subtree(
    call: &Call,
    project: &Project,
    shown: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    match (call.flag("subtree_as_list"), call.flag("subtree_as_ids")) {
        (true, true) => Err(both("subtree_as_list", "subtree_as_ids")),
        (true, false) => {
            let below = call.model.subtree(&project.id);
            shown.insert("subtree".to_owned(), members(call, below.into_iter()));
            Ok(())
        }
        (false, true) => {
            shown.insert("subtree".to_owned(), nested(&call.model, &project.id, 0));
            Ok(())
        }
        (false, false) => Ok(()),
    }
}

fn both(one: &str, other: &str) -> ApiError {
    ApiError::bad_request(format!(
        "Cannot use {one} and {other} query params at the same time."
    ))
}

/// Those of the projects on which the caller has a role.
fn members<'a>(call: &Call, projects: impl Iterator<Item = &'a Arc<Project>>) -> Value {
    let user = &call.caller.user_id;
    let known = projects.filter(|project| {
        let target = Target::Project(project.id.clone());
        !call.model.roles_held(user, &target).is_empty()
    });
    known
        .map(|project| json!({ "project": render(project, &call.site) }))
        .collect()
}

fn nested(model: &Model, id: &str, depth: usize) -> Value {
    let mut below = Map::new();
    if depth < 64 {
        for child in model.indexes().children.of(id) {
            below.insert(
                child.to_string(),
                nested(model, child, depth.saturating_add(1)),
            );
        }
    }
    if below.is_empty() {
        Value::Null
    } else {
        Value::Object(below)
    }
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateProject, &Facts::none())?;
    let attributes = for_create(object_or_empty(&call, "project"), FIELDS, &["name"])?;
    let mut attributes = normalized(attributes);
    attributes.remove("id");
    let id = Id::random();
    let is_domain = attributes.get("is_domain") == Some(&Value::Bool(true));
    let project = if is_domain {
        let parent = take_id(&mut attributes, "parent_id");
        let domain = take_id(&mut attributes, "domain_id");
        if parent.or(domain).is_some() {
            let words = "only root projects are allowed to act as domains.";
            return Err(ApiError::bad_request(words));
        }
        call.change(move |change| make_domain(change, id, attributes))
            .await?
    } else {
        let domain = take_domain(&mut attributes, &call);
        let deepest = call.service.settings.deepest_project_tree;
        call.change(move |change| make(change, id, domain, attributes, deepest))
            .await?
    };
    Ok(created(&json!({ "project": render(&project, &call.site) })))
}

/// Makes a domain.
pub(super) fn make_domain(
    change: &mut Change,
    id: Id,
    attributes: Map<String, Value>,
) -> Result<Arc<Project>, ApiError> {
    let mut project = read(id, attributes);
    project.is_domain = true;
    if project.name.to_lowercase() == FEDERATED {
        let words = format!("Domain cannot be named {}", project.name);
        return Err(ApiError::bad_request(words));
    }
    if change.domain_by_name(&project.name).is_some()
        || change.get::<Project>(&project.id).is_some()
    {
        return Err(domain_conflict(&project.name));
    }
    Ok(change.put(project))
}

fn make(
    change: &mut Change,
    id: Id,
    domain: Id,
    mut attributes: Map<String, Value>,
    deepest: usize,
) -> Result<Arc<Project>, ApiError> {
    let parent = take_id(&mut attributes, "parent_id").unwrap_or_else(|| domain.clone());
    let mut project = read(id, attributes);
    if change.domain(&domain).is_none() {
        let words = format!("Could not find domain: {domain}.");
        return Err(ApiError::bad_request(words));
    }
    check_parent(change, &domain, &parent)?;
    check_branch(change, &parent, deepest)?;
    if change.project_by_name(&domain, &project.name).is_some() {
        return Err(conflict(&project.name, &project.id));
    }
    project.domain_id = Some(domain);
    project.parent_id = Some(parent);
    Ok(change.put(project))
}

/// What the attributes say of a project or a domain, without its place.
fn read(id: Id, mut attributes: Map<String, Value>) -> Project {
    let name = take_text(&mut attributes, "name").unwrap_or_default();
    attributes.remove("is_domain");
    Project {
        id,
        name: name.trim().to_owned(),
        description: take_description(&mut attributes).unwrap_or_else(|| Some(String::new())),
        domain_id: None,
        parent_id: None,
        is_domain: false,
        enabled: take_flag(&mut attributes, "enabled").unwrap_or(true),
        tags: take_tags(&mut attributes).unwrap_or_default(),
        options: take_options(&mut attributes, &Extra::new()),
        extra: attributes,
    }
}

/// `None`: it is not said; null is a description of its own.
pub(super) fn take_description(attributes: &mut Map<String, Value>) -> Option<Option<String>> {
    let given = attributes.contains_key("description");
    let text = take_text(attributes, "description");
    given.then_some(text)
}

fn take_tags(attributes: &mut Map<String, Value>) -> Option<BTreeSet<String>> {
    let tags = attributes.remove("tags")?;
    let tags = tags.as_array()?.iter().filter_map(Value::as_str);
    Some(tags.map(str::to_owned).collect())
}

fn check_parent(model: &Model, domain: &Id, parent: &Id) -> Result<(), ApiError> {
    let Some(parent) = model.get::<Project>(parent) else {
        let words = format!("Could not find project: {parent}.");
        return Err(ApiError::bad_request(words));
    };
    let id = &parent.id;
    if parent.is_domain && id != domain {
        return Err(ApiError::bad_request(format!(
            "Cannot create project, the parent ({id}) is acting as a domain, but this project's domain id ({domain}) \
             does not match the parent's id."
        )));
    }
    match &parent.domain_id {
        Some(other) if other != domain => Err(ApiError::bad_request(format!(
            "Cannot create project, since it specifies its domain_id {domain}, but specifies a parent in a different \
             domain ({other})."
        ))),
        _ => Ok(()),
    }
}

/// A project may stand below enabled ones alone, and not too deep.
fn check_branch(model: &Model, parent: &Id, deepest: usize) -> Result<(), ApiError> {
    let own = model.get::<Project>(parent).into_iter();
    let branch: Vec<&Arc<Project>> = own.chain(model.parents(parent)).collect();
    if let Some(disabled) = branch.iter().find(|project| !project.enabled) {
        return Err(ApiError::bad_request(format!(
            "cannot create a project in a branch containing a disabled project: {}",
            disabled.id
        )));
    }
    if branch.len() > deepest {
        return Err(ApiError::forbidden(format!(
            "Max hierarchy depth reached for {parent} branch."
        )));
    }
    Ok(())
}

fn conflict(name: &str, id: &str) -> ApiError {
    ApiError::conflict(
        "project",
        &format!(
            "it is not permitted to have two projects with either the same name or same id in the same domain: name is \
             {name}, project id {id}"
        ),
    )
}

fn domain_conflict(name: &str) -> ApiError {
    let words = format!(
        "it is not permitted to have two projects acting as domains with the same name: {name}"
    );
    ApiError::conflict("project", &words)
}

async fn change(call: Call) -> Answer {
    call.enforce(Action::UpdateProject, &facts(&call))?;
    let mut attributes = for_update(object_or_empty(&call, "project"), FIELDS)?;
    let id = Id::from(call.path("project_id"));
    keep_id(&mut attributes, &id)?;
    let revoker = call.revoker();
    let project = call
        .change(move |change| update(change, &id, attributes, &revoker))
        .await?;
    let mut shown = render(&project, &call.site);
    shown.insert("extra".to_owned(), Value::Object(project.extra.clone()));
    Ok(ok(&json!({ "project": shown })))
}

/// Changes a project or a domain.
pub(super) fn update(
    change: &mut Change,
    id: &Id,
    mut attributes: Map<String, Value>,
    revoker: &Revoker,
) -> Result<Arc<Project>, ApiError> {
    let before = Arc::clone(find(change, id)?);
    let kind = if before.is_domain {
        "domain"
    } else {
        "project"
    };
    keep_domain(&mut attributes, before.domain_id.as_ref())?;
    check_mutable(kind, id, &before.options, &attributes)?;
    keep_place(&mut attributes, &before)?;
    let after = read_update(&before, attributes);
    check_state(change, &before, &after)?;
    check_name(change, &before, &after)?;
    if before.enabled && !after.enabled {
        let target = if before.is_domain {
            Target::Domain
        } else {
            Target::Project
        };
        revoker.revoke(change, &Revoked::At(target(id.clone())));
    }
    Ok(change.put(after))
}

fn keep_place(attributes: &mut Map<String, Value>, before: &Project) -> Result<(), ApiError> {
    let parent = attributes.remove("parent_id");
    if parent.is_some_and(|given| given.as_str() != before.parent_id.as_deref()) {
        return Err(ApiError::forbidden("Update of `parent_id` is not allowed."));
    }
    let is_domain = take_flag(attributes, "is_domain");
    if is_domain.is_some_and(|given| given != before.is_domain) {
        return Err(ApiError::bad_request(
            "Update of `is_domain` is not allowed.",
        ));
    }
    Ok(())
}

fn read_update(before: &Project, mut attributes: Map<String, Value>) -> Project {
    let name = take_text(&mut attributes, "name");
    let description = take_description(&mut attributes);
    let enabled = take_flag(&mut attributes, "enabled");
    let tags = take_tags(&mut attributes);
    let options = take_options(&mut attributes, &before.options);
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    Project {
        name: name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
        description: description.unwrap_or_else(|| before.description.clone()),
        enabled: enabled.unwrap_or(before.enabled),
        tags: tags.unwrap_or_else(|| before.tags.clone()),
        options,
        extra,
        ..before.clone()
    }
}

fn check_state(model: &Model, before: &Project, after: &Project) -> Result<(), ApiError> {
    let id = &before.id;
    if !before.enabled && after.enabled && model.parents(id).any(|parent| !parent.enabled) {
        return Err(ApiError::forbidden(format!(
            "Cannot enable project {id} since it has disabled parents"
        )));
    }
    let is_disabled_now = before.enabled && !after.enabled && !before.is_domain;
    if is_disabled_now && model.subtree(id).iter().any(|below| below.enabled) {
        return Err(ApiError::forbidden(format!(
            "Cannot disable project {id} since its subtree contains enabled projects."
        )));
    }
    Ok(())
}

fn check_name(model: &Model, before: &Project, after: &Project) -> Result<(), ApiError> {
    let name = &after.name;
    if *name == before.name {
        return Ok(());
    }
    match &before.domain_id {
        None if model.domain_by_name(name).is_some() => Err(domain_conflict(name)),
        Some(domain) if model.project_by_name(domain, name).is_some() => {
            Err(conflict(name, &before.id))
        }
        _ => Ok(()),
    }
}

async fn remove(call: Call) -> Answer {
    call.enforce(Action::DeleteProject, &facts(&call))?;
    let id = Id::from(call.path("project_id"));
    let revoker = call.revoker();
    call.change(move |change| {
        let project = Arc::clone(find(change, &id)?);
        if project.is_domain {
            domains::take_out(change, &id)?;
            revoker.revoke(change, &Revoked::At(Target::Domain(id.clone())));
        } else {
            take_out(change, &project)?;
            revoker.revoke(change, &Revoked::At(Target::Project(id.clone())));
        }
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn take_out(change: &mut Change, project: &Project) -> Result<(), ApiError> {
    let id = &project.id;
    check_removable("project", id, &project.options)?;
    if change.indexes().children.of(id).next().is_some() {
        return Err(ApiError::forbidden(format!(
            "Cannot delete the project {id} since it is not a leaf in the hierarchy. Use the cascade option if you want \
             to delete a whole subtree."
        )));
    }
    change.remove_project(id);
    Ok(())
}
