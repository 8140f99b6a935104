use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::application_credentials::check_no_trust;
use crate::directory::Change;
use crate::http::answers::{no_content, ok};
use crate::http::call::{Answer, Call};
use crate::http::error::ApiError;
use crate::http::list::{Attribute, Filters, collection};
use crate::http::python::{quoted, repr};
use crate::http::schema::{self, Field, Form};
use crate::http::site::Site;
use crate::model::{AccessRule, ApplicationCredential, Id};
use crate::policy::{Action, Fact, Facts};

const FIELDS: &[Field] = &[
    ("id", Form::Id),
    ("service", Form::Id),
    (
        "method",
        Form::OneOf(&["POST", "GET", "HEAD", "PATCH", "PUT", "DELETE"]),
    ),
    ("path", Form::Text),
];
const LONGEST_PATH: usize = 225;

/// `GET /users/{user_id}/access_rules`
pub(super) async fn list(call: Call) -> Answer {
    let user = call.path("user_id");
    call.enforce(
        Action::ListAccessRules,
        &Facts::none().with(Fact::User, user),
    )?;
    check_no_trust(&call.caller)?;
    let filters = Filters::of(&call, &["service", "path", "method"]);
    let rules = call.model.all::<AccessRule>().into_iter();
    let views = rules
        .filter(|rule| rule.user_id == *user)
        .filter(|rule| {
            filters.pass(|name| match name {
                "service" => Attribute::Text(&rule.service),
                "path" => Attribute::Text(&rule.path),
                _ => Attribute::Text(&rule.method),
            })
        })
        .map(|rule| linked(rule, &call.site))
        .collect();
    Ok(collection(&call, "access_rules", views))
}

/// `GET /users/{user_id}/access_rules/{rule_id}`
pub(super) async fn show(call: Call) -> Answer {
    let rule = asked_for(&call, Action::GetAccessRule)?;
    Ok(ok(&json!({ "access_rule": linked(&rule, &call.site) })))
}

/// `DELETE /users/{user_id}/access_rules/{rule_id}`
pub(super) async fn delete(call: Call) -> Answer {
    let rule = asked_for(&call, Action::DeleteAccessRule)?;
    call.change(move |change| {
        let is_used = change.all::<ApplicationCredential>().iter().any(|one| {
            let rules = one.access_rule_ids.as_deref().unwrap_or_default();
            rules.contains(&rule.id)
        });
        if is_used {
            return Err(ApiError::forbidden("May not delete access rule in use"));
        }
        change.remove::<AccessRule>(&rule.id);
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn asked_for(call: &Call, action: Action) -> Result<Arc<AccessRule>, ApiError> {
    let (user, id) = (call.path("user_id"), call.path("rule_id"));
    call.enforce(action, &Facts::none().with(Fact::User, user))?;
    check_no_trust(&call.caller)?;
    let rule = call.model.get::<AccessRule>(id);
    rule.filter(|rule| rule.user_id == *user)
        .cloned()
        .ok_or_else(|| ApiError::no_such("Access Rule", id))
}

/// A rule that an application credential is to have.
pub(super) enum WantedRule {
    /// One that is there.
    Known(Id),
    /// A new one, unless the user has the same already.
    New {
        service: String,
        path: String,
        method: String,
    },
}

/// The rules that a body names.
///
/// # Errors
/// 400: they are of another form.
pub(super) fn wanted(value: &Value) -> Result<Vec<WantedRule>, ApiError> {
    let rules = value.as_array().into_iter().flatten();
    rules.map(wanted_rule).collect()
}

fn wanted_rule(value: &Value) -> Result<WantedRule, ApiError> {
    let members: Map<String, Value> = schema::for_create(value.clone(), FIELDS, &[])?;
    let unknown = members
        .keys()
        .find(|name| !FIELDS.iter().any(|(known, _)| known == name));
    if let Some(name) = unknown {
        return Err(ApiError::bad_request(format!(
            "Additional properties are not allowed ({} was unexpected)",
            quoted(name)
        )));
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text("service"), text("path"), text("method"), text("id")) {
        (Some(service), Some(path), Some(method), _) => {
            if !path.starts_with('/') || path.len() > LONGEST_PATH {
                return Err(ApiError::bad_request(format!(
                    "Invalid input for field 'access_rules': {} does not match '^\\\\/.*'",
                    quoted(&path)
                )));
            }
            Ok(WantedRule::New {
                service,
                path,
                method,
            })
        }
        (None, None, None, Some(id)) => Ok(WantedRule::Known(Id::from(id))),
        _ => Err(ApiError::bad_request(format!(
            "{} has to have an 'id', or a 'service', a 'path' and a 'method'",
            repr(value)
        ))),
    }
}

/// Keeps the rules that are new, and gives the ids of all.
///
/// # Errors
/// 404: the user has no such rule.
pub(super) fn put(
    change: &mut Change,
    rules: Vec<WantedRule>,
    user: &Id,
) -> Result<Vec<Id>, ApiError> {
    let mut ids = Vec::new();
    for rule in rules {
        ids.push(match rule {
            WantedRule::Known(id) => {
                let known = change.get::<AccessRule>(&id);
                let known = known.filter(|rule| rule.user_id == *user);
                known.ok_or_else(|| ApiError::no_such("Access Rule", &id))?;
                id
            }
            WantedRule::New {
                service,
                path,
                method,
            } => same(change, user, &service, &path, &method).unwrap_or_else(|| {
                let rule = AccessRule {
                    id: Id::random(),
                    user_id: user.clone(),
                    service,
                    path,
                    method,
                };
                change.put(rule).id.clone()
            }),
        });
    }
    Ok(ids)
}

fn same(change: &Change, user: &Id, service: &str, path: &str, method: &str) -> Option<Id> {
    let rules = change.all::<AccessRule>();
    let same = rules.into_iter().find(|rule| {
        rule.user_id == *user
            && rule.service == service
            && rule.path == path
            && rule.method == method
    });
    same.map(|rule| rule.id.clone())
}

/// A rule as it stands in application credentials.
pub(super) fn view(rule: &AccessRule) -> Value {
    json!({
        "id": rule.id,
        "service": rule.service,
        "path": rule.path,
        "method": rule.method,
    })
}

fn linked(rule: &AccessRule, site: &Site) -> Value {
    let url = site.url(&format!("/users/{}/access_rules/{}", rule.user_id, rule.id));
    let mut view = view(rule);
    if let Some(members) = view.as_object_mut() {
        members.insert("links".to_owned(), json!({ "self": url }));
    }
    view
}
