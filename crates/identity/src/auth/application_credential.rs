//! Application credentials: an identifier, or a name and a user, with a secret.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::request::{Named, SignIn, text_of};
use super::standing::no_credential;
use super::validate::{unexpected, user_by_id};
use super::{Auth, lookup};
use crate::delegation::SecretHash;
use crate::http::ApiError;
use crate::model::{ApplicationCredential, Id, Model};

const METHOD: &str = "application_credential";

impl Auth {
    /// The credential that a sign-in names.
    pub(super) fn credential_named(
        &self,
        model: &Model,
        sign_in: &SignIn,
    ) -> Result<Arc<ApplicationCredential>, ApiError> {
        let shown = sign_in.shown(METHOD);
        if let Some(id) = text_of(shown, "id") {
            return model
                .get::<ApplicationCredential>(&id)
                .cloned()
                .ok_or_else(|| no_credential(&id));
        }
        let name = text_of(shown, "name")
            .ok_or_else(|| ApiError::expected("name or ID", "application credential"))?;
        let user = shown
            .get("user")
            .filter(|user| user.is_object())
            .ok_or_else(|| ApiError::expected("user", "application credential"))?;
        let user_id = owner(model, user)?;
        model
            .indexes()
            .application_credentials_of_user
            .of(&user_id)
            .filter_map(|id| model.get::<ApplicationCredential>(id))
            .find(|credential| credential.name == name)
            .cloned()
            .ok_or_else(|| {
                ApiError::unauthorized(format!("user {user_id} has no credential {name}"))
            })
    }

    /// The credential whose secret was shown. Its user is its owner, whoever else is named beside it.
    pub(super) async fn by_credential(
        &self,
        model: &Model,
        sign_in: &SignIn,
        now: Timestamp,
    ) -> Result<Arc<ApplicationCredential>, ApiError> {
        let credential = self.credential_named(model, sign_in)?;
        let user = user_by_id(model, &credential.user_id)?;
        lookup::usable_user(model, &user)?;
        let shown = sign_in.shown(METHOD).get("secret").unwrap_or(&Value::Null);
        let shown = SignIn::secret(shown);
        let is_right = match SecretHash::parse(&credential.secret_hash) {
            None => false,
            Some(kept) if kept.is_slow() => spawn_blocking(move || kept.matches(&shown))
                .await
                .map_err(unexpected)?,
            Some(kept) => kept.matches(&shown),
        };
        let refused = |why| {
            let id = &credential.id;
            ApiError::unauthorized(format!("application credential {id}: {why}"))
        };
        if !is_right {
            return Err(refused("the secret is not right"));
        }
        if credential.expires_at.is_some_and(|end| end <= now) {
            return Err(refused("it has expired"));
        }
        Ok(credential)
    }
}

fn owner(model: &Model, user: &Value) -> Result<Id, ApiError> {
    if let Some(id) = text_of(user, "id") {
        return Ok(Id::from(id));
    }
    let Named {
        name: Some(name),
        domain,
        ..
    } = Named::read(user)
    else {
        return Err(ApiError::expected("id or name", "user"));
    };
    let domain = domain.ok_or_else(|| ApiError::expected("domain", "user"))?;
    let domain = lookup::domain(model, &domain)?;
    model
        .user_by_name(&domain.id, &name)
        .map(|user| user.id.clone())
        .ok_or_else(|| ApiError::unauthorized(format!("no user is {name} in {}", domain.id)))
}
