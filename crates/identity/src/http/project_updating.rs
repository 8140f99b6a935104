use std::sync::Arc;

use serde_json::{Map, Value};

use super::attributes::{
    check_mutable, keep_domain, take_description, take_flag, take_options, take_tags, take_text,
};
use super::call::Revoker;
use super::error::ApiError;
use super::project_making::{conflict, domain_conflict};
use super::projects::find;
use crate::directory::Change;
use crate::model::{Id, Model, Project, Target};
use crate::service::Revoked;

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
