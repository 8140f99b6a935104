//! Finding what a sign-in names. Whoever does not find it is told nothing but 401.

use std::sync::Arc;

use serde_json::Value;

use super::request::Named;
use super::settings::AuthSettings;
use super::validate::user_by_id;
use crate::http::ApiError;
use crate::model::{Id, Model, Project, User};

/// An enabled domain.
pub(super) fn domain(model: &Model, named: &Named) -> Result<Arc<Project>, ApiError> {
    let found = match (&named.name, &named.id) {
        (Some(name), _) => model.domain_by_name(name),
        (None, Some(id)) => model.domain(id),
        (None, None) => None,
    };
    let domain = found.ok_or_else(|| ApiError::unauthorized(format!("no domain is {named:?}")))?;
    if !domain.enabled {
        return Err(ApiError::unauthorized(format!(
            "domain {} is disabled",
            domain.id
        )));
    }
    Ok(Arc::clone(domain))
}

/// An enabled project of an enabled domain.
pub(super) fn project(model: &Model, named: &Named) -> Result<Arc<Project>, ApiError> {
    let unknown = || ApiError::unauthorized(format!("no project is {named:?}"));
    let found = match (&named.name, &named.id) {
        (Some(name), _) => {
            let of = named
                .domain
                .as_deref()
                .ok_or_else(|| ApiError::expected("domain", "project"))?;
            let of = domain(model, of)?;
            model.project_by_name(&of.id, name)
        }
        (None, Some(id)) => {
            let project = model.get::<Project>(id).ok_or_else(unknown)?;
            let of = project.domain_id.as_ref().ok_or_else(unknown)?;
            domain(model, &by_id(of))?;
            Some(project)
        }
        (None, None) => None,
    };
    let project = found.ok_or_else(unknown)?;
    if !project.enabled {
        return Err(ApiError::unauthorized(format!(
            "project {} is disabled",
            project.id
        )));
    }
    Ok(Arc::clone(project))
}

/// Whom a name leads to.
pub(super) enum Found {
    User {
        user: Arc<User>,
        domain: Arc<Project>,
    },
    Nobody {
        name: String,
        domain: Arc<Project>,
    },
}

/// The user whom somebody says to be, by id, or by name and domain; not asked whether they may sign in.
pub(super) fn claimed(model: &Model, shown: &Value) -> Result<Found, ApiError> {
    let named = Named::read(shown);
    match (named.name, named.id) {
        (Some(name), _) => {
            let of = named
                .domain
                .ok_or_else(|| ApiError::expected("domain", "user"))?;
            if of.id.is_none() && of.name.is_none() {
                return Err(ApiError::expected("id or name", "domain"));
            }
            let domain = domain(model, &of)?;
            Ok(match model.user_by_name(&domain.id, &name) {
                Some(user) => Found::User {
                    user: Arc::clone(user),
                    domain,
                },
                None => Found::Nobody { name, domain },
            })
        }
        (None, Some(id)) => {
            let user = user_by_id(model, &id)?;
            let domain = domain(model, &by_id(&user.domain_id))?;
            Ok(Found::User { user, domain })
        }
        (None, None) => Err(ApiError::expected("id or name", "user")),
    }
}

/// An enabled user of an enabled domain.
pub(super) fn usable_user(model: &Model, user: &Arc<User>) -> Result<Arc<User>, ApiError> {
    domain(model, &by_id(&user.domain_id))?;
    if !user.enabled {
        return Err(ApiError::unauthorized(format!(
            "user {} is disabled",
            user.id
        )));
    }
    Ok(Arc::clone(user))
}

/// A domain by what settings call it: its id, or its name.
pub(super) fn domain_of_settings<'m>(model: &'m Model, text: &str) -> Option<&'m Arc<Project>> {
    model.domain(text).or_else(|| model.domain_by_name(text))
}

/// The domain whose users a realm's principals are.
pub(super) fn domain_of_realm<'m>(
    model: &'m Model,
    settings: &AuthSettings,
    realm: &str,
) -> Option<&'m Arc<Project>> {
    let found = settings.realms.iter().find(|known| known.realm == realm)?;
    domain_of_settings(model, &found.domain)
}

/// The realm in which passwords of a domain's users are checked.
pub(super) fn realm_of_domain<'s>(
    model: &Model,
    settings: &'s AuthSettings,
    domain: &Id,
) -> Option<&'s str> {
    settings.realms.iter().find_map(|known| {
        let of = domain_of_settings(model, &known.domain)?;
        (of.id == *domain).then_some(known.realm.as_str())
    })
}

pub(super) fn by_id(id: &Id) -> Named {
    Named {
        id: Some(id.to_string()),
        ..Named::default()
    }
}
