use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{keep_id, normalized, take_flag, take_id, take_text};
use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::regions;
use super::schema::{Field, Form, for_create, for_update};
use super::site::Site;
use crate::directory::Change;
use crate::model::{CatalogService, Endpoint, Id, Interface, Model, Region};
use crate::policy::{Action, Facts};
use crate::service::Service;

const FIELDS: &[Field] = &[
    ("enabled", Form::Flag),
    ("interface", Form::OneOf(&["admin", "internal", "public"])),
    ("region_id", Form::Text),
    ("region", Form::Text),
    ("service_id", Form::Text),
    ("url", Form::Url),
];

/// What may be put into the URL of an endpoint.
const SUBSTITUTIONS: [&str; 9] = [
    "tenant_id",
    "project_id",
    "user_id",
    "public_bind_host",
    "admin_bind_host",
    "compute_host",
    "admin_port",
    "public_port",
    "public_endpoint",
];

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/endpoints", get(list).post(create))
        .route(
            "/v3/endpoints/{endpoint_id}",
            get(show).patch(change).delete(remove),
        )
}

/// An endpoint as the API shows it.
fn render(endpoint: &Endpoint, site: &Site) -> Value {
    let mut shown = endpoint.extra.clone();
    shown.insert("id".to_owned(), json!(endpoint.id));
    shown.insert("interface".to_owned(), json!(endpoint.interface));
    shown.insert("region_id".to_owned(), json!(endpoint.region_id));
    shown.insert("region".to_owned(), json!(endpoint.region_id));
    shown.insert("service_id".to_owned(), json!(endpoint.service_id));
    shown.insert("url".to_owned(), json!(endpoint.url));
    shown.insert("enabled".to_owned(), json!(endpoint.enabled));
    let url = site.url(&format!("/endpoints/{}", endpoint.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    Value::Object(shown)
}

fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<Endpoint>, ApiError> {
    let endpoint = model.get::<Endpoint>(id);
    endpoint.ok_or_else(|| ApiError::no_such("endpoint", id))
}

async fn list(call: Call) -> Answer {
    call.enforce(Action::ListEndpoints, &Facts::none())?;
    let filters = Filters::of(&call, &["interface", "service_id", "region_id"]);
    let endpoints = call.model.all::<Endpoint>().into_iter();
    let meant = endpoints.filter(|endpoint| {
        filters.pass(|name| match name {
            "interface" => Attribute::Text(endpoint.interface.name()),
            "service_id" => Attribute::Text(&endpoint.service_id),
            _ => endpoint
                .region_id
                .as_deref()
                .map_or(Attribute::Nothing, Attribute::Text),
        })
    });
    let shown = meant.map(|endpoint| render(endpoint, &call.site)).collect();
    Ok(collection(&call, "endpoints", shown))
}

async fn show(call: Call) -> Answer {
    let endpoint = find(&call.model, call.path("endpoint_id"))?;
    call.enforce(Action::GetEndpoint, &Facts::none())?;
    answer(&call, endpoint)
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateEndpoint, &Facts::none())?;
    let required = ["interface", "service_id", "url"];
    let attributes = for_create(call.member("endpoint"), FIELDS, &required)?;
    let mut attributes = normalized(attributes);
    attributes.remove("id");
    let url = take_text(&mut attributes, "url").unwrap_or_default();
    check_url(&url)?;
    let endpoint = call
        .change(move |change| {
            let region_id = take_region(change, &mut attributes)?.flatten();
            let service_id = take_id(&mut attributes, "service_id").unwrap_or_else(|| Id::from(""));
            check_service(change, &service_id)?;
            let interface = take_interface(&mut attributes);
            Ok(change.put(Endpoint {
                id: Id::random(),
                interface: interface.unwrap_or(Interface::Public),
                region_id,
                service_id,
                url,
                enabled: take_flag(&mut attributes, "enabled").unwrap_or(true),
                extra: attributes,
            }))
        })
        .await?;
    Ok(created(
        &json!({ "endpoint": render(&endpoint, &call.site) }),
    ))
}

/// The region that is named, if one is; by its old name it is made when it is missing.
fn take_region(
    change: &mut Change,
    attributes: &mut Map<String, Value>,
) -> Result<Option<Option<Id>>, ApiError> {
    let is_said = attributes.contains_key("region_id") || attributes.contains_key("region");
    let id = take_id(attributes, "region_id");
    let name = take_id(attributes, "region");
    match (id, name) {
        (Some(id), _) if change.get::<Region>(&id).is_none() => {
            Err(ApiError::expected("endpoint region_id", "region table"))
        }
        (Some(id), _) => Ok(Some(Some(id))),
        (None, Some(name)) => {
            regions::make_if_missing(change, &name);
            Ok(Some(Some(name)))
        }
        (None, None) => Ok(is_said.then_some(None)),
    }
}

fn check_service(model: &Model, id: &Id) -> Result<(), ApiError> {
    match model.get::<CatalogService>(id) {
        Some(_) => Ok(()),
        None => Err(ApiError::expected("endpoint service_id", "service table")),
    }
}

fn take_interface(attributes: &mut Map<String, Value>) -> Option<Interface> {
    let interface = attributes.remove("interface")?;
    serde_json::from_value(interface).ok()
}

/// What stands in `$(...)s` must be known, as Python's `%` would find.
fn check_url(url: &str) -> Result<(), ApiError> {
    let fault = || {
        ApiError::bad_request(format!(
            "Cannot create an endpoint with an invalid URL: {url}."
        ))
    };
    let text = url.replace("$(", "%(");
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(after) = after.strip_prefix('%') {
            rest = after;
            continue;
        }
        let inside = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(")s"));
        let (name, after) = inside.ok_or_else(fault)?;
        if !SUBSTITUTIONS.contains(&name) {
            return Err(fault());
        }
        rest = after;
    }
    Ok(())
}

async fn change(call: Call) -> Answer {
    let id = find(&call.model, call.path("endpoint_id"))?.id.clone();
    call.enforce(Action::UpdateEndpoint, &Facts::none())?;
    let mut attributes = for_update(call.member("endpoint"), FIELDS)?;
    keep_id(&mut attributes, &id)?;
    let endpoint = call
        .change(move |change| {
            let before = Arc::clone(find(change, &id)?);
            let after = read_update(change, &before, attributes)?;
            Ok(change.put(after))
        })
        .await?;
    answer(&call, &endpoint)
}

fn read_update(
    change: &mut Change,
    before: &Endpoint,
    mut attributes: Map<String, Value>,
) -> Result<Endpoint, ApiError> {
    let region = take_region(change, &mut attributes)?;
    let service = take_id(&mut attributes, "service_id");
    if let Some(service) = &service {
        check_service(change, service)?;
    }
    let interface = take_interface(&mut attributes);
    let url = take_text(&mut attributes, "url");
    let enabled = take_flag(&mut attributes, "enabled");
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    Ok(Endpoint {
        id: before.id.clone(),
        interface: interface.unwrap_or(before.interface),
        region_id: region.unwrap_or_else(|| before.region_id.clone()),
        service_id: service.unwrap_or_else(|| before.service_id.clone()),
        url: url.unwrap_or_else(|| before.url.clone()),
        enabled: enabled.unwrap_or(before.enabled),
        extra,
    })
}

async fn remove(call: Call) -> Answer {
    let id = find(&call.model, call.path("endpoint_id"))?.id.clone();
    call.enforce(Action::DeleteEndpoint, &Facts::none())?;
    call.change(move |change| {
        find(change, &id)?;
        change.remove::<Endpoint>(&id);
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn answer(call: &Call, endpoint: &Endpoint) -> Answer {
    Ok(ok(&json!({ "endpoint": render(endpoint, &call.site) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_take_known_substitutions_alone() {
        for (url, is_good) in [
            ("http://x/$(project_id)s", true),
            ("http://x/%(tenant_id)s/%%20", true),
            ("http://x/", true),
            ("http://x/$(nope)s", false),
            ("http://x/$(project_id)", false),
            ("http://x/100%", false),
        ] {
            assert_eq!(check_url(url).is_ok(), is_good, "{url}");
        }
    }
}
