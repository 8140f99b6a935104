use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{keep_id, normalized, take_flag, take_text};
use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::schema::{Field, Form, for_create, for_update};
use super::site::Site;
use crate::model::{CatalogService, Id, Model};
use crate::policy::{Action, Facts};
use crate::service::Service;

const FIELDS: &[Field] = &[
    ("enabled", Form::Flag),
    ("name", Form::Name(255)),
    ("type", Form::Kind),
];

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/services", get(list).post(create))
        .route(
            "/v3/services/{service_id}",
            get(show).patch(change).delete(remove),
        )
}

/// A service as the API shows it.
fn render(service: &CatalogService, site: &Site) -> Value {
    let mut shown = service.extra.clone();
    shown.insert("id".to_owned(), json!(service.id));
    shown.insert("type".to_owned(), json!(service.kind));
    shown.insert("enabled".to_owned(), json!(service.enabled));
    let url = site.url(&format!("/services/{}", service.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    Value::Object(shown)
}

fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<CatalogService>, ApiError> {
    let service = model.get::<CatalogService>(id);
    service.ok_or_else(|| ApiError::no_such("service", id))
}

async fn list(call: Call) -> Answer {
    call.enforce(Action::ListServices, &Facts::none())?;
    let filters = Filters::of(&call, &["type", "name"]);
    let services = call.model.all::<CatalogService>().into_iter();
    let meant = services.filter(|service| {
        filters.pass(|name| match name {
            "type" => Attribute::Text(&service.kind),
            _ => Attribute::Text(service.name()),
        })
    });
    let shown = meant.map(|service| render(service, &call.site)).collect();
    Ok(collection(&call, "services", shown))
}

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetService, &Facts::none())?;
    answer(&call, find(&call.model, call.path("service_id"))?)
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateService, &Facts::none())?;
    let mut attributes = normalized(for_create(call.member("service"), FIELDS, &["type"])?);
    attributes.remove("id");
    attributes
        .entry("name")
        .or_insert_with(|| Value::String(String::new()));
    let service = CatalogService {
        id: Id::random(),
        kind: take_text(&mut attributes, "type").unwrap_or_default(),
        enabled: take_flag(&mut attributes, "enabled").unwrap_or(true),
        extra: attributes,
    };
    let service = call.change(move |change| Ok(change.put(service))).await?;
    Ok(created(&json!({ "service": render(&service, &call.site) })))
}

async fn change(call: Call) -> Answer {
    call.enforce(Action::UpdateService, &Facts::none())?;
    let mut attributes = for_update(call.member("service"), FIELDS)?;
    let id = Id::from(call.path("service_id"));
    keep_id(&mut attributes, &id)?;
    let service = call
        .change(move |change| {
            let before = Arc::clone(find(change, &id)?);
            Ok(change.put(read_update(&before, attributes)))
        })
        .await?;
    answer(&call, &service)
}

fn read_update(before: &CatalogService, mut attributes: Map<String, Value>) -> CatalogService {
    let kind = take_text(&mut attributes, "type");
    let enabled = take_flag(&mut attributes, "enabled");
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    CatalogService {
        id: before.id.clone(),
        kind: kind.unwrap_or_else(|| before.kind.clone()),
        enabled: enabled.unwrap_or(before.enabled),
        extra,
    }
}

async fn remove(call: Call) -> Answer {
    call.enforce(Action::DeleteService, &Facts::none())?;
    let id = Id::from(call.path("service_id"));
    call.change(move |change| {
        find(change, &id)?;
        change.remove_service(&id);
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn answer(call: &Call, service: &CatalogService) -> Answer {
    Ok(ok(&json!({ "service": render(service, &call.site) })))
}
