use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::answers::{no_content, ok};
use super::call::{Answer, Call};
use super::error::ApiError;
use super::projects::{facts, find};
use super::schema::{Form, check};
use crate::model::{Id, Project};
use crate::policy::Action;
use crate::service::Service;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route(
            "/v3/projects/{project_id}/tags",
            get(list).put(replace).delete(clear),
        )
        .route(
            "/v3/projects/{project_id}/tags/{tag}",
            get(show).put(add).delete(remove),
        )
}

/// Which tags a list of projects is confined to: `tags`, `tags-any`, `not-tags` and `not-tags-any`.
pub(super) struct TagFilters<'a> {
    all: Vec<&'a str>,
    any: Vec<&'a str>,
    not_all: Vec<&'a str>,
    not_any: Vec<&'a str>,
}

impl<'a> TagFilters<'a> {
    /// Those of the query.
    pub(super) fn of(call: &'a Call) -> Self {
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

    /// Whether a project with these tags passes.
    pub(super) fn pass(&self, tags: &BTreeSet<String>) -> bool {
        let has = |tag: &&str| tags.contains(*tag);
        self.all.iter().all(has)
            && (self.any.is_empty() || self.any.iter().any(has))
            && (self.not_all.is_empty() || !self.not_all.iter().all(has))
            && !self.not_any.iter().any(has)
    }
}

async fn list(call: Call) -> Answer {
    call.enforce(Action::ListProjectTags, &facts(&call))?;
    let project = find(&call.model, call.path("project_id"))?;
    Ok(answer(&call, &json!(project.tags)))
}

async fn replace(call: Call) -> Answer {
    call.enforce(Action::UpdateProjectTags, &facts(&call))?;
    let none = || Value::Object(Map::new());
    let tags = call.body.get("tags").cloned().unwrap_or_else(none);
    check(&tags, Form::Tags)?;
    let wanted = read(&tags);
    set(&call, move |_| Ok(wanted)).await?;
    Ok(answer(&call, &tags))
}

async fn clear(call: Call) -> Answer {
    call.enforce(Action::DeleteProjectTags, &facts(&call))?;
    set(&call, |_| Ok(BTreeSet::new())).await?;
    Ok(no_content())
}

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetProjectTag, &facts(&call))?;
    let project = find(&call.model, call.path("project_id"))?;
    if project.tags.contains(call.path("tag")) {
        Ok(no_content())
    } else {
        Err(unknown(call.path("tag")))
    }
}

async fn add(call: Call) -> Answer {
    call.enforce(Action::CreateProjectTag, &facts(&call))?;
    let tag = call.path("tag").to_owned();
    let added = tag.clone();
    set(&call, move |tags| {
        let mut all: Vec<String> = tags.iter().cloned().collect();
        all.push(added);
        check(&json!(all), Form::Tags)?;
        Ok(all.into_iter().collect())
    })
    .await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let url = call
        .site
        .url(&format!("/projects/{}/tags/{tag}", call.path("project_id")));
    if let Ok(location) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn remove(call: Call) -> Answer {
    call.enforce(Action::DeleteProjectTag, &facts(&call))?;
    let tag = call.path("tag").to_owned();
    set(&call, move |tags| {
        let mut rest = tags.clone();
        if rest.remove(&tag) {
            Ok(rest)
        } else {
            Err(unknown(&tag))
        }
    })
    .await?;
    Ok(no_content())
}

/// Gives the project those tags that are made of its present ones.
async fn set(
    call: &Call,
    make: impl FnOnce(&BTreeSet<String>) -> Result<BTreeSet<String>, ApiError> + Send + 'static,
) -> Result<(), ApiError> {
    let id = Id::from(call.path("project_id"));
    call.change(move |change| {
        let project = find(change, &id)?;
        let project = Project {
            tags: make(&project.tags)?,
            ..(**project).clone()
        };
        change.put(project);
        Ok(())
    })
    .await
}

fn read(tags: &Value) -> BTreeSet<String> {
    let tags = tags.as_array().into_iter().flatten();
    tags.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn answer(call: &Call, tags: &Value) -> Response {
    let url = call
        .site
        .url(&format!("/projects/{}/tags", call.path("project_id")));
    ok(&json!({ "links": { "self": url }, "tags": tags }))
}

fn unknown(tag: &str) -> ApiError {
    ApiError::no_such("project tag", tag)
}
