//! A client's request as a back end gets it, and a back end's answer as a client gets it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{Method, Version};

use crate::entry_point::BackEnd;
use crate::hop_by_hop;
use crate::identity::Identity;
use crate::identity_headers::{IdentityHeaders, Unspeakable};
use crate::negotiate;

/// Who is behind a request, as far as the back end shall know.
#[derive(Clone, Copy, Debug)]
pub struct Vouching<'a> {
    /// How they are called there.
    pub user: &'a str,
    /// Who they are.
    pub identity: &'a Identity,
}

/// Why a request is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// CONNECT and TRACE are for other servers than this.
    #[error("the method is not served here")]
    Method,
    /// No host, or several.
    #[error("a request names exactly one host")]
    Host,
}

/// Octets of a request's target and headers together.
pub fn head_length(request: &Parts) -> usize {
    let target = request
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let fields = request.headers.iter();
    fields.fold(target, |sum, (name, value)| {
        sum.saturating_add(name.as_str().len())
            .saturating_add(value.len())
    })
}

/// The host that a request names, once.
///
/// # Errors
/// [`BadRequest`] for requests that no gateway forwards.
pub fn host(request: &Parts) -> Result<HeaderValue, BadRequest> {
    if matches!(request.method, Method::CONNECT | Method::TRACE) {
        return Err(BadRequest::Method);
    }
    let mut named = request.headers.get_all(header::HOST).iter();
    let in_header = named.next();
    if named.next().is_some() {
        return Err(BadRequest::Host);
    }
    match request.uri.authority() {
        Some(authority) if !authority.as_str().contains('@') => {
            HeaderValue::from_str(authority.as_str()).map_err(|_| BadRequest::Host)
        }
        Some(_) => Err(BadRequest::Host),
        None => in_header.cloned().ok_or(BadRequest::Host),
    }
}

/// Turns a client's request, whose identity headers are stripped already, into one for the back end.
///
/// # Errors
/// [`Unspeakable`] when somebody's name cannot stand in a header.
pub fn to_back_end(
    request: &mut Parts,
    host: HeaderValue,
    client: IpAddr,
    back_end: &BackEnd,
    vouching: Option<Vouching<'_>>,
    headers: &IdentityHeaders,
) -> Result<(), Unspeakable> {
    let upgrade = (request.version == Version::HTTP_11)
        .then(|| hop_by_hop::wanted_upgrade(&request.headers))
        .flatten();
    hop_by_hop::remove(&mut request.headers);
    let own = &mut request.headers;
    own.remove(header::EXPECT);
    remove_connection_bound(own, header::AUTHORIZATION);
    join_cookies(own);
    if let Some(protocol) = upgrade {
        own.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        own.insert(header::UPGRADE, protocol);
    }
    if let Ok(client) = HeaderValue::from_str(&client.to_canonical().to_string()) {
        own.insert(HeaderName::from_static("x-forwarded-for"), client);
    }
    own.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static("https"),
    );
    own.insert(HeaderName::from_static("x-forwarded-host"), host.clone());
    own.insert(header::HOST, host);
    if let Some(vouching) = vouching {
        headers.vouch(own, vouching.user, vouching.identity)?;
    }
    request.uri = at(back_end, request.uri.path_and_query());
    request.version = Version::HTTP_11;
    Ok(())
}

/// Takes out of a back end's answer what concerns the connection to it.
pub fn to_client(headers: &mut HeaderMap) {
    hop_by_hop::remove(headers);
    remove_connection_bound(headers, header::WWW_AUTHENTICATE);
}

/// Negotiate and NTLM vouch for a connection, and connections to a back end are shared by everybody.
fn remove_connection_bound(headers: &mut HeaderMap, name: HeaderName) {
    let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
    if !values.iter().any(negotiate::is_connection_bound) {
        return;
    }
    headers.remove(&name);
    for value in values {
        if !negotiate::is_connection_bound(&value) {
            headers.append(name.clone(), value);
        }
    }
}

/// HTTP/2 may split them, HTTP/1.1 may not (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if cookies.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

fn at(back_end: &BackEnd, path: Option<&PathAndQuery>) -> Uri {
    let root = PathAndQuery::from_static("/");
    let built = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(back_end.authority().clone())
        .path_and_query(path.cloned().unwrap_or(root))
        .build();
    // All three parts were checked when they were read.
    built.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::identity::tests::alice;

    fn forwarded(request: http::request::Builder, vouching: Option<Vouching<'_>>) -> Parts {
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let headers = IdentityHeaders::default();
        headers.strip(&mut parts.headers);
        let host = host(&parts).unwrap();
        let back_end = BackEnd::parse("http://127.0.0.1:8080").unwrap();
        let client = "192.0.2.7".parse().unwrap();
        to_back_end(&mut parts, host, client, &back_end, vouching, &headers).unwrap();
        parts
    }

    #[test]
    fn the_back_end_sees_the_clients_host_and_our_word_for_the_rest() {
        let request = Request::get("/a?b=c")
            .header("host", "www.example.test")
            .header("x-forwarded-for", "10.0.0.1")
            .header("REMOTE_USER", "root");
        let identity = alice();
        let vouching = Vouching {
            user: "alice",
            identity: &identity,
        };
        let parts = forwarded(request, Some(vouching));
        assert_eq!(parts.uri, "http://127.0.0.1:8080/a?b=c");
        assert_eq!(parts.headers["host"], "www.example.test");
        assert_eq!(parts.headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(parts.headers["x-forwarded-proto"], "https");
        assert_eq!(parts.headers["remote_user"], "alice");
    }

    #[test]
    fn a_client_cannot_have_our_headers_taken_away_by_naming_them_hop_by_hop() {
        let request = Request::get("/")
            .header("host", "h")
            .header("connection", "remote_user, x-forwarded-for, host");
        let identity = alice();
        let vouching = Vouching {
            user: "alice",
            identity: &identity,
        };
        let parts = forwarded(request, Some(vouching));
        assert_eq!(parts.headers["remote_user"], "alice");
        assert_eq!(parts.headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(parts.headers["host"], "h");
        assert_eq!(parts.headers.get("connection"), None);
    }

    #[test]
    fn proofs_stay_here_and_other_credentials_pass() {
        let negotiate = Request::get("/")
            .header("host", "h")
            .header("authorization", "Negotiate YII");
        assert_eq!(
            forwarded(negotiate, None).headers.get("authorization"),
            None
        );
        let bearer = Request::get("/")
            .header("host", "h")
            .header("authorization", "Bearer x");
        assert_eq!(forwarded(bearer, None).headers["authorization"], "Bearer x");
    }

    #[test]
    fn nobody_known_means_no_word_about_anybody() {
        let parts = forwarded(
            Request::get("/")
                .header("host", "h")
                .header("Remote-User", "root"),
            None,
        );
        assert_eq!(parts.headers.get("remote_user"), None);
        assert_eq!(parts.headers.get("remote-user"), None);
    }

    #[test]
    fn split_cookies_are_joined() {
        let request = Request::get("https://h/")
            .header("cookie", "a=1")
            .header("cookie", "b=2");
        assert_eq!(forwarded(request, None).headers["cookie"], "a=1; b=2");
    }

    #[test]
    fn a_websocket_may_pass_over_http_1_1_only() {
        let ask = |version| {
            let request = Request::get("/").version(version).header("host", "h");
            forwarded(
                request
                    .header("connection", "Upgrade")
                    .header("upgrade", "websocket"),
                None,
            )
        };
        assert_eq!(ask(Version::HTTP_11).headers["upgrade"], "websocket");
        assert_eq!(ask(Version::HTTP_2).headers.get("upgrade"), None);
    }

    #[test]
    fn requests_that_name_no_host_or_several_are_refused() {
        let read =
            |request: http::request::Builder| host(&request.body(()).unwrap().into_parts().0);
        assert_eq!(read(Request::get("/")), Err(BadRequest::Host));
        assert_eq!(
            read(Request::get("/").header("host", "a").header("host", "b")),
            Err(BadRequest::Host)
        );
        assert_eq!(read(Request::connect("a:443")), Err(BadRequest::Method));
        assert_eq!(
            read(Request::get("http://a/").header("host", "b")).unwrap(),
            "a"
        );
    }

    #[test]
    fn a_back_ends_own_negotiate_does_not_reach_the_client() {
        let mut headers = HeaderMap::new();
        for value in ["Negotiate", "NTLM", "Basic realm=x"] {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        to_client(&mut headers);
        let left: Vec<_> = headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
        assert_eq!(left, ["Basic realm=x"]);
    }
}
