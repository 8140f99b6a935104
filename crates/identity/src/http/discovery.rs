use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::answers::{json, ok};
use super::call::Visit;

/// `GET /`: which versions there are.
pub(super) async fn versions(visit: Visit) -> Response {
    let body = json!({ "versions": { "values": [version(&visit)] } });
    let mut response = json(StatusCode::MULTIPLE_CHOICES, &body);
    if let Ok(location) = HeaderValue::from_str(&visit.site.url("/")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// `GET /v3`.
pub(super) async fn version_3(visit: Visit) -> Response {
    ok(&json!({ "version": version(&visit) }))
}

fn version(visit: &Visit) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{ "rel": "self", "href": visit.site.url("/") }],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}
