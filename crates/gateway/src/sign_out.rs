//! The page that ends a session.

use askama::Template;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};

use crate::body::Body;
use crate::pages;
use crate::session::{Scope, SessionFacts, Sessions, plain_host};

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage<'a> {
    host: &'a str,
    action: &'a str,
    is_done: bool,
}

/// Whether a request may end the session that it comes with: it was typed or clicked on this site, or sent by a program.
/// A link on another site leads to a question first.
pub fn is_meant(method: &Method, headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return matches!(site.as_bytes(), b"same-origin" | b"same-site" | b"none");
    }
    let of = |name| {
        let value: Option<&HeaderValue> = headers.get(name);
        value.map(|value| is_of(value, host))
    };
    match of(header::ORIGIN).or_else(|| of(header::REFERER)) {
        Some(is_ours) => is_ours,
        None => method == Method::POST,
    }
}

/// Ends the session, if there is one, and makes the browser forget it; or asks.
pub fn answer(
    sessions: &Sessions,
    scope: &Scope<'_>,
    session: Option<&SessionFacts>,
    request: (&Method, &str, &HeaderMap),
) -> Response<Body> {
    let (method, path, headers) = request;
    let is_done = is_meant(method, headers, scope.host);
    let page = SignOutPage {
        host: scope.host,
        action: path,
        is_done,
    };
    let mut response = pages::html(StatusCode::OK, &page);
    let headers = response.headers_mut();
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    if is_done {
        if let Some(session) = session {
            sessions.end(session);
        }
        if let Some(cookie) = sessions.forget() {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Whether an address is one of that host.
fn is_of(address: &HeaderValue, host: &str) -> bool {
    let authority = address.to_str().ok().and_then(|address| {
        let (_, rest) = address.split_once("://")?;
        rest.split('/').next()
    });
    authority.is_some_and(|authority| plain_host(authority) == plain_host(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(method: &Method, header: Option<(&'static str, &'static str)>) -> bool {
        let headers = header.map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        is_meant(method, &headers.into_iter().collect(), "www.example.test")
    }

    #[test]
    fn a_link_elsewhere_signs_nobody_out() {
        for (header, is_ours) in [
            (("sec-fetch-site", "same-origin"), true),
            (("sec-fetch-site", "none"), true),
            (("sec-fetch-site", "cross-site"), false),
            (("origin", "https://www.example.test"), true),
            (("origin", "null"), false),
            (("referer", "https://www.example.test/app"), true),
            (("referer", "https://www.example.test.evil.test/"), false),
        ] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(meant(&method, Some(header)), is_ours, "{method} {header:?}");
            }
        }
        assert!(meant(&Method::POST, None));
        assert!(
            !meant(&Method::GET, None),
            "an image, say, of an old browser"
        );
    }
}
