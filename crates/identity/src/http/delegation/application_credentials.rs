use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::access_rules::{self, WantedRule};
use super::{expiry, is_delegated, role_choice};
use crate::caller::Caller;
use crate::delegation::{SecretHash, generated};
use crate::directory::Change;
use crate::http::answers::{created, no_content, ok};
use crate::http::attributes::{take_flag, take_text};
use crate::http::call::{Answer, Call};
use crate::http::error::ApiError;
use crate::http::list::{Filters, collection};
use crate::http::schema::{self, Field, Form};
use crate::http::site::Site;
use crate::model::{AccessRule, ApplicationCredential, Id, Model};
use crate::policy::{Action, Fact, Facts};
use crate::service::Revoked;

const FIELDS: &[Field] = &[
    ("name", Form::Name(255)),
    ("description", Form::TextOrNull),
    ("secret", Form::TextOrNull),
    ("expires_at", Form::TextOrNull),
    ("roles", Form::List),
    ("unrestricted", Form::Flag),
    ("access_rules", Form::List),
];

/// `GET /users/{user_id}/application_credentials`
pub(super) async fn list(call: Call) -> Answer {
    let user = call.path("user_id");
    call.enforce(Action::ListApplicationCredentials, &of_user(user))?;
    check_no_trust(&call.caller)?;
    let filters = Filters::of(&call, &["name"]);
    let model = &call.model;
    let ids = model.indexes().application_credentials_of_user.of(user);
    let views = ids
        .filter_map(|id| model.get::<ApplicationCredential>(id))
        .filter(|one| filters.pass(|_| one.name.as_str().into()))
        .map(|one| view(one, model, &call.site))
        .collect();
    Ok(collection(&call, "application_credentials", views))
}

/// `POST /users/{user_id}/application_credentials`
pub(super) async fn create(call: Call) -> Answer {
    let user = Id::from(call.path("user_id"));
    call.enforce(Action::CreateApplicationCredential, &of_user(&user))?;
    let wanted = call.member("application_credential");
    let wanted = Wanted::read(wanted, &call.model, call.service.now())?;
    check_no_trust(&call.caller)?;
    check_unrestricted(&call.caller)?;
    let project = call.caller.project_id().cloned().ok_or_else(|| {
        ApiError::forbidden_action("identity:create_application_credential")
            .because("the token is not good on a project")
    })?;
    let (secret, hash) = secret(wanted.secret.clone()).await?;
    let caller = call.caller.clone();
    let made = call
        .change(move |change| make(change, wanted, &caller, project, &hash))
        .await?;
    let model = call.service.directory.read();
    let mut view = view(&made, &model, &call.site);
    if let Some(members) = view.as_object_mut() {
        members.insert("secret".to_owned(), json!(*secret));
    }
    Ok(created(&json!({ "application_credential": view })))
}

/// `GET /users/{user_id}/application_credentials/{credential_id}`
pub(super) async fn show(call: Call) -> Answer {
    let found = asked_for(&call, Action::GetApplicationCredential)?;
    let view = view(&found, &call.model, &call.site);
    Ok(ok(&json!({ "application_credential": view })))
}

/// `DELETE /users/{user_id}/application_credentials/{credential_id}`
pub(super) async fn delete(call: Call) -> Answer {
    let found = asked_for(&call, Action::DeleteApplicationCredential)?;
    check_unrestricted(&call.caller)?;
    let service = Arc::clone(&call.service);
    call.change(move |change| {
        if change.remove::<ApplicationCredential>(&found.id).is_some() {
            let which = Revoked::ApplicationCredential(found.id.clone());
            service.tokens.revoke(change, &which, service.now());
        }
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn of_user(user: &str) -> Facts {
    Facts::none().with(Fact::User, user)
}

/// The one in the path, when the caller may do this with it. Whose it is says the credential, not the path.
fn asked_for(call: &Call, action: Action) -> Result<Arc<ApplicationCredential>, ApiError> {
    let id = call.path("credential_id");
    let found = call.model.get::<ApplicationCredential>(id).cloned();
    let owner = found.as_ref().map(|found| found.user_id.as_str());
    call.enforce(action, &of_user(owner.unwrap_or(call.path("user_id"))))?;
    check_no_trust(&call.caller)?;
    found
        .filter(|found| found.user_id == *call.path("user_id"))
        .ok_or_else(|| ApiError::no_such("Application Credential", id))
}

/// What was had by a trust makes nothing that would outlive the trust.
pub(super) fn check_no_trust(caller: &Caller) -> Result<(), ApiError> {
    let by_credential = caller.application_credential.is_some();
    match !by_credential && (caller.trust.is_some() || is_delegated(caller)) {
        true => Err(ApiError::forbidden(
            "Cannot manage application credentials with a token issued via delegation.",
        )),
        false => Ok(()),
    }
}

fn check_unrestricted(caller: &Caller) -> Result<(), ApiError> {
    match &caller.application_credential {
        Some(used) if !used.unrestricted => Err(ApiError::forbidden_action(
            "Using method 'application_credential' is not allowed for managing additional application credentials.",
        )),
        _ => Ok(()),
    }
}

/// An application credential that somebody wants to have.
struct Wanted {
    name: String,
    description: Option<String>,
    secret: Option<Zeroizing<String>>,
    expires_at: Option<Timestamp>,
    role_ids: Vec<Id>,
    unrestricted: bool,
    access_rules: Option<Vec<WantedRule>>,
}

impl Wanted {
    fn read(value: Value, model: &Model, now: Timestamp) -> Result<Self, ApiError> {
        let mut wanted: Map<String, Value> = schema::for_create(value, FIELDS, &["name"])?;
        Ok(Self {
            name: take_text(&mut wanted, "name").unwrap_or_default(),
            description: take_text(&mut wanted, "description"),
            secret: take_text(&mut wanted, "secret")
                .filter(|secret| !secret.is_empty())
                .map(Zeroizing::new),
            expires_at: expiry::read(wanted.get("expires_at"), now)?,
            role_ids: role_choice::chosen(wanted.get("roles"), model)?,
            unrestricted: take_flag(&mut wanted, "unrestricted").unwrap_or(false),
            access_rules: wanted
                .get("access_rules")
                .map(access_rules::wanted)
                .transpose()?,
        })
    }
}

/// The secret, and what it will be checked with. A chosen one takes its time.
async fn secret(
    chosen: Option<Zeroizing<String>>,
) -> Result<(Zeroizing<String>, SecretHash), ApiError> {
    let Some(chosen) = chosen else {
        let secret = generated(&mut rand::rng());
        let hash = SecretHash::of_generated(&secret);
        return Ok((secret, hash));
    };
    spawn_blocking(move || {
        let hash = SecretHash::of_chosen(&chosen, &mut rand::rng());
        (chosen, hash)
    })
    .await
    .map_err(|error| ApiError::unexpected(error.to_string()))
}

fn make(
    change: &mut Change,
    wanted: Wanted,
    caller: &Caller,
    project: Id,
    hash: &SecretHash,
) -> Result<Arc<ApplicationCredential>, ApiError> {
    let user = &caller.user_id;
    let theirs = change.indexes().application_credentials_of_user.of(user);
    let is_taken = theirs
        .filter_map(|id| change.get::<ApplicationCredential>(id))
        .any(|one| one.name == wanted.name);
    if is_taken {
        let details = format!("Duplicate entry found with name {}", wanted.name);
        return Err(ApiError::conflict("application_credential", &details));
    }
    let role_ids = roles(wanted.role_ids, caller)?;
    let rules = wanted.access_rules;
    let access_rule_ids = rules
        .map(|rules| access_rules::put(change, rules, user))
        .transpose()?;
    Ok(change.put(ApplicationCredential {
        id: Id::random(),
        name: wanted.name,
        description: wanted.description,
        user_id: user.clone(),
        project_id: project,
        role_ids,
        secret_hash: hash.to_string(),
        expires_at: wanted.expires_at,
        unrestricted: wanted.unrestricted,
        access_rule_ids,
    }))
}

/// Those of the token, or some of them: a token that holds less than its user does makes nothing that holds more.
fn roles(wanted: Vec<Id>, caller: &Caller) -> Result<Vec<Id>, ApiError> {
    let held: Vec<Id> = caller.roles.iter().map(|role| role.id.clone()).collect();
    if wanted.is_empty() {
        return Ok(held);
    }
    match wanted.iter().all(|role| held.contains(role)) {
        true => Ok(wanted),
        false => Err(ApiError::bad_request(
            "Invalid application credential: Cannot create an application credential with unassigned role",
        )),
    }
}

fn view(credential: &ApplicationCredential, model: &Model, site: &Site) -> Value {
    let ApplicationCredential {
        id,
        name,
        description,
        user_id,
        project_id,
        role_ids,
        secret_hash: _,
        expires_at,
        unrestricted,
        access_rule_ids,
    } = credential;
    let url = site.url(&format!("/users/{user_id}/application_credentials/{id}"));
    let mut view = json!({
        "id": id,
        "name": name,
        "description": description,
        "user_id": user_id,
        "project_id": project_id,
        "system": null,
        "roles": role_choice::views(role_ids, model, None),
        "expires_at": expiry::unzoned(*expires_at),
        "unrestricted": unrestricted,
        "links": { "self": url },
    });
    if let (Some(ids), Some(members)) = (access_rule_ids, view.as_object_mut()) {
        let rules = ids.iter().filter_map(|id| model.get::<AccessRule>(id));
        let rules = rules.map(|rule| access_rules::view(rule)).collect();
        members.insert("access_rules".to_owned(), Value::Array(rules));
    }
    view
}
