use std::ops::Deref;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::error::ApiError;
use super::frame::Seen;
use super::site::Site;
use crate::caller::Caller;
use crate::delegation::may_call;
use crate::directory::Change;
use crate::model::Model;
use crate::policy::{Action, Facts, enforce};
use crate::server::Arrival;
use crate::service::{Revoked, Service, Tokens};

/// What a call comes to.
pub type Answer = Result<Response, ApiError>;

/// A request, read but for its token: the model at its arrival, its path's parameters, its query and its body.
#[derive(Debug)]
pub struct Visit {
    /// The service.
    pub service: Arc<Service>,
    /// What the service knew when the request came.
    pub model: Arc<Model>,
    /// Where clients reach the service.
    pub site: Site,
    /// The method.
    pub method: Method,
    /// What was asked for, from `/v3` on.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it came from.
    pub arrival: Option<Arrival>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The body; empty when there was none.
    pub body: Map<String, Value>,
    path: Vec<(String, String)>,
}

impl Visit {
    /// A parameter of the path; empty when the route has no such one.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a parameter stands in the query, and is not `0`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value != "0")
    }

    /// A member of the body, when it is there.
    #[must_use]
    pub fn member(&self, name: &str) -> Value {
        self.body.get(name).cloned().unwrap_or(Value::Null)
    }

    /// The caller, by `X-Auth-Token`.
    ///
    /// # Errors
    /// 401: there is no token, or it does not hold.
    pub fn caller(&self) -> Result<Caller, ApiError> {
        let now = self.service.now();
        let Some(token) = self.headers.get("x-auth-token") else {
            return self
                .service
                .tokens
                .without_token(&self.model, &self.headers, self.arrival, now)
                .unwrap_or_else(|| Err(ApiError::unauthorized("there is no X-Auth-Token")));
        };
        let token = token
            .to_str()
            .map_err(|_| ApiError::unauthorized("the X-Auth-Token is not text"))?;
        let caller = self.service.tokens.caller(&self.model, token, now)?;
        let path = self.uri.path();
        match may_call(&self.model, &caller, self.method.as_str(), path) {
            true => Ok(caller),
            false => Err(ApiError::unauthorized(
                "no access rule of the application credential is about this call",
            )),
        }
    }

    /// Takes tokens back, in a change.
    #[must_use]
    pub fn revoker(&self) -> Revoker {
        Revoker {
            tokens: Arc::clone(&self.service.tokens),
            now: self.service.now(),
        }
    }

    /// Makes a change, and waits until it is on the disk, without keeping other requests of this thread waiting.
    ///
    /// # Errors
    /// What `make` returns; the directory cannot be written.
    pub async fn change<T: Send + 'static>(
        &self,
        make: impl FnOnce(&mut Change) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let service = Arc::clone(&self.service);
        spawn_blocking(move || service.directory.change(make))
            .await
            .map_err(|error| ApiError::unexpected(error.to_string()))?
    }
}

/// Takes tokens back.
#[derive(Debug)]
pub struct Revoker {
    tokens: Arc<dyn Tokens>,
    now: Timestamp,
}

impl Revoker {
    /// Takes tokens back, as part of the change that is the reason.
    pub fn revoke(&self, change: &mut Change, which: &Revoked) {
        self.tokens.revoke(change, which, self.now);
    }
}

impl FromRequest<Arc<Service>> for Visit {
    type Rejection = ApiError;

    async fn from_request(
        request: Request<Body>,
        service: &Arc<Service>,
    ) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let path = Path::<Vec<(String, String)>>::from_request_parts(&mut parts, service).await;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::expected("a valid query", "request URL"))?;
        let arrival = parts.extensions.get::<Arrival>().copied();
        let site = Site::of(&service.settings, &parts.headers, arrival);
        let body = read(&parts, body, service.settings.largest_body).await?;
        Ok(Self {
            service: Arc::clone(service),
            model: service.directory.read(),
            site,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            arrival,
            query: query.0,
            body,
            path: path.map(|Path(path)| path).unwrap_or_default(),
        })
    }
}

/// A request of somebody whose token holds.
#[derive(Debug)]
pub struct Call {
    visit: Visit,
    /// Who calls.
    pub caller: Caller,
}

impl Call {
    /// Goes on if the caller may do this.
    ///
    /// # Errors
    /// 403.
    pub fn enforce(&self, action: Action, facts: &Facts) -> Result<(), ApiError> {
        enforce(&self.caller, action, facts)
    }
}

impl Deref for Call {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl FromRequest<Arc<Service>> for Call {
    type Rejection = ApiError;

    async fn from_request(
        request: Request<Body>,
        service: &Arc<Service>,
    ) -> Result<Self, ApiError> {
        let seen = request.extensions().get::<Seen>().cloned();
        let visit = Visit::from_request(request, service).await?;
        let caller = visit.caller()?;
        if let Some(seen) = seen {
            seen.caller(&caller);
        }
        Ok(Self { visit, caller })
    }
}

async fn read(parts: &Parts, body: Body, most: usize) -> Result<Map<String, Value>, ApiError> {
    let bytes = to_bytes(body, most).await.map_err(|_| {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Request is too large. Larger than max_request_body_size ({most})."),
        )
    })?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let kind = parts.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !is_json(kind) {
        return Err(ApiError::expected(
            "application/json",
            "Content-Type header",
        ));
    }
    // Deeper than 128 is refused, as what is not an object is.
    serde_json::from_slice(&bytes).map_err(|_| ApiError::expected("valid JSON", "request body"))
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let is_special = kind.starts_with("application/") && kind.ends_with("+json");
    kind.is_empty() || kind == "application/json" || is_special
}
