use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{
    keep_domain, keep_id, normalized, take_domain, take_flag, take_id, take_options, take_text,
};
use super::call::{Answer, Call, Visit};
use super::domains::{self, object_or_empty};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::schema::{Field, Form, for_create, for_update};
use super::site::Site;
use super::{groups, projects};
use crate::directory::Change;
use crate::model::{Extra, Group, Id, Model, Project, User};
use crate::policy::{Action, Fact, Facts};
use crate::service::{Revoked, Service};

const OPTIONS: &[Field] = &[
    ("ignore_change_password_upon_first_use", Form::Flag),
    ("ignore_password_expiry", Form::Flag),
    ("ignore_lockout_failure_attempts", Form::Flag),
    ("ignore_user_inactivity", Form::Flag),
    ("lock_password", Form::Flag),
    ("multi_factor_auth_enabled", Form::Flag),
    ("multi_factor_auth_rules", Form::List),
];

const FIELDS: &[Field] = &[
    ("default_project_id", Form::IdOrNull),
    ("description", Form::TextOrNull),
    ("domain_id", Form::Id),
    ("enabled", Form::Flag),
    ("federated", Form::List),
    ("name", Form::Name(255)),
    ("password", Form::TextOrNull),
    ("principal", Form::TextOrNull),
    ("options", Form::Options(OPTIONS)),
];

/// Why no password is taken.
const NO_PASSWORDS: &str = "Passwords are not kept here: people are proved by Kerberos. Set the password of the user's \
                            principal where the realm is administered (kerb password, kpasswd, kadmin).";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/users", get(list).post(create))
        .route(
            "/v3/users/{user_id}",
            get(show).patch(change).delete(remove),
        )
        .route("/v3/users/{user_id}/password", post(change_password))
        .route("/v3/users/{user_id}/projects", get(list_projects))
        .route("/v3/users/{user_id}/groups", get(list_groups))
}

/// A user as the API shows them.
pub(super) fn render(user: &User, site: &Site) -> Map<String, Value> {
    let mut shown = user.extra.clone();
    shown.insert("id".to_owned(), json!(user.id));
    shown.insert("name".to_owned(), json!(user.name));
    shown.insert("domain_id".to_owned(), json!(user.domain_id));
    shown.insert("enabled".to_owned(), json!(user.enabled));
    shown.insert("password_expires_at".to_owned(), Value::Null);
    shown.insert("options".to_owned(), Value::Object(user.options.clone()));
    if let Some(project) = &user.default_project_id {
        shown.insert("default_project_id".to_owned(), json!(project));
    }
    if let Some(principal) = &user.principal {
        shown.insert("principal".to_owned(), json!(principal));
    }
    let url = site.url(&format!("/users/{}", user.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    shown
}

/// A user who must be there.
pub(super) fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<User>, ApiError> {
    let user = model.get::<User>(id);
    user.ok_or_else(|| ApiError::no_such("user", id))
}

/// What a policy may ask about the user in the path.
pub(super) fn facts(call: &Call) -> Facts {
    let id = call.path("user_id");
    let domain = call.model.get::<User>(id).map(|user| &user.domain_id);
    Facts::none()
        .with(Fact::User, id)
        .with_any(Fact::UserDomain, domain)
}

/// An attribute of a user as filters see it.
pub(super) fn attribute<'a>(user: &'a User, name: &str) -> Attribute<'a> {
    match name {
        "domain_id" => Attribute::Text(&user.domain_id),
        "enabled" => Attribute::Flag(user.enabled),
        "name" => Attribute::Text(&user.name),
        _ => Attribute::Nothing,
    }
}

async fn list(call: Call) -> Answer {
    let domain = call.caller.domain_id();
    call.enforce(
        Action::ListUsers,
        &Facts::none().with_any(Fact::ListDomain, domain),
    )?;
    let names = [
        "domain_id",
        "enabled",
        "idp_id",
        "name",
        "protocol_id",
        "unique_id",
    ];
    let filters = Filters::of(&call, &names);
    let candidates = match (
        filters.exact("domain_id").or(domain.map(Id::as_str)),
        filters.exact("name"),
    ) {
        (Some(domain), Some(name)) => {
            let found = call.model.user_by_name(&Id::from(domain), name);
            found.into_iter().collect()
        }
        _ => call.model.all::<User>(),
    };
    let meant = candidates.into_iter().filter(|user| {
        let is_ours = domain.is_none_or(|domain| user.domain_id == *domain);
        is_ours && filters.pass(|name| attribute(user, name))
    });
    let shown = meant.map(|user| Value::Object(render(user, &call.site)));
    Ok(collection(&call, "users", shown.collect()))
}

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetUser, &facts(&call))?;
    let user = find(&call.model, call.path("user_id"))?;
    Ok(ok(&json!({ "user": render(user, &call.site) })))
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateUser, &Facts::none())?;
    let attributes = for_create(object_or_empty(&call, "user"), FIELDS, &["name"])?;
    let mut attributes = normalized(attributes);
    attributes.remove("id");
    let domain = take_domain(&mut attributes, &call);
    let user = call
        .change(move |change| make(change, domain, attributes))
        .await?;
    Ok(created(&json!({ "user": render(&user, &call.site) })))
}

fn make(
    change: &mut Change,
    domain: Id,
    mut attributes: Map<String, Value>,
) -> Result<Arc<User>, ApiError> {
    domains::find(change, &domain)?;
    refuse_password(&mut attributes)?;
    attributes.remove("federated");
    let name = take_text(&mut attributes, "name").unwrap_or_default();
    let user = User {
        id: Id::random(),
        name: name.trim().to_owned(),
        domain_id: domain,
        enabled: take_flag(&mut attributes, "enabled").unwrap_or(true),
        principal: take_text(&mut attributes, "principal"),
        default_project_id: take_id(&mut attributes, "default_project_id"),
        options: take_options(&mut attributes, &Extra::new()),
        extra: attributes,
    };
    check_default_project(change, user.default_project_id.as_ref())?;
    check_name(change, &user, Some(&user.domain_id))?;
    Ok(change.put(user))
}

fn refuse_password(attributes: &mut Map<String, Value>) -> Result<(), ApiError> {
    match attributes.remove("password") {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(ApiError::forbidden(NO_PASSWORDS)),
    }
}

fn check_default_project(model: &Model, project: Option<&Id>) -> Result<(), ApiError> {
    let project = project.and_then(|id| model.get::<Project>(id));
    match project.filter(|project| project.is_domain) {
        Some(domain) => Err(ApiError::bad_request(format!(
            "User's default project ID cannot be a domain ID: {}",
            domain.id
        ))),
        None => Ok(()),
    }
}

/// Nobody else may have the name in the domain, or the principal anywhere.
/// Keystone tells the domain if the call did.
fn check_name(model: &Model, user: &User, said_domain: Option<&Id>) -> Result<(), ApiError> {
    let other = model.user_by_name(&user.domain_id, &user.name);
    if other.is_some_and(|other| other.id != user.id) {
        return Err(ApiError::duplicate("user", &user.name, said_domain));
    }
    let principal = user.principal.as_deref();
    let other = principal.and_then(|principal| model.user_by_principal(principal));
    if let Some(other) = other.filter(|other| other.id != user.id) {
        let words = format!("The principal is that of the user {}", other.id);
        return Err(ApiError::conflict("user", &words));
    }
    Ok(())
}

async fn change(call: Call) -> Answer {
    call.enforce(Action::UpdateUser, &facts(&call))?;
    let id = find(&call.model, call.path("user_id"))?.id.clone();
    let mut attributes = for_update(object_or_empty(&call, "user"), FIELDS)?;
    keep_id(&mut attributes, &id)?;
    let revoker = call.revoker();
    let user = call
        .change(move |change| {
            let before = Arc::clone(find(change, &id)?);
            keep_domain(&mut attributes, Some(&before.domain_id))?;
            let after = read_update(&before, attributes)?;
            check_default_project(change, after.default_project_id.as_ref())?;
            check_name(change, &after, None)?;
            if before.enabled && !after.enabled {
                revoker.revoke(change, &Revoked::User(id));
            }
            Ok(change.put(after))
        })
        .await?;
    let mut shown = render(&user, &call.site);
    shown.insert("extra".to_owned(), Value::Object(user.extra.clone()));
    Ok(ok(&json!({ "user": shown })))
}

fn read_update(before: &User, mut attributes: Map<String, Value>) -> Result<User, ApiError> {
    refuse_password(&mut attributes)?;
    attributes.remove("federated");
    let name = take_text(&mut attributes, "name");
    let enabled = take_flag(&mut attributes, "enabled");
    let principal = match attributes.contains_key("principal") {
        true => take_text(&mut attributes, "principal"),
        false => before.principal.clone(),
    };
    let default_project_id = match attributes.contains_key("default_project_id") {
        true => take_id(&mut attributes, "default_project_id"),
        false => before.default_project_id.clone(),
    };
    let options = take_options(&mut attributes, &before.options);
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    Ok(User {
        name: name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
        enabled: enabled.unwrap_or(before.enabled),
        principal,
        default_project_id,
        options,
        extra,
        ..before.clone()
    })
}

async fn remove(call: Call) -> Answer {
    call.enforce(Action::DeleteUser, &facts(&call))?;
    let id = Id::from(call.path("user_id"));
    let revoker = call.revoker();
    call.change(move |change| {
        find(change, &id)?;
        change.remove_user(&id);
        revoker.revoke(change, &Revoked::User(id));
        Ok(())
    })
    .await?;
    Ok(no_content())
}

async fn change_password(visit: Visit) -> Answer {
    let given = visit.body.get("user").cloned();
    let given = given.unwrap_or_else(|| Value::Object(Map::new()));
    let fields = [("original_password", Form::Text), ("password", Form::Text)];
    for_create(given, &fields, &["original_password", "password"])?;
    Err(ApiError::forbidden(NO_PASSWORDS))
}

async fn list_projects(call: Call) -> Answer {
    call.enforce(Action::ListUserProjects, &facts(&call))?;
    let user = find(&call.model, call.path("user_id"))?;
    let filters = Filters::of(&call, &["domain_id", "enabled", "name"]);
    let found = call.model.projects_of(&user.id);
    let meant = found
        .into_iter()
        .filter(|project| filters.pass(|name| projects::attribute(project, name)));
    let shown = meant.map(|project| Value::Object(projects::render(project, &call.site)));
    Ok(collection(&call, "projects", shown.collect()))
}

async fn list_groups(call: Call) -> Answer {
    call.enforce(Action::ListGroupsForUser, &facts(&call))?;
    let user = find(&call.model, call.path("user_id"))?;
    let filters = Filters::of(&call, &["name"]);
    let domain = call.caller.domain_id();
    let ids = call.model.indexes().groups_of_user.of(&user.id);
    let meant = ids
        .filter_map(|id| call.model.get::<Group>(id))
        .filter(|group| domain.is_none_or(|domain| group.domain_id == *domain))
        .filter(|group| filters.pass(|_| Attribute::Text(&group.name)));
    let shown = meant.map(|group| {
        let mut shown = groups::render(group, &call.site);
        shown.insert("membership_expires_at".to_owned(), Value::Null);
        Value::Object(shown)
    });
    Ok(collection(&call, "groups", shown.collect()))
}
