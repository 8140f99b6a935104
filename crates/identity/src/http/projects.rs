use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{check_removable, keep_id, normalized, take_domain, take_id};
use super::call::{Answer, Call};
use super::domains::{self, object_or_empty};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection, is_true};
use super::project_making::{make, make_domain};
use super::project_tree::{show_parents, show_subtree};
use super::project_updating::update;
use super::schema::{Field, Form, IMMUTABLE, for_create, for_update};
use super::site::Site;
use super::tags::TagFilters;
use crate::directory::Change;
use crate::model::{Id, Model, Project, Target};
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

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetProject, &facts(&call))?;
    let project = find(&call.model, call.path("project_id"))?;
    let mut shown = render(project, &call.site);
    show_parents(&call, project, &mut shown)?;
    show_subtree(&call, project, &mut shown)?;
    Ok(ok(&json!({ "project": shown })))
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
