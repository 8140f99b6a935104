use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::directory::DirectoryError;
use crate::model::Id;

/// A refusal in Keystone's form: `{"error":{"code":..,"message":..,"title":..}}`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status}: {message}")]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// What the client is told.
    pub message: String,
    /// `error.identity`: what a failed sign-in may go on with.
    pub identity: Option<Box<Value>>,
    /// Further headers of the answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Why, for the log: more than the client is told.
    pub why: Option<String>,
}

/// Keystone's words for whoever has no valid token.
const UNAUTHENTICATED: &str = "The request you have made requires authentication.";

impl ApiError {
    /// One with a status and a message.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            identity: None,
            headers: Vec::new(),
            why: None,
        }
    }

    /// 400 with its words.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400: `attribute` is missing or wrong in `place`.
    #[must_use]
    pub fn expected(attribute: &str, place: &str) -> Self {
        Self::bad_request(format!(
            "Expecting to find {attribute} in {place}. The server could not comply with the request since it is either \
             malformed or otherwise incorrect. The client is assumed to be in error."
        ))
    }

    /// 401 with Keystone's words for whoever has no valid token; `why` goes to the log alone.
    #[must_use]
    pub fn unauthorized(why: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, UNAUTHENTICATED).because(why)
    }

    /// 403 because a policy says so.
    #[must_use]
    pub fn forbidden_action(action: &str) -> Self {
        Self::forbidden(format!(
            "You are not authorized to perform the requested action: {action}."
        ))
    }

    /// 403 with its words.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: there is no such thing (`user`, `project`).
    #[must_use]
    pub fn no_such(what: &str, id: &str) -> Self {
        Self::not_found(format!("Could not find {what}: {id}."))
    }

    /// 404 with its words.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409: something is in the way of storing `kind`.
    #[must_use]
    pub fn conflict(kind: &str, details: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            format!("Conflict occurred attempting to store {kind} - {details}."),
        )
    }

    /// 409: something of this kind has the name, in the domain if the call named one.
    #[must_use]
    pub fn duplicate(kind: &str, name: &str, domain: Option<&Id>) -> Self {
        let place = domain.map_or(String::new(), |domain| format!(" at domain ID {domain}"));
        let details = format!("Duplicate entry found with name {name}{place}");
        Self::conflict(kind, &details)
    }

    /// 500 with Keystone's words; `why` goes to the log alone.
    #[must_use]
    pub fn unexpected(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "An unexpected error prevented the server from fulfilling your request.",
        )
        .because(why)
    }

    /// The same, with a reason for the log.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The same, with a header more.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Keystone's title of the status.
    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => "Request is too large.",
            status => status.canonical_reason().unwrap_or("Error"),
        }
    }

    /// The body.
    fn body(&self) -> Value {
        let mut error = json!({
            "code": self.status.as_u16(),
            "message": self.message,
            "title": self.title(),
        });
        if let (Some(identity), Some(error)) = (&self.identity, error.as_object_mut()) {
            error.insert("identity".to_owned(), (**identity).clone());
        }
        json!({ "error": error })
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        Self::unexpected(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}
