use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

/// An answer with a body.
#[must_use]
pub fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// 200 with a body.
#[must_use]
pub fn ok(body: &Value) -> Response {
    json(StatusCode::OK, body)
}

/// 201 with a body.
#[must_use]
pub fn created(body: &Value) -> Response {
    json(StatusCode::CREATED, body)
}

/// 204.
#[must_use]
pub fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
