//! Reading tokens: whose they are and what they are worth now.

use std::sync::Arc;

use axum::Router;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::body::TokenText;
use super::cache::Cache;
use super::settings::CatalogView;
use super::standing::{Scope, Standing};
use super::{Auth, Front, revocation, routes};
use crate::caller::Caller;
use crate::directory::Change;
use crate::http::{ApiError, Visit};
use crate::model::{Model, User};
use crate::server::Arrival;
use crate::service::{Revoked, Service, Tokens};
use crate::token::Payload;

/// A token that was read, and the state of the world in which it was.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) standing: Standing,
    pub(super) text: TokenText,
    pub(super) caller: Caller,
    model_generation: u64,
    keys_generation: u64,
    /// When a trust ends, the token is worth nothing more.
    holds_until: Option<Timestamp>,
}

impl Known {
    fn is_of(&self, model: &Model, keys_generation: u64, now: Timestamp) -> bool {
        self.model_generation == model.generation
            && self.keys_generation == keys_generation
            && self.holds_until.is_none_or(|end| now < end)
    }
}

impl Auth {
    /// What a token says and what it is worth, when it has not been revoked and ended at most `window` ago.
    ///
    /// # Errors
    /// 404, as Keystone answers who asks about a token that is none; 403 when a trust no longer carries it.
    pub(super) fn validate(
        &self,
        model: &Model,
        token: &str,
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<Arc<Known>, ApiError> {
        let known =
            self.known(model, token, now)
                .map_err(|fault| match fault.status {
                    // 401 is for whoever asks, not for what they ask about.
                    StatusCode::UNAUTHORIZED => ApiError::no_such("token", token)
                        .because(fault.why.unwrap_or(fault.message)),
                    _ => fault,
                })?;
        let has_ended = match known.standing.payload.expires_at.checked_add(window) {
            Ok(end) => end <= now,
            // Beyond the end of time.
            Err(_) => false,
        };
        if has_ended {
            return Err(failed("the token has expired"));
        }
        Ok(known)
    }

    fn known(&self, model: &Model, token: &str, now: Timestamp) -> Result<Arc<Known>, ApiError> {
        // Looks whether there are other keys, too.
        self.seal.keys().current().map_err(unexpected)?;
        let keys_generation = self.seal.keys().generation();
        let digest = Cache::<Known>::digest(token);
        if let Some(known) = self.known.get(&digest)
            && known.is_of(model, keys_generation, now)
        {
            return Ok(known);
        }
        let opened = self.seal.open(token, now).map_err(|fault| {
            ApiError::not_found("Could not recognize Fernet token").because(fault.to_string())
        })?;
        let known = self.known_as(model, token, opened.content, opened.issued_at, now)?;
        self.known.put(digest, Arc::clone(&known));
        Ok(known)
    }

    /// Keeps what is known of a token that was made just now.
    pub(super) fn remember(&self, token: &str, known: &Arc<Known>) {
        self.known
            .put(Cache::<Known>::digest(token), Arc::clone(known));
    }

    /// What a token with this payload is worth.
    pub(super) fn known_as(
        &self,
        model: &Model,
        token: &str,
        payload: Payload,
        issued_at: Timestamp,
        now: Timestamp,
    ) -> Result<Arc<Known>, ApiError> {
        let standing = Standing::of(model, payload, issued_at, now)?;
        if revocation::is_revoked(model, &standing) {
            return Err(failed("the token has been revoked"));
        }
        Ok(Arc::new(Known {
            text: TokenText::of(model, &self.settings, &standing),
            caller: standing.caller(token),
            model_generation: model.generation,
            keys_generation: self.seal.keys().generation(),
            holds_until: standing.trust.as_ref().and_then(|by| by.trust.expires_at),
            standing,
        }))
    }

    /// The body that describes a token.
    pub(super) fn described(
        &self,
        model: &Model,
        known: &Known,
        with_catalog: bool,
        view: Option<(usize, &CatalogView)>,
    ) -> String {
        let standing = &known.standing;
        let has_catalog = with_catalog && !matches!(standing.scope, Scope::Nowhere);
        let catalog = has_catalog.then(|| self.catalog(model, standing, view));
        known.text.with_catalog(catalog.as_deref())
    }

    pub(super) fn catalog(
        &self,
        model: &Model,
        standing: &Standing,
        view: Option<(usize, &CatalogView)>,
    ) -> Arc<str> {
        let user = match &standing.trust {
            Some(by) => &by.trust.trustor_user_id,
            None => &standing.user.id,
        };
        let project = standing.project().map(|project| &project.id);
        self.catalogs.text(model, project, user, view)
    }

    /// The view of the catalog for clients who come by the entry that the front names, else by the public one.
    pub(super) fn view_of(&self, visit: &Visit) -> Option<(usize, &CatalogView)> {
        let views = &self.settings.catalog_views;
        if views.is_empty() {
            return None;
        }
        let api = visit.site.api();
        let is_trusted = visit.arrival.is_some_and(Arrival::is_trusted);
        let entry = is_trusted
            .then(|| visit.headers.get("x-forwarded-prefix")?.to_str().ok())
            .flatten()
            .unwrap_or_else(|| path_of(&api));
        views
            .iter()
            .enumerate()
            .filter(|(_, view)| {
                let rest = entry.strip_prefix(view.entry.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .max_by_key(|(_, view)| view.entry.len())
    }
}

impl Tokens for Auth {
    fn caller(&self, model: &Model, token: &str, now: Timestamp) -> Result<Caller, ApiError> {
        let known = self
            .validate(model, token, SignedDuration::ZERO, now)
            .map_err(|fault| match fault.status.is_server_error() {
                true => fault,
                false => ApiError::unauthorized(fault.why.unwrap_or(fault.message)),
            })?;
        if known
            .caller
            .methods
            .iter()
            .any(|method| method == "ec2credential")
        {
            return Err(ApiError::forbidden(
                "You are not authorized to perform the requested action.",
            )
            .because("tokens of EC2 credentials are not for the identity service"));
        }
        Ok(known.caller.clone())
    }

    fn without_token(
        &self,
        model: &Model,
        headers: &HeaderMap,
        arrival: Option<Arrival>,
        now: Timestamp,
    ) -> Option<Result<Caller, ApiError>> {
        self.tokenless(model, headers, &Front::of(headers, arrival), now)
    }

    fn revoke(&self, change: &mut Change, which: &Revoked, now: Timestamp) {
        if let Some(event) = revocation::event(which) {
            revocation::record(change, event, now, self.longest_life());
        }
    }

    fn routes(self: Arc<Self>) -> Router<Arc<Service>> {
        routes::routes(self)
    }
}

impl Auth {
    /// How long after it was made a token can be asked about.
    pub(super) fn longest_life(&self) -> SignedDuration {
        self.settings
            .expiration
            .saturating_add(self.settings.allow_expired_window)
    }
}

/// 404 in Keystone's words.
pub(super) fn failed(why: &str) -> ApiError {
    ApiError::not_found("Failed to validate token").because(why)
}

pub(super) fn unexpected(fault: impl std::fmt::Display) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "An unexpected error prevented the server from fulfilling your request.",
    )
    .because(fault.to_string())
}

/// A user by id, for whoever has proved to be them.
pub(super) fn user_by_id(model: &Model, id: &str) -> Result<Arc<User>, ApiError> {
    model
        .get::<User>(id)
        .cloned()
        .ok_or_else(|| ApiError::unauthorized(format!("no user is {id}")))
}

/// The path of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .and_then(|at| rest.get(at..))
        .unwrap_or_default()
}
