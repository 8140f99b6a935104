use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::check_not_handed_on;
use crate::directory::Change;
use crate::http::answers::{created, no_content, ok};
use crate::http::attributes::{normalized, take_id, take_text};
use crate::http::call::{Answer, Call};
use crate::http::error::ApiError;
use crate::http::list::{Attribute, Filters, collection};
use crate::http::python::quoted;
use crate::http::schema::{self, Field, Form};
use crate::http::site::Site;
use crate::model::{Credential, Id};
use crate::policy::{Action, Fact, Facts};
use crate::service::Service;

const FIELDS: &[Field] = &[
    ("blob", Form::Text),
    ("project_id", Form::Text),
    ("type", Form::Text),
    ("user_id", Form::Text),
];
/// What a credential for EC2 says about the token by which it was made; nobody changes that.
const BOUND: [&str; 4] = ["trust_id", "app_cred_id", "access_token_id", "access_id"];

/// `GET /credentials`
pub(super) async fn list(call: Call) -> Answer {
    let facts = match call.caller.is_system() {
        true => Facts::none(),
        false => Facts::none().with(Fact::User, call.caller.user_id.clone()),
    };
    call.enforce(Action::ListCredentials, &facts)?;
    let filters = Filters::of(&call, &["user_id", "type"]);
    let mut views = Vec::new();
    for credential in call.model.all::<Credential>() {
        let is_meant = filters.pass(|name| match name {
            "type" => Attribute::Text(&credential.kind),
            _ => Attribute::Text(&credential.user_id),
        });
        if is_meant && check(&call, Action::GetCredential, credential).is_ok() {
            views.push(view(credential, &call)?);
        }
    }
    Ok(collection(&call, "credentials", views))
}

/// `GET /credentials/{credential_id}`
pub(super) async fn show(call: Call) -> Answer {
    let found = asked_for(&call, Action::GetCredential)?;
    Ok(ok(&json!({ "credential": view(&found, &call)? })))
}

/// `POST /credentials`
pub(super) async fn create(call: Call) -> Answer {
    let wanted = call.member("credential");
    let facts = match wanted.get("user_id").and_then(Value::as_str) {
        Some(user) => Facts::none().with(Fact::User, user),
        None => Facts::none(),
    };
    call.enforce(Action::CreateCredential, &facts)?;
    let mut wanted = normalized(schema::for_create(
        wanted,
        FIELDS,
        &["blob", "type", "user_id"],
    )?);
    check_hand(&call)?;
    let kind = take_text(&mut wanted, "type").unwrap_or_default();
    let blob = take_text(&mut wanted, "blob").unwrap_or_default();
    let user_id = take_id(&mut wanted, "user_id").unwrap_or("".into());
    let project_id = take_id(&mut wanted, "project_id");
    wanted.remove("id");
    let id = match kind.eq_ignore_ascii_case("ec2") {
        true if project_id.is_none() => {
            return Err(ApiError::bad_request("'project_id' is a required property"));
        }
        true => id_of_access(&access(&blob)?),
        false => Id::random(),
    };
    let credential = Credential {
        id,
        user_id,
        project_id,
        kind,
        blob: seal(&call.service, &blob)?,
        extra: wanted,
    };
    let made = call
        .change(move |change| put_new(change, credential))
        .await?;
    Ok(created(&json!({ "credential": view(&made, &call)? })))
}

/// `PATCH /credentials/{credential_id}`
pub(super) async fn update(call: Call) -> Answer {
    let found = asked_for(&call, Action::UpdateCredential)?;
    let wanted = schema::for_update(call.member("credential"), FIELDS)?;
    let blob = only_blob(wanted)?;
    if found.kind.eq_ignore_ascii_case("ec2") {
        let before: Value = serde_json::from_str(&open(&call.service, &found)?).unwrap_or_default();
        let after = object(&blob)?;
        let changed = BOUND
            .iter()
            .find(|name| before.get(**name) != after.get(**name));
        if let Some(name) = changed {
            let words = format!("{name} can not be updated for credential");
            return Err(ApiError::bad_request(words));
        }
    }
    let sealed = seal(&call.service, &blob)?;
    let id = found.id.clone();
    let made = call
        .change(move |change| {
            let before = change.get::<Credential>(&id).cloned();
            let before = before.ok_or_else(|| ApiError::no_such("credential", &id))?;
            Ok(change.put(Credential {
                blob: sealed,
                ..(*before).clone()
            }))
        })
        .await?;
    Ok(ok(&json!({ "credential": view(&made, &call)? })))
}

/// `DELETE /credentials/{credential_id}`
pub(super) async fn delete(call: Call) -> Answer {
    let found = asked_for(&call, Action::DeleteCredential)?;
    call.change(move |change| {
        change.remove::<Credential>(&found.id);
        Ok(())
    })
    .await?;
    Ok(no_content())
}

/// Keeps a credential whose id is not taken.
pub(super) fn put_new(
    change: &mut Change,
    credential: Credential,
) -> Result<Arc<Credential>, ApiError> {
    if change.get::<Credential>(&credential.id).is_some() {
        let details = format!("Duplicate entry found with ID {}", credential.id);
        return Err(ApiError::conflict("credential", &details));
    }
    Ok(change.put(credential))
}

/// The id of a credential for EC2.
pub(super) fn id_of_access(access: &str) -> Id {
    let digest = Sha256::digest(access);
    let hex: Vec<String> = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    Id::from(hex.concat())
}

/// The sealed form in which a secret lies in the store.
pub(super) fn seal(service: &Service, blob: &str) -> Result<String, ApiError> {
    let seal = service.blobs.as_ref().ok_or_else(no_keys)?;
    seal.seal(blob, service.now(), &mut rand::rng())
        .map_err(|error| ApiError::unexpected(error.to_string()))
}

/// A secret as the client gave it.
pub(super) fn open(service: &Service, credential: &Credential) -> Result<String, ApiError> {
    let seal = service.blobs.as_ref().ok_or_else(no_keys)?;
    let opened = seal.open(&credential.blob);
    opened
        .map(|blob| blob.to_string())
        .map_err(|error| ApiError::unexpected(format!("credential {}: {error}", credential.id)))
}

/// What was handed on does not get at secrets, nor make any.
pub(super) fn check_hand(call: &Call) -> Result<(), ApiError> {
    check_not_handed_on(
        &call.caller,
        "You are not authorized to perform the requested action: Delegated tokens cannot access credentials directly.",
    )
}

fn no_keys() -> ApiError {
    ApiError::unexpected("there are no keys to seal credentials with")
}

fn asked_for(call: &Call, action: Action) -> Result<Arc<Credential>, ApiError> {
    let id = call.path("credential_id");
    match call.model.get::<Credential>(id) {
        Some(found) => check(call, action, found).map(|()| Arc::clone(found)),
        None => {
            call.enforce(action, &Facts::none())?;
            Err(ApiError::no_such("credential", id))
        }
    }
}

fn check(call: &Call, action: Action, credential: &Credential) -> Result<(), ApiError> {
    let facts = Facts::none().with(Fact::User, credential.user_id.clone());
    call.enforce(action, &facts)?;
    check_hand(call)
}

fn only_blob(mut wanted: Map<String, Value>) -> Result<String, ApiError> {
    let blob = take_text(&mut wanted, "blob");
    if let Some(name) = wanted.keys().next() {
        return Err(ApiError::bad_request(format!(
            "Additional properties are not allowed ({} was unexpected)",
            quoted(name)
        )));
    }
    blob.ok_or_else(|| ApiError::bad_request("'blob' is a required property"))
}

fn access(blob: &str) -> Result<String, ApiError> {
    match object(blob)?.get("access") {
        Some(Value::String(access)) => Ok(access.clone()),
        _ => Err(ApiError::expected("access", "credential")),
    }
}

fn object(blob: &str) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_str(blob) {
        Ok(Value::Object(members)) if !members.is_empty() => Ok(members),
        Ok(_) => Err(ApiError::expected("blob", "credential")),
        Err(_) => Err(ApiError::bad_request("Invalid blob in credential")),
    }
}

fn view(credential: &Credential, call: &Call) -> Result<Value, ApiError> {
    let site: &Site = &call.site;
    let mut view = credential.extra.clone();
    let url = site.url(&format!("/credentials/{}", credential.id));
    let members = [
        ("id", json!(credential.id)),
        ("type", json!(credential.kind)),
        ("user_id", json!(credential.user_id)),
        ("project_id", json!(credential.project_id)),
        ("blob", json!(open(&call.service, credential)?)),
        ("links", json!({ "self": url })),
    ];
    for (name, value) in members {
        view.insert(name.to_owned(), value);
    }
    Ok(Value::Object(view))
}
