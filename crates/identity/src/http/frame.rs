use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderValue, StatusCode, Uri, header};

use super::error::ApiError;
use super::site::Site;
use crate::caller::Caller;
use crate::model::Id;
use crate::observer::Note;
use crate::server::Arrival;
use crate::service::Service;

/// What every answer has: the path's prefix and last slash are taken off before the router sees it, and the headers of
/// every Keystone answer are put on afterwards.
pub(super) async fn frame(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(plain) = plain(request.uri(), &service.settings.prefix) {
        *request.uri_mut() = plain;
    }
    let arrival = request.extensions().get::<Arrival>().copied();
    let site = Site::of(&service.settings, request.headers(), arrival);
    let seen = Seen::default();
    request.extensions_mut().insert(seen.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("X-Auth-Token"));
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        headers.insert("x-openstack-request-id", id);
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        challenge(&mut response, &site);
    }
    note(&mut response, &seen);
    response
}

/// Where it is written down who makes a call, for whoever runs the service.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<OnceLock<Note>>);

impl Seen {
    /// This is who makes the call.
    pub(super) fn caller(&self, caller: &Caller) {
        self.0.get_or_init(|| Note {
            user: Some(caller.user_id.to_string()),
            audit_id: Some(caller.audit_id.clone()),
            ..Note::default()
        });
    }
}

/// A path that nothing answers to.
pub(super) async fn unknown_path() -> ApiError {
    ApiError::not_found(
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling and \
         try again.",
    )
}

/// A path that does not answer to this method.
pub(super) async fn unknown_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "The method is not allowed for the requested URL.",
    )
}

fn challenge(response: &mut Response<Body>, site: &Site) {
    let uri = format!("Keystone uri=\"{}\"", site.api());
    if let Ok(challenge) = HeaderValue::from_str(&uri) {
        let headers = response.headers_mut();
        headers.entry(header::WWW_AUTHENTICATE).or_insert(challenge);
    }
}

/// Leaves with the answer what the one who gave it, the caller's token and a refusal have to tell.
fn note(response: &mut Response<Body>, seen: &Seen) {
    let said = response.extensions_mut().remove::<Note>();
    let mut note = said.or_else(|| seen.0.get().cloned()).unwrap_or_default();
    if let Some(refusal) = response.extensions_mut().remove::<ApiError>() {
        let why = refusal.why.unwrap_or(refusal.message);
        if refusal.status.is_server_error() {
            tracing::error!(%why, "a request failed");
        }
        note.why.get_or_insert(why);
    }
    response.extensions_mut().insert(note);
}

/// The URI without prefix and last slash; `None` when it has neither.
fn plain(uri: &Uri, prefix: &str) -> Option<Uri> {
    let path = uri.path();
    let below = path
        .strip_prefix(prefix.trim_end_matches('/'))
        .filter(|below| below.is_empty() || below.starts_with('/'))
        .unwrap_or(path);
    let below = below.trim_end_matches('/');
    let below = if below.is_empty() { "/" } else { below };
    if below == path {
        return None;
    }
    let query = uri
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let path = PathAndQuery::try_from(format!("{below}{query}")).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}

/// `req-` and a UUID.
fn request_id() -> String {
    let id = Id::random();
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    format!(
        "req-{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_and_last_slash_are_taken_off() {
        for (asked, prefix, seen) in [
            ("/v3/users/", "", "/v3/users"),
            ("/v3/users", "", "/v3/users"),
            ("/main/v3/users?a=b", "/main", "/v3/users?a=b"),
            ("/main/", "/main", "/"),
            ("/main", "/main", "/"),
            ("/mainly/v3", "/main", "/mainly/v3"),
            ("/", "", "/"),
        ] {
            let uri: Uri = asked.parse().unwrap();
            let found = plain(&uri, prefix).unwrap_or(uri);
            assert_eq!(found.to_string(), seen, "{asked} below {prefix:?}");
        }
    }

    #[test]
    fn a_request_id_is_a_uuid() {
        let id = request_id();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [3, 8, 4, 4, 4, 12], "{id}");
    }
}
