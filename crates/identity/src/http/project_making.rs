use std::sync::Arc;

use serde_json::{Map, Value};

use super::attributes::{take_description, take_flag, take_id, take_options, take_tags, take_text};
use super::error::ApiError;
use crate::directory::Change;
use crate::model::{Extra, Id, Model, Project};

/// The name that Keystone keeps for the domain of federated users.
const FEDERATED: &str = "federated";

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

/// Makes a project that is no domain, below its domain or another project of it.
pub(super) fn make(
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

/// 409: another project of the domain has the name.
pub(super) fn conflict(name: &str, id: &str) -> ApiError {
    ApiError::conflict(
        "project",
        &format!(
            "it is not permitted to have two projects with either the same name or same id in the same domain: name is \
             {name}, project id {id}"
        ),
    )
}

/// 409: another domain has the name.
pub(super) fn domain_conflict(name: &str) -> ApiError {
    let words = format!(
        "it is not permitted to have two projects acting as domains with the same name: {name}"
    );
    ApiError::conflict("project", &words)
}
