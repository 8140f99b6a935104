//! Requests without a token by holders of certificates that an issuer of the settings has made.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;

use super::lookup::Found;
use super::request::Named;
use super::standing::Standing;
use super::{Auth, Front, lookup};
use crate::caller::Caller;
use crate::http::ApiError;
use crate::model::Model;
use crate::token::{AuditIds, Grant, Payload};

/// How Keystone calls it in what it writes down.
const METHOD: &str = "x509";

impl Auth {
    /// Whoever sent a request without a token; `None` when their certificate is not of a trusted issuer.
    pub(super) fn tokenless(
        &self,
        model: &Model,
        headers: &HeaderMap,
        front: &Front,
        now: Timestamp,
    ) -> Option<Result<Caller, ApiError>> {
        let issuer = front.certificate_issuer.as_ref()?;
        self.settings
            .trusted_issuers
            .contains(issuer)
            .then(|| self.holder(model, headers, front, now))
    }

    fn holder(
        &self,
        model: &Model,
        headers: &HeaderMap,
        front: &Front,
        now: Timestamp,
    ) -> Result<Caller, ApiError> {
        let grant = grant(model, headers)?;
        let name = front
            .user
            .as_deref()
            .ok_or_else(|| ApiError::unauthorized("the certificate is nobody's"))?;
        let user = match self.user_of_front(model, front, name)? {
            Found::User { user, .. } => lookup::usable_user(model, &user)?,
            Found::Nobody { name, .. } => {
                return Err(ApiError::unauthorized(format!("no user is {name}")));
            }
        };
        let payload = Payload {
            user_id: user.id.to_string(),
            methods: vec![METHOD.to_owned()],
            grant,
            expires_at: now,
            audit: AuditIds {
                own: String::new(),
                chain: None,
            },
        };
        Standing::of(model, payload, now, now).map(|standing| standing.caller(""))
    }
}

/// Where the request says that it counts: in `X-Project-*` or `X-Domain-*`.
fn grant(model: &Model, headers: &HeaderMap) -> Result<Grant, ApiError> {
    let said = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    if let Some(id) = said("x-project-id") {
        let named = Named {
            id: Some(id),
            ..Named::default()
        };
        return lookup::project(model, &named).map(|found| Grant::Project(found.id.to_string()));
    }
    if let Some(name) = said("x-project-name") {
        let domain = Named {
            id: said("x-project-domain-id"),
            name: said("x-project-domain-name"),
            domain: None,
        };
        if domain.id.is_none() && domain.name.is_none() {
            return Err(ApiError::bad_request(
                "Neither Project Domain ID nor Project Domain Name was provided.",
            ));
        }
        // Here an id counts more than a name.
        let domain = match domain.id {
            Some(_) => Named {
                name: None,
                ..domain
            },
            None => domain,
        };
        let named = Named {
            id: None,
            name: Some(name),
            domain: Some(Box::new(domain)),
        };
        return lookup::project(model, &named).map(|found| Grant::Project(found.id.to_string()));
    }
    let id = said("x-domain-id");
    let name = if id.is_some() {
        None
    } else {
        said("x-domain-name")
    };
    if id.is_none() && name.is_none() {
        return Err(ApiError::expected("project or domain", "scope"));
    }
    let named = Named {
        id,
        name,
        domain: None,
    };
    let domain: Arc<_> = lookup::domain(model, &named)?;
    Ok(Grant::Domain(domain.id.to_string()))
}
