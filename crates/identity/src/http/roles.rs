use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{
    check_mutable, check_removable, keep_id, normalized, take_id, take_options, take_text,
};
use super::call::{Answer, Call};
use super::domains::object_or_empty;
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::schema::{Field, Form, IMMUTABLE, for_create, for_update};
use super::site::Site;
use crate::directory::Change;
use crate::model::{Extra, Id, Model, Role};
use crate::policy::{Action, Facts};
use crate::service::{Revoked, Service};

const FIELDS: &[Field] = &[
    ("name", Form::Name(255)),
    ("description", Form::Text),
    ("options", Form::Options(IMMUTABLE)),
];

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/roles", get(list).post(create))
        .route(
            "/v3/roles/{role_id}",
            get(show).patch(change).delete(remove),
        )
}

/// A role as the API shows it.
pub(super) fn render(role: &Role, site: &Site) -> Value {
    let mut shown = role.extra.clone();
    shown.insert("id".to_owned(), json!(role.id));
    shown.insert("name".to_owned(), json!(role.name));
    shown.insert("domain_id".to_owned(), json!(role.domain_id));
    shown.insert("description".to_owned(), json!(role.description));
    shown.insert("options".to_owned(), Value::Object(role.options.clone()));
    let url = site.url(&format!("/roles/{}", role.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    Value::Object(shown)
}

/// A role that must be there.
pub(super) fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<Role>, ApiError> {
    let role = model.get::<Role>(id);
    role.ok_or_else(|| ApiError::no_such("role", id))
}

async fn list(call: Call) -> Answer {
    let filters = Filters::of(&call, &["name", "domain_id"]);
    let domain = call.query("domain_id").filter(|domain| !domain.is_empty());
    let action = match domain {
        Some(_) => Action::ListDomainRoles,
        None => Action::ListRoles,
    };
    call.enforce(action, &Facts::none())?;
    let meant = call.model.all::<Role>().into_iter().filter(|role| {
        let attribute = |name: &str| match name {
            "name" => Attribute::Text(&role.name),
            _ => role
                .domain_id
                .as_deref()
                .map_or(Attribute::Nothing, Attribute::Text),
        };
        role.domain_id.as_deref() == domain && filters.pass(attribute)
    });
    let shown = meant.map(|role| render(role, &call.site)).collect();
    Ok(collection(&call, "roles", shown))
}

async fn show(call: Call) -> Answer {
    let role = find(&call.model, call.path("role_id"))?;
    let action = match role.domain_id {
        Some(_) => Action::GetDomainRole,
        None => Action::GetRole,
    };
    call.enforce(action, &Facts::none())?;
    answer(&call, role)
}

async fn create(call: Call) -> Answer {
    let given = object_or_empty(&call, "role");
    let action = match given.get("domain_id") {
        None | Some(Value::Null) => Action::CreateRole,
        Some(_) => Action::CreateDomainRole,
    };
    call.enforce(action, &Facts::none())?;
    let mut attributes = normalized(for_create(given, FIELDS, &["name"])?);
    attributes.remove("id");
    let role = call
        .change(move |change| {
            let role = Role {
                id: Id::random(),
                name: take_text(&mut attributes, "name").unwrap_or_default(),
                domain_id: take_id(&mut attributes, "domain_id"),
                description: take_text(&mut attributes, "description"),
                options: take_options(&mut attributes, &Extra::new()),
                extra: attributes,
            };
            check_name(change, &role, role.domain_id.as_ref())?;
            Ok(change.put(role))
        })
        .await?;
    Ok(created(&json!({ "role": render(&role, &call.site) })))
}

/// Nothing else may have the name. Keystone tells the domain if the call did.
fn check_name(change: &Change, role: &Role, said_domain: Option<&Id>) -> Result<(), ApiError> {
    let other = change.role_by_name(role.domain_id.as_ref(), &role.name);
    if other.is_some_and(|other| other.id != role.id) {
        return Err(ApiError::duplicate("role", &role.name, said_domain));
    }
    Ok(())
}

async fn change(call: Call) -> Answer {
    let role = find(&call.model, call.path("role_id"))?;
    let action = match role.domain_id {
        Some(_) => Action::UpdateDomainRole,
        None => Action::UpdateRole,
    };
    call.enforce(action, &Facts::none())?;
    let mut attributes = for_update(object_or_empty(&call, "role"), FIELDS)?;
    let id = role.id.clone();
    keep_id(&mut attributes, &id)?;
    let role = call
        .change(move |change| {
            let before = Arc::clone(find(change, &id)?);
            check_mutable("role", &id, &before.options, &attributes)?;
            let after = read_update(&before, attributes)?;
            check_name(change, &after, None)?;
            Ok(change.put(after))
        })
        .await?;
    answer(&call, &role)
}

fn read_update(before: &Role, mut attributes: Map<String, Value>) -> Result<Role, ApiError> {
    let domain = attributes.remove("domain_id");
    if domain.is_some_and(|given| given.as_str() != before.domain_id.as_deref()) {
        return Err(ApiError::bad_request(
            "Update of `domain_id` is not allowed.",
        ));
    }
    let name = take_text(&mut attributes, "name");
    let description = take_text(&mut attributes, "description");
    let options = take_options(&mut attributes, &before.options);
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    Ok(Role {
        name: name.unwrap_or_else(|| before.name.clone()),
        description: description.or_else(|| before.description.clone()),
        options,
        extra,
        ..before.clone()
    })
}

async fn remove(call: Call) -> Answer {
    let role = find(&call.model, call.path("role_id"))?;
    let action = match role.domain_id {
        Some(_) => Action::DeleteDomainRole,
        None => Action::DeleteRole,
    };
    call.enforce(action, &Facts::none())?;
    let id = role.id.clone();
    let revoker = call.revoker();
    call.change(move |change| {
        let role = find(change, &id)?;
        check_removable("role", &id, &role.options)?;
        change.remove_role(&id);
        revoker.revoke(change, &Revoked::Role(id));
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn answer(call: &Call, role: &Role) -> Answer {
    Ok(ok(&json!({ "role": render(role, &call.site) })))
}
