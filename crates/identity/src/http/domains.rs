use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{check_removable, normalized, take_text};
use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::project_making::make_domain;
use super::project_updating::update;
use super::schema::{Field, Form, IMMUTABLE, for_create, for_update};
use super::site::Site;
use crate::directory::Change;
use crate::model::{Id, Model, Project};
use crate::policy::{Action, Fact, Facts};
use crate::service::{Revoked, Service};

const FIELDS: &[Field] = &[
    ("description", Form::TextOrNull),
    ("enabled", Form::Flag),
    ("name", Form::Name(64)),
    ("tags", Form::Tags),
    ("options", Form::Options(IMMUTABLE)),
];

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/domains", get(list).post(create))
        .route(
            "/v3/domains/{domain_id}",
            get(show).patch(change).delete(remove),
        )
}

/// A domain as the API shows it.
pub(super) fn render(domain: &Project, site: &Site) -> Value {
    let mut shown = domain.extra.clone();
    shown.insert("id".to_owned(), json!(domain.id));
    shown.insert("name".to_owned(), json!(domain.name));
    shown.insert("description".to_owned(), json!(domain.description));
    shown.insert("enabled".to_owned(), json!(domain.enabled));
    shown.insert("tags".to_owned(), json!(domain.tags));
    shown.insert("options".to_owned(), Value::Object(domain.options.clone()));
    let url = site.url(&format!("/domains/{}", domain.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    Value::Object(shown)
}

/// A domain that must be there.
pub(super) fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<Project>, ApiError> {
    let domain = model.domain(id);
    domain.ok_or_else(|| ApiError::no_such("domain", id))
}

async fn list(call: Call) -> Answer {
    call.enforce(Action::ListDomains, &Facts::none())?;
    let filters = Filters::of(&call, &["name", "enabled"]);
    let domains = call.model.all::<Project>();
    let domains = domains.into_iter().filter(|project| project.is_domain);
    let meant = domains.filter(|domain| {
        filters.pass(|name| match name {
            "name" => Attribute::Text(&domain.name),
            _ => Attribute::Flag(domain.enabled),
        })
    });
    let shown = meant.map(|domain| render(domain, &call.site)).collect();
    Ok(collection(&call, "domains", shown))
}

async fn show(call: Call) -> Answer {
    let id = call.path("domain_id");
    let known = call.model.domain(id).map(|domain| &domain.id);
    call.enforce(
        Action::GetDomain,
        &Facts::none().with_any(Fact::Domain, known),
    )?;
    answer(&call, find(&call.model, id)?)
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateDomain, &Facts::none())?;
    let attributes = for_create(object_or_empty(&call, "domain"), FIELDS, &["name"])?;
    let mut attributes = normalized(attributes);
    let id = match take_text(&mut attributes, "explicit_domain_id") {
        None => Id::random(),
        Some(id) if is_uuid(&id) => Id::from(id),
        Some(_) => {
            let words = "Domain ID does not conform to required UUID format.";
            return Err(ApiError::bad_request(words));
        }
    };
    attributes.remove("id");
    let domain = call
        .change(move |change| make_domain(change, id, attributes))
        .await?;
    Ok(created(&json!({ "domain": render(&domain, &call.site) })))
}

async fn change(call: Call) -> Answer {
    let id = find(&call.model, call.path("domain_id"))?.id.clone();
    call.enforce(Action::UpdateDomain, &Facts::none())?;
    let attributes = for_update(object_or_empty(&call, "domain"), FIELDS)?;
    let revoker = call.revoker();
    let domain = call
        .change(move |change| {
            find(change, &id)?;
            update(change, &id, attributes, &revoker)
        })
        .await?;
    answer(&call, &domain)
}

async fn remove(call: Call) -> Answer {
    let id = find(&call.model, call.path("domain_id"))?.id.clone();
    call.enforce(Action::DeleteDomain, &Facts::none())?;
    let revoker = call.revoker();
    call.change(move |change| {
        take_out(change, &id)?;
        revoker.revoke(
            change,
            &Revoked::At(crate::model::Target::Domain(id.clone())),
        );
        Ok(())
    })
    .await?;
    Ok(no_content())
}

/// Takes out a domain, which must be disabled.
pub(super) fn take_out(change: &mut Change, id: &str) -> Result<(), ApiError> {
    let domain = find(change, id)?;
    check_removable("domain", id, &domain.options)?;
    if domain.enabled {
        return Err(ApiError::forbidden(
            "Cannot delete a domain that is enabled, please disable it first.",
        ));
    }
    change.remove_domain(id);
    Ok(())
}

fn answer(call: &Call, domain: &Project) -> Answer {
    Ok(ok(&json!({ "domain": render(domain, &call.site) })))
}

/// A member of the body; an empty object when it is missing.
pub(super) fn object_or_empty(call: &Call, name: &str) -> Value {
    let given = call.body.get(name).cloned();
    given.unwrap_or_else(|| Value::Object(Map::new()))
}

fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    let digits: Vec<u8> = digits.collect();
    digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
}
