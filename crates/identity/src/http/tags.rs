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
    set(&call, read(&tags)).await?;
    Ok(answer(&call, &tags))
}

async fn clear(call: Call) -> Answer {
    call.enforce(Action::DeleteProjectTags, &facts(&call))?;
    set(&call, BTreeSet::new()).await?;
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
    let project = find(&call.model, call.path("project_id"))?;
    check(&json!([tag]), Form::Tags)?;
    let mut tags = project.tags.clone();
    if !tags.insert(tag.clone()) {
        let mut twice: Vec<&String> = project.tags.iter().collect();
        twice.push(&tag);
        check(&json!(twice), Form::Tags)?;
    }
    check(&json!(tags), Form::Tags)?;
    set(&call, tags).await?;
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
    let project = find(&call.model, call.path("project_id"))?;
    let mut tags = project.tags.clone();
    if !tags.remove(call.path("tag")) {
        return Err(unknown(call.path("tag")));
    }
    set(&call, tags).await?;
    Ok(no_content())
}

async fn set(call: &Call, tags: BTreeSet<String>) -> Result<(), ApiError> {
    let id = Id::from(call.path("project_id"));
    call.change(move |change| {
        let project = find(change, &id)?;
        let project = Project {
            tags,
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
