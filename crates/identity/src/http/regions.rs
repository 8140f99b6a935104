use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{keep_id, normalized, take_id, take_text};
use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::schema::{Field, Form, for_create, for_update};
use super::site::Site;
use crate::directory::Change;
use crate::model::{Endpoint, Id, Model, Region};
use crate::policy::{Action, Facts};
use crate::service::Service;

const FIELDS: &[Field] = &[
    ("description", Form::TextOrNull),
    ("id", Form::Text),
    ("parent_region_id", Form::TextOrNull),
];

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/regions", get(list).post(create))
        .route(
            "/v3/regions/{region_id}",
            get(show).put(create_named).patch(change).delete(remove),
        )
}

/// A region as the API shows it.
fn render(region: &Region, site: &Site) -> Value {
    let mut shown = region.extra.clone();
    shown.insert("id".to_owned(), json!(region.id));
    shown.insert("description".to_owned(), json!(region.description));
    shown.insert(
        "parent_region_id".to_owned(),
        json!(region.parent_region_id),
    );
    let url = site.url(&format!("/regions/{}", region.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    Value::Object(shown)
}

/// A region that must be there.
pub(super) fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<Region>, ApiError> {
    let region = model.get::<Region>(id);
    region.ok_or_else(|| ApiError::no_such("region", id))
}

async fn list(call: Call) -> Answer {
    call.enforce(Action::ListRegions, &Facts::none())?;
    let filters = Filters::of(&call, &["parent_region_id"]);
    let meant = call.model.all::<Region>().into_iter().filter(|region| {
        let parent = region.parent_region_id.as_deref();
        filters.pass(|_| parent.map_or(Attribute::Nothing, Attribute::Text))
    });
    let shown = meant.map(|region| render(region, &call.site)).collect();
    Ok(collection(&call, "regions", shown))
}

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetRegion, &Facts::none())?;
    answer(&call, find(&call.model, call.path("region_id"))?)
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateRegion, &Facts::none())?;
    let mut attributes = normalized(for_create(call.member("region"), FIELDS, &[])?);
    let id = take_id(&mut attributes, "id").unwrap_or_else(Id::random);
    make(&call, id, attributes).await
}

async fn create_named(call: Call) -> Answer {
    call.enforce(Action::CreateRegion, &Facts::none())?;
    let mut attributes = normalized(for_create(call.member("region"), FIELDS, &[])?);
    let id = Id::from(call.path("region_id"));
    match take_text(&mut attributes, "id") {
        Some(given) if id != given.as_str() => Err(ApiError::bad_request(format!(
            "Conflicting region IDs specified: \"{id}\" != \"{given}\""
        ))),
        _ => make(&call, id, attributes).await,
    }
}

async fn make(call: &Call, id: Id, mut attributes: Map<String, Value>) -> Answer {
    let region = call
        .change(move |change| {
            if change.get::<Region>(&id).is_some() {
                return Err(ApiError::conflict(
                    "region",
                    &format!("Duplicate ID, {id}."),
                ));
            }
            let parent = take_id(&mut attributes, "parent_region_id");
            if let Some(parent) = &parent {
                find(change, parent)?;
            }
            Ok(change.put(Region {
                id,
                description: take_text(&mut attributes, "description").unwrap_or_default(),
                parent_region_id: parent,
                extra: attributes,
            }))
        })
        .await?;
    Ok(created(&json!({ "region": render(&region, &call.site) })))
}

/// Makes a region of which nothing is known but its name, unless it is there.
pub(super) fn make_if_missing(change: &mut Change, id: &Id) {
    if change.get::<Region>(id).is_none() {
        change.put(Region {
            id: id.clone(),
            description: String::new(),
            parent_region_id: None,
            extra: Map::new(),
        });
    }
}

async fn change(call: Call) -> Answer {
    call.enforce(Action::UpdateRegion, &Facts::none())?;
    let mut attributes = for_update(call.member("region"), FIELDS)?;
    let id = Id::from(call.path("region_id"));
    keep_id(&mut attributes, &id)?;
    let region = call
        .change(move |change| {
            let before = Arc::clone(find(change, &id)?);
            let after = read_update(&before, attributes);
            if let Some(parent) = after.parent_region_id.as_ref() {
                find(change, parent)?;
                check_circle(change, &id, parent)?;
            }
            Ok(change.put(after))
        })
        .await?;
    answer(&call, &region)
}

fn read_update(before: &Region, mut attributes: Map<String, Value>) -> Region {
    let description = match attributes.contains_key("description") {
        true => take_text(&mut attributes, "description").unwrap_or_default(),
        false => before.description.clone(),
    };
    let parent_region_id = match attributes.contains_key("parent_region_id") {
        true => take_id(&mut attributes, "parent_region_id"),
        false => before.parent_region_id.clone(),
    };
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    Region {
        description,
        parent_region_id,
        extra,
        ..before.clone()
    }
}

/// A region may not stand above itself.
fn check_circle(model: &Model, id: &Id, parent: &Id) -> Result<(), ApiError> {
    let above = std::iter::successors(Some(parent), |above| {
        model.get::<Region>(above)?.parent_region_id.as_ref()
    });
    if above.take(64).any(|above| above == id) {
        return Err(ApiError::bad_request(format!(
            "The specified parent region {id} would create a circular region hierarchy."
        )));
    }
    Ok(())
}

async fn remove(call: Call) -> Answer {
    call.enforce(Action::DeleteRegion, &Facts::none())?;
    let id = Id::from(call.path("region_id"));
    call.change(move |change| {
        find(change, &id)?;
        let family = family(change, &id);
        let is_used = change.all::<Endpoint>().into_iter().any(|endpoint| {
            let region = endpoint.region_id.as_ref();
            region.is_some_and(|region| family.contains(region))
        });
        if is_used {
            return Err(ApiError::forbidden(format!(
                "Unable to delete region {id} because it or its child regions have associated endpoints."
            )));
        }
        for region in &family {
            change.remove::<Region>(region);
        }
        Ok(())
    })
    .await?;
    Ok(no_content())
}

/// A region and those below it.
fn family(model: &Model, id: &Id) -> Vec<Id> {
    let mut family = vec![id.clone()];
    let regions = model.all::<Region>();
    loop {
        let next = regions.iter().find(|region| {
            let parent = region.parent_region_id.as_ref();
            parent.is_some_and(|parent| family.contains(parent)) && !family.contains(&region.id)
        });
        match next {
            Some(region) => family.push(region.id.clone()),
            None => return family,
        }
    }
}

fn answer(call: &Call, region: &Region) -> Answer {
    Ok(ok(&json!({ "region": render(region, &call.site) })))
}
