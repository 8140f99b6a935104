use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::answers::{created, no_content, ok};
use super::attributes::{
    keep_domain, keep_id, normalized, take_description, take_domain, take_text,
};
use super::call::{Answer, Call};
use super::domains::{self, object_or_empty};
use super::error::ApiError;
use super::list::{Attribute, Filters, collection};
use super::schema::{Field, Form, for_create, for_update};
use super::site::Site;
use super::users;
use crate::directory::Change;
use crate::model::{Group, Id, Membership, Model, User};
use crate::policy::{Action, Fact, Facts};
use crate::service::Service;

const FIELDS: &[Field] = &[
    ("description", Form::TextOrNull),
    ("domain_id", Form::Id),
    ("name", Form::Name(255)),
];

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/groups", get(list).post(create))
        .route(
            "/v3/groups/{group_id}",
            get(show).patch(change).delete(remove),
        )
        .route("/v3/groups/{group_id}/users", get(list_users))
        .route(
            "/v3/groups/{group_id}/users/{user_id}",
            get(check_user).put(add_user).delete(remove_user),
        )
}

/// A group as the API shows it.
pub(super) fn render(group: &Group, site: &Site) -> Map<String, Value> {
    let mut shown = group.extra.clone();
    shown.insert("id".to_owned(), json!(group.id));
    shown.insert("name".to_owned(), json!(group.name));
    shown.insert("domain_id".to_owned(), json!(group.domain_id));
    shown.insert("description".to_owned(), json!(group.description));
    let url = site.url(&format!("/groups/{}", group.id));
    shown.insert("links".to_owned(), json!({ "self": url }));
    shown
}

/// A group that must be there.
pub(super) fn find<'a>(model: &'a Model, id: &str) -> Result<&'a Arc<Group>, ApiError> {
    let group = model.get::<Group>(id);
    group.ok_or_else(|| ApiError::no_such("group", id))
}

/// What a policy may ask about the group, and the user, in the path.
fn facts(call: &Call) -> Facts {
    let group = call.model.get::<Group>(call.path("group_id"));
    let user = call.model.get::<User>(call.path("user_id"));
    Facts::none()
        .with_any(Fact::GroupDomain, group.map(|group| &group.domain_id))
        .with_any(Fact::UserDomain, user.map(|user| &user.domain_id))
}

async fn list(call: Call) -> Answer {
    let domain = call.caller.domain_id();
    call.enforce(
        Action::ListGroups,
        &Facts::none().with_any(Fact::ListDomain, domain),
    )?;
    let filters = Filters::of(&call, &["domain_id", "name"]);
    let meant = call.model.all::<Group>().into_iter().filter(|group| {
        let is_ours = domain.is_none_or(|domain| group.domain_id == *domain);
        let attribute = |name: &str| match name {
            "name" => Attribute::Text(&group.name),
            _ => Attribute::Text(&group.domain_id),
        };
        is_ours && filters.pass(attribute)
    });
    let shown = meant.map(|group| Value::Object(render(group, &call.site)));
    Ok(collection(&call, "groups", shown.collect()))
}

async fn show(call: Call) -> Answer {
    call.enforce(Action::GetGroup, &facts(&call))?;
    answer(&call, find(&call.model, call.path("group_id"))?)
}

async fn create(call: Call) -> Answer {
    call.enforce(Action::CreateGroup, &Facts::none())?;
    let attributes = for_create(object_or_empty(&call, "group"), FIELDS, &["name"])?;
    let mut attributes = normalized(attributes);
    attributes.remove("id");
    let domain_id = take_domain(&mut attributes, &call);
    let group = call
        .change(move |change| {
            domains::find(change, &domain_id)?;
            let name = take_text(&mut attributes, "name").unwrap_or_default();
            let description = take_description(&mut attributes);
            let group = Group {
                id: Id::random(),
                name: name.trim().to_owned(),
                domain_id,
                description: description.unwrap_or_else(|| Some(String::new())),
                extra: attributes,
            };
            check_name(change, &group, Some(&group.domain_id))?;
            Ok(change.put(group))
        })
        .await?;
    Ok(created(&json!({ "group": render(&group, &call.site) })))
}

/// Nothing else may have the name. Keystone tells the domain if the call did.
fn check_name(change: &Change, group: &Group, said_domain: Option<&Id>) -> Result<(), ApiError> {
    let other = change.group_by_name(&group.domain_id, &group.name);
    if other.is_some_and(|other| other.id != group.id) {
        return Err(ApiError::duplicate("group", &group.name, said_domain));
    }
    Ok(())
}

async fn change(call: Call) -> Answer {
    call.enforce(Action::UpdateGroup, &facts(&call))?;
    let mut attributes = for_update(object_or_empty(&call, "group"), FIELDS)?;
    let id = Id::from(call.path("group_id"));
    keep_id(&mut attributes, &id)?;
    let group = call
        .change(move |change| {
            let before = Arc::clone(find(change, &id)?);
            keep_domain(&mut attributes, Some(&before.domain_id))?;
            let after = read_update(&before, attributes);
            check_name(change, &after, None)?;
            Ok(change.put(after))
        })
        .await?;
    answer(&call, &group)
}

fn read_update(before: &Group, mut attributes: Map<String, Value>) -> Group {
    let name = take_text(&mut attributes, "name");
    let description = take_description(&mut attributes);
    let mut extra = before.extra.clone();
    extra.extend(attributes);
    Group {
        name: name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
        description: description.unwrap_or_else(|| before.description.clone()),
        extra,
        ..before.clone()
    }
}

async fn remove(call: Call) -> Answer {
    let id = find(&call.model, call.path("group_id"))?.id.clone();
    call.enforce(Action::DeleteGroup, &facts(&call))?;
    call.change(move |change| {
        find(change, &id)?;
        change.remove_group(&id);
        Ok(())
    })
    .await?;
    Ok(no_content())
}

async fn list_users(call: Call) -> Answer {
    call.enforce(Action::ListUsersInGroup, &facts(&call))?;
    let group = find(&call.model, call.path("group_id"))?;
    let filters = Filters::of(&call, &["domain_id", "enabled", "name"]);
    let domain = call.caller.domain_id();
    let ids = call.model.indexes().members.of(&group.id);
    let meant = ids
        .filter_map(|id| call.model.get::<User>(id))
        .filter(|user| domain.is_none_or(|domain| user.domain_id == *domain))
        .filter(|user| filters.pass(|name| users::attribute(user, name)));
    let shown = meant.map(|user| Value::Object(users::render(user, &call.site)));
    Ok(collection(&call, "users", shown.collect()))
}

async fn check_user(call: Call) -> Answer {
    call.enforce(Action::CheckUserInGroup, &facts(&call))?;
    let (group, user) = ends(&call, &call.model)?;
    membership(&call.model, &group, &user)?;
    Ok(no_content())
}

async fn add_user(call: Call) -> Answer {
    call.enforce(Action::AddUserToGroup, &facts(&call))?;
    let (group_id, user_id) = ends(&call, &call.model)?;
    call.change(move |change| {
        find(change, &group_id)?;
        users::find(change, &user_id)?;
        change.put(Membership { group_id, user_id });
        Ok(())
    })
    .await?;
    Ok(no_content())
}

async fn remove_user(call: Call) -> Answer {
    call.enforce(Action::RemoveUserFromGroup, &facts(&call))?;
    let (group, user) = ends(&call, &call.model)?;
    call.change(move |change| {
        membership(change, &group, &user)?;
        change.remove::<Membership>(&Membership::key_of(&group, &user));
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn ends(call: &Call, model: &Model) -> Result<(Id, Id), ApiError> {
    let group = find(model, call.path("group_id"))?;
    let user = users::find(model, call.path("user_id"))?;
    Ok((group.id.clone(), user.id.clone()))
}

fn membership(model: &Model, group: &Id, user: &Id) -> Result<(), ApiError> {
    if model.indexes().members.has(group, user) {
        Ok(())
    } else {
        Err(ApiError::not_found(format!(
            "User '{user}' not found in group '{group}'"
        )))
    }
}

fn answer(call: &Call, group: &Group) -> Answer {
    Ok(ok(&json!({ "group": render(group, &call.site) })))
}
