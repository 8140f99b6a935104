//! A client's request as a back end gets it, and a back end's answer as a client gets it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{Method, StatusCode, Version};

use crate::hop_by_hop;
use crate::negotiate;
use crate::outbound::{ClientAddress, Front};
use crate::request_path::{PathPrefix, RequestPath};

/// How a request is to be changed on its way.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// Where the client is.
    pub client: ClientAddress,
    /// How it reached us.
    pub front: &'a Front,
    /// The prefix that is replaced, and by what.
    pub rewrite: Option<(&'a PathPrefix, &'a PathPrefix)>,
    /// What of `Authorization` passes.
    pub authorization: Authorization,
    /// Whether decisions are made by the method, so that no second one may be named.
    pub looks_at_methods: bool,
}

/// What of `Authorization` passes to a back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Whatever is there.
    Everything,
    /// What vouches for no connection.
    NotConnectionBound,
    /// As the former, and no password either: they are for us.
    NoPassword,
}

/// Headers by which some applications take another path than that of the request.
const OTHER_PATHS: [&str; 2] = ["x-original-url", "x-rewrite-url"];
/// Headers by which some applications take another method than that of the request.
const OTHER_METHODS: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// Why a request is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// CONNECT and TRACE are for other servers than this.
    #[error("the method is not served here")]
    Method,
    /// No host, several, or what cannot be one.
    #[error("a request names exactly one host")]
    Host,
    /// It is not for HTTP.
    #[error("the address is not one of HTTP")]
    Scheme,
    /// Where it ends is said in two ways, and two readers may see two ends.
    #[error("the request says in two ways how long it is")]
    Framing,
    /// Its body is coded in another way than in chunks.
    #[error("the body comes in a transfer coding that is not spoken here")]
    Coding,
}

impl BadRequest {
    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Scheme | Self::Framing => StatusCode::BAD_REQUEST,
            Self::Method | Self::Coding => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// Whether nobody knows for certain where the request ends, so that nothing can come after it.
    pub const fn ends_connection(self) -> bool {
        matches!(self, Self::Framing | Self::Coding)
    }
}

/// Octets of a request's target and headers together, but for `Authorization`, which has a limit of its own.
pub fn head_length(request: &Parts) -> usize {
    let target = request
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let fields = request.headers.iter();
    let fields = fields.filter(|(name, _)| *name != header::AUTHORIZATION);
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
    let scheme = request.uri.scheme();
    if scheme.is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(BadRequest::Scheme);
    }
    let mut named = request.headers.get_all(header::HOST).iter();
    let in_header = named.next();
    if named.next().is_some() {
        return Err(BadRequest::Host);
    }
    let host = match request.uri.authority() {
        Some(authority) => {
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| BadRequest::Host)?;
            // RFC 9112 3.2.2 lets the target win; RFC 9113 8.3.1 calls two hosts malformed.
            let is_other =
                |named: &HeaderValue| !named.as_bytes().eq_ignore_ascii_case(host.as_bytes());
            if request.version == Version::HTTP_2 && in_header.is_some_and(is_other) {
                return Err(BadRequest::Host);
            }
            host
        }
        None => in_header.cloned().ok_or(BadRequest::Host)?,
    };
    match is_host(host.as_bytes()) {
        true => Ok(host),
        false => Err(BadRequest::Host),
    }
}

/// Judges how a request of HTTP/1.1 says where it ends (RFC 9112 6.1, 6.3). HTTP/2 says it in frames.
///
/// # Errors
/// [`BadRequest`], after which nothing more may be read from the connection.
pub fn framing(request: &Parts) -> Result<(), BadRequest> {
    let mut codings = request.headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    if codings.next().is_some() || request.headers.contains_key(header::CONTENT_LENGTH) {
        return Err(BadRequest::Framing);
    }
    match coding
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(b"chunked")
    {
        true => Ok(()),
        false => Err(BadRequest::Coding),
    }
}

/// A name or an address, and perhaps a port: no user, no path, and nothing that a list could be made of.
fn is_host(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|octet| *octet == b']') else {
                return false;
            };
            let (address, rest) = rest.split_at(end);
            let is_address = |octet: &u8| octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.');
            if address.is_empty() || !address.iter().all(is_address) {
                return false;
            }
            (&b"address"[..], rest.get(1..).unwrap_or_default())
        }
        name => {
            let end = name.iter().position(|octet| *octet == b':');
            name.split_at(end.unwrap_or(name.len()))
        }
    };
    let is_of_name =
        |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~');
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    !host.is_empty() && host.iter().all(is_of_name) && is_port
}

/// Turns a client's request, whose identity headers are stripped already, into one for the back end: with the path as
/// that knows it, and without a host to send it to.
pub fn to_back_end(request: &mut Parts, passage: &Passage<'_>) {
    let upgrade = (request.version == Version::HTTP_11)
        .then(|| hop_by_hop::wanted_upgrade(&request.headers))
        .flatten();
    hop_by_hop::remove(&mut request.headers);
    let own = &mut request.headers;
    own.remove(header::EXPECT);
    retain_authorization(own, passage.authorization);
    for name in OTHER_PATHS {
        own.remove(name);
    }
    if passage.looks_at_methods {
        for name in OTHER_METHODS {
            own.remove(name);
        }
    }
    join_cookies(own);
    if let Some(protocol) = upgrade {
        own.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        own.insert(header::UPGRADE, protocol);
    }
    say_whence(own, passage);
    request.uri = Uri::from(target(&request.uri, passage.rewrite));
    request.version = Version::HTTP_11;
}

fn say_whence(headers: &mut HeaderMap, passage: &Passage<'_>) {
    let Front {
        is_https,
        host,
        mount,
        ..
    } = passage.front;
    if let Ok(client) = HeaderValue::from_str(&passage.client.ip().to_string()) {
        headers.insert(HeaderName::from_static("x-forwarded-for"), client);
    }
    headers.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static(if *is_https { "https" } else { "http" }),
    );
    headers.insert(HeaderName::from_static("x-forwarded-host"), host.clone());
    headers.insert(header::HOST, host.clone());
    if let (false, Ok(mount)) = (mount.is_empty(), HeaderValue::from_str(mount)) {
        headers.insert(HeaderName::from_static("x-forwarded-prefix"), mount);
    }
}

/// Path and query as the back end knows them.
fn target(uri: &Uri, rewrite: Option<(&PathPrefix, &PathPrefix)>) -> PathAndQuery {
    let root = PathAndQuery::from_static("/");
    let Some((outer, inner)) = rewrite else {
        return uri.path_and_query().cloned().unwrap_or(root);
    };
    let Some(path) = outer.replaced(uri.path(), inner) else {
        return root;
    };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    // Made of a path that was read and a prefix that was read.
    target.parse().unwrap_or(root)
}

fn retain_authorization(headers: &mut HeaderMap, authorization: Authorization) {
    match authorization {
        Authorization::Everything => {}
        Authorization::NotConnectionBound => {
            remove_connection_bound(headers, header::AUTHORIZATION)
        }
        Authorization::NoPassword => {
            remove_connection_bound(headers, header::AUTHORIZATION);
            let is_password = |value: &HeaderValue| {
                let scheme = value.as_bytes().trim_ascii_start();
                let scheme = scheme.split(u8::is_ascii_whitespace).next();
                scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
            };
            let values = headers.get_all(header::AUTHORIZATION);
            if values.iter().any(is_password) {
                headers.remove(header::AUTHORIZATION);
            }
        }
    }
}

/// Says the places in a back end's answer as the client knows them, where the path was rewritten (`Location` and
/// `Content-Location`). `host` is what the client named.
pub fn back_through(
    headers: &mut HeaderMap,
    host: &HeaderValue,
    (outer, inner): (&PathPrefix, &PathPrefix),
) {
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let told = headers.get(&name).and_then(|value| value.to_str().ok());
        let Some(place) = told.and_then(|place| outside(place, host, outer, inner)) else {
            continue;
        };
        if let Ok(place) = HeaderValue::from_str(&place) {
            headers.insert(name, place);
        }
    }
}

/// A place of the back end's as the client knows it; `None` for one that is not below the prefix, or at another host.
fn outside(
    place: &str,
    host: &HeaderValue,
    outer: &PathPrefix,
    inner: &PathPrefix,
) -> Option<String> {
    let uri: Uri = place.parse().ok()?;
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().as_bytes() != host.as_bytes())
    {
        return None;
    }
    let (path, rest) = match uri.path_and_query()?.as_str().find('?') {
        Some(at) => uri.path_and_query()?.as_str().split_at_checked(at)?,
        None => (uri.path_and_query()?.as_str(), ""),
    };
    // Whatever already is as the client knows it stays.
    let parsed = RequestPath::of(path).ok()?;
    if outer.covers(&parsed) || !inner.covers(&parsed) {
        return None;
    }
    let path = inner.replaced(path, outer)?;
    let head = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => String::new(),
    };
    Some(format!("{head}{path}{rest}"))
}

/// Takes out of a back end's answer what concerns the connection to it. Its own `Negotiate` is a client's business only
/// where the client's is forwarded.
pub fn to_client(headers: &mut HeaderMap, is_authorization_forwarded: bool) {
    hop_by_hop::remove(headers);
    if !is_authorization_forwarded {
        remove_connection_bound(headers, header::WWW_AUTHENTICATE);
    }
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

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::identity_headers::IdentityHeaders;
    use crate::variables::Variable;

    fn forwarded(request: http::request::Builder) -> Parts {
        passed(request, None, |_| {})
    }

    fn passed(
        request: http::request::Builder,
        rewrite: Option<(&PathPrefix, &PathPrefix)>,
        change: impl FnOnce(&mut Passage<'_>),
    ) -> Parts {
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let headers = IdentityHeaders::default();
        headers.strip(&mut parts.headers);
        let front = Front {
            is_https: true,
            host: host(&parts).unwrap(),
            port: Some(443),
            mount: String::new(),
        };
        let mut passage = Passage {
            client: ClientAddress::Internet("192.0.2.7:5000".parse().unwrap()),
            front: &front,
            rewrite,
            authorization: Authorization::NotConnectionBound,
            looks_at_methods: false,
        };
        change(&mut passage);
        to_back_end(&mut parts, &passage);
        let told = [(Variable::User, "alice".to_owned())];
        headers.vouch(&mut parts.headers, &told).unwrap();
        parts
    }

    #[test]
    fn the_back_end_sees_the_clients_host_and_our_word_for_the_rest() {
        let request = Request::get("/a?b=c")
            .header("host", "www.example.test")
            .header("x-forwarded-for", "10.0.0.1")
            .header("x-original-url", "/admin")
            .header("REMOTE_USER", "root");
        let parts = forwarded(request);
        assert_eq!(parts.uri, "/a?b=c");
        assert_eq!(parts.headers["host"], "www.example.test");
        assert_eq!(parts.headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(parts.headers["x-forwarded-proto"], "https");
        assert_eq!(parts.headers["remote_user"], "alice");
        assert_eq!(parts.headers.get("x-original-url"), None);
    }

    #[test]
    fn a_client_cannot_have_our_headers_taken_away_by_naming_them_hop_by_hop() {
        let request = Request::get("/")
            .header("host", "h")
            .header("connection", "remote_user, x-forwarded-for, host");
        let parts = forwarded(request);
        assert_eq!(parts.headers["remote_user"], "alice");
        assert_eq!(parts.headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(parts.headers["host"], "h");
        assert_eq!(parts.headers.get("connection"), None);
    }

    #[test]
    fn proofs_stay_here_and_other_credentials_pass() {
        use Authorization::{Everything, NoPassword, NotConnectionBound};
        for (value, authorization, passes) in [
            ("Negotiate YII", NotConnectionBound, false),
            ("Negotiate YII", Everything, true),
            ("Basic YTpi", NotConnectionBound, true),
            ("basic YTpi", NoPassword, false),
            ("Negotiate YII", NoPassword, false),
            ("Bearer x", NoPassword, true),
            ("Basically x", NoPassword, true),
        ] {
            let request = Request::get("/")
                .header("host", "h")
                .header("authorization", value);
            let parts = passed(request, None, |passage| {
                passage.authorization = authorization
            });
            let has = parts.headers.contains_key("authorization");
            assert_eq!(has, passes, "{value} {authorization:?}");
        }
    }

    #[test]
    fn where_methods_decide_nobody_names_a_second_one() {
        let request = || {
            Request::get("/")
                .header("host", "h")
                .header("X-HTTP-Method-Override", "POST")
        };
        let name = "x-http-method-override";
        assert!(forwarded(request()).headers.contains_key(name));
        let parts = passed(request(), None, |passage| passage.looks_at_methods = true);
        assert!(!parts.headers.contains_key(name));
    }

    #[test]
    fn the_path_is_rewritten_there_and_back() {
        let (outer, inner) = (
            PathPrefix::parse("/krb/v3").unwrap(),
            PathPrefix::parse("/v3").unwrap(),
        );
        let request = Request::post("/krb/v3/auth/tokens?nocatalog").header("host", "h");
        let parts = passed(request, Some((&outer, &inner)), |_| {});
        assert_eq!(parts.uri, "/v3/auth/tokens?nocatalog");
        for (place, told) in [
            ("/v3/users?x=1", "/krb/v3/users?x=1"),
            ("https://h/v3", "https://h/krb/v3"),
            ("https://other/v3", "https://other/v3"),
            ("/krb/v3/users", "/krb/v3/users"),
            ("/elsewhere", "/elsewhere"),
            ("users", "users"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, HeaderValue::from_static(place));
            let host = HeaderValue::from_static("h");
            back_through(&mut headers, &host, (&outer, &inner));
            assert_eq!(headers[header::LOCATION], told, "{place}");
        }
    }

    #[test]
    fn split_cookies_are_joined() {
        let request = Request::get("https://h/")
            .header("cookie", "a=1")
            .header("cookie", "b=2");
        assert_eq!(forwarded(request).headers["cookie"], "a=1; b=2");
    }

    #[test]
    fn a_websocket_may_pass_over_http_1_1_only() {
        let ask = |version| {
            let request = Request::get("/").version(version).header("host", "h");
            forwarded(
                request
                    .header("connection", "Upgrade")
                    .header("upgrade", "websocket"),
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
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for good in [
            "h",
            "www.example.test",
            "h:443",
            "h:",
            "192.0.2.7:8443",
            "[2001:db8::1]",
            "[::1]:443",
            "a_b",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":443", "u@h", "h/x", "h, i", "h i", "h:80x", "h:123456", "[::1", "[]", "[x]",
            "[::1]x", "h:1:2", "h%2f", "h\u{e9}",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_back_ends_own_negotiate_does_not_reach_the_client() {
        let mut headers = HeaderMap::new();
        for value in ["Negotiate", "NTLM", "Basic realm=x"] {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        let mut passed = headers.clone();
        to_client(&mut passed, true);
        assert_eq!(passed.len(), 3);
        to_client(&mut headers, false);
        let left: Vec<_> = headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
        assert_eq!(left, ["Basic realm=x"]);
    }
}
