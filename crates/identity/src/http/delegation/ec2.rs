//! Credentials for EC2, by their older path: `/users/{user_id}/credentials/OS-EC2`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::credentials::{check_hand, id_of_access, open, put_new, seal};
use crate::http::answers::{created, no_content, ok};
use crate::http::call::{Answer, Call};
use crate::http::error::ApiError;
use crate::http::list::collection;
use crate::model::{Credential, Extra, Id, Project, User};
use crate::policy::{Action, Fact, Facts};

/// `GET /users/{user_id}/credentials/OS-EC2`
pub(super) async fn list(call: Call) -> Answer {
    enforce(&call, Action::ListCredentials)?;
    let user = call.path("user_id");
    let theirs = call.model.all::<Credential>().into_iter();
    let theirs = theirs.filter(|one| one.kind == "ec2" && one.user_id == *user);
    let views: Result<Vec<Value>, ApiError> = theirs.map(|one| view(one, &call)).collect();
    Ok(collection(&call, "credentials", views?))
}

/// `POST /users/{user_id}/credentials/OS-EC2`
pub(super) async fn create(call: Call) -> Answer {
    enforce(&call, Action::CreateCredential)?;
    let user = call.path("user_id");
    if call.model.get::<User>(user).is_none() {
        return Err(ApiError::no_such("user", user));
    }
    let tenant = call.member("tenant_id");
    let tenant = tenant
        .as_str()
        .ok_or_else(|| ApiError::expected("tenant_id", "request body"))?;
    if call.model.get::<Project>(tenant).is_none() {
        return Err(ApiError::no_such("project", tenant));
    }
    let (access, secret) = (Id::random(), Id::random());
    let blob = json!({ "access": access, "secret": secret, "trust_id": null }).to_string();
    let credential = Credential {
        id: id_of_access(&access),
        user_id: Id::from(user),
        project_id: Some(Id::from(tenant)),
        kind: "ec2".to_owned(),
        blob: seal(&call.service, &blob)?,
        extra: Extra::new(),
    };
    let made = call
        .change(move |change| put_new(change, credential))
        .await?;
    Ok(created(&json!({ "credential": view(&made, &call)? })))
}

/// `GET /users/{user_id}/credentials/OS-EC2/{access}`
pub(super) async fn show(call: Call) -> Answer {
    let found = asked_for(&call, Action::GetCredential)?;
    Ok(ok(&json!({ "credential": view(&found, &call)? })))
}

/// `DELETE /users/{user_id}/credentials/OS-EC2/{access}`
pub(super) async fn delete(call: Call) -> Answer {
    let found = asked_for(&call, Action::DeleteCredential)?;
    call.change(move |change| {
        change.remove::<Credential>(&found.id);
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn enforce(call: &Call, action: Action) -> Result<(), ApiError> {
    let facts = Facts::none().with(Fact::User, call.path("user_id"));
    call.enforce(action, &facts)?;
    check_hand(call)
}

fn asked_for(call: &Call, action: Action) -> Result<Arc<Credential>, ApiError> {
    enforce(call, action)?;
    let access = call.path("access");
    let found = call.model.get::<Credential>(&id_of_access(access));
    found
        .filter(|found| found.kind == "ec2" && found.user_id == *call.path("user_id"))
        .cloned()
        .ok_or_else(|| ApiError::no_such("credential", access))
}

fn view(credential: &Credential, call: &Call) -> Result<Value, ApiError> {
    let blob: Value = serde_json::from_str(&open(&call.service, credential)?).unwrap_or_default();
    let user = &credential.user_id;
    let access = blob.get("access").cloned().unwrap_or_default();
    let path = format!(
        "/users/{user}/credentials/OS-EC2/{}",
        access.as_str().unwrap_or_default()
    );
    Ok(json!({
        "user_id": user,
        "tenant_id": credential.project_id,
        "access": access,
        "secret": blob.get("secret"),
        "trust_id": blob.get("trust_id"),
        "links": { "self": call.site.url(&path) },
    }))
}
