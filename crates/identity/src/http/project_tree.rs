use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::ApiError;
use super::projects::render;
use crate::model::{Model, Project, Target};

/// Adds what stands above a project, as the query wants it.
pub(super) fn show_parents(
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

/// Adds what stands below a project, as the query wants it.
pub(super) fn show_subtree(
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
