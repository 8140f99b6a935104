//! The pages: HTML for people, JSON for programs. No page loads anything from anywhere.

use std::sync::LazyLock;

use askama::Template;
use base64ct::{Base64, Encoding};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Uri};
use sha2::{Digest, Sha256};

use crate::body::Body;
use crate::notice::{Notice, Words};
use crate::whoami::Whoami;

/// The one style sheet, which every page carries.
pub(crate) const STYLE: &str = include_str!("../templates/style.css");
/// Loads the page again, once: a freshly started Chromium gives up on its first 401, because it loads its
/// GSSAPI library only then, and succeeds at the second.
pub(crate) const RETRY_ONCE: &str = include_str!("../templates/retry_once.js");

/// Only our own style sheet and script, known by their hashes, may take effect.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = |text: &str| Base64::encode_string(&Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(RETRY_ONCE)
    );
    HeaderValue::from_str(&policy).ok()
});

/// How the reader wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page for a browser.
    Html,
    /// An object for a program.
    Json,
}

impl Form {
    /// What `Accept` asks for; HTML unless JSON is named and not liked less.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let (mut html, mut json) = (0.0, 0.0);
        let ranges = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok());
        for range in ranges.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0));
            match kind.to_ascii_lowercase().as_str() {
                "application/json" | "application/problem+json" => json = weight,
                "text/html" | "application/xhtml+xml" => html = weight,
                _ => {}
            }
        }
        if json > 0.0 && json >= html {
            Self::Json
        } else {
            Self::Html
        }
    }
}

/// Where the button of a notice leads: the page that was asked for.
#[derive(Debug)]
struct Target<'a> {
    path: &'a str,
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    status: StatusCode,
    words: Words,
    target: Option<Target<'a>>,
}

/// What a line of advice consists of.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// Something to type or to look for, between backticks.
    Code(&'a str),
}

fn pieces(line: &str) -> Vec<Piece<'_>> {
    let pieces = line.split('`').enumerate();
    pieces
        .map(|(at, text)| match at % 2 {
            0 => Piece::Text(text),
            _ => Piece::Code(text),
        })
        .collect()
}

/// The answer that shows a notice. `method` and `uri` are those of the request.
pub fn notice(notice: &Notice, form: Form, method: &Method, uri: &Uri) -> Response<Body> {
    let mut response = explain(notice, form, method, uri);
    if let Some(after) = notice.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, after);
    }
    if matches!(notice, Notice::BadRequest(why) if why.ends_connection()) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if matches!(notice, Notice::ReadOnly) {
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

fn explain(notice: &Notice, form: Form, method: &Method, uri: &Uri) -> Response<Body> {
    let status = notice.status();
    let words = notice.words();
    if form == Form::Json {
        let object = serde_json::json!({
            "status": status.as_u16(), "title": words.title, "detail": words.why, "advice": words.advice,
        });
        return answer(status, "application/problem+json", object.to_string());
    }
    let can_retry = matches!(notice, Notice::SignIn) && method == Method::GET;
    let page = NoticePage {
        status,
        words,
        target: can_retry.then(|| Target::of(uri)),
    };
    html(status, &page)
}

/// The answer that shows people who they are.
pub fn whoami(whoami: &Whoami, form: Form) -> Response<Body> {
    match form {
        Form::Html => html(StatusCode::OK, whoami),
        Form::Json => {
            let mut object = serde_json::to_string_pretty(whoami).unwrap_or_default();
            object.push('\n');
            answer(StatusCode::OK, "application/json", object)
        }
    }
}

pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response<Body> {
    match page.render() {
        Ok(text) => answer(status, "text/html; charset=utf-8", text),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            answer(status, "text/plain; charset=utf-8", status.to_string())
        }
    }
}

pub(crate) fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept, authorization"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(policy) = &*POLICY {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    response
}

impl<'a> Target<'a> {
    fn of(uri: &'a Uri) -> Self {
        let pairs = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        Self {
            path: one_slash(uri.path()),
            fields: pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (form_decoded(name), form_decoded(value))
                })
                .collect(),
        }
    }
}

/// The path behind its first slash but one: a path that begins with two would be another host's address.
fn one_slash(path: &str) -> &str {
    let names = path.trim_start_matches('/').len();
    let last_slash = path.len().saturating_sub(names).saturating_sub(1);
    path.get(last_slash..).unwrap_or("/")
}

/// As a form would have encoded it, undone.
fn form_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        let escaped = rest
            .clone()
            .next()
            .zip(rest.clone().nth(1))
            .and_then(|(high, low)| {
                let digit = |octet: u8| char::from(octet).to_digit(16);
                u8::try_from(digit(high)? << 4 | digit(low)?).ok()
            });
        match (octet, escaped) {
            (b'%', Some(octet)) => {
                octets.push(octet);
                let _two_digits = rest.nth(1);
            }
            (b'+', _) => octets.push(b' '),
            (octet, _) => octets.push(octet),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn wanted(accept: &'static str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Form::wanted(&headers)
    }

    fn sign_in(method: &Method, uri: &'static str) -> String {
        let uri = Uri::from_static(uri);
        let mut response = notice(&Notice::SignIn, Form::Html, method, &uri);
        let body = std::pin::Pin::new(response.body_mut());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match body.poll_frame(&mut context) {
            std::task::Poll::Ready(Some(Ok(frame))) => {
                String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn browsers_get_pages_and_programs_that_ask_get_json() {
        assert_eq!(
            wanted("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            Form::Html
        );
        assert_eq!(wanted("*/*"), Form::Html);
        assert_eq!(wanted("application/json"), Form::Json);
        assert_eq!(wanted("application/json, text/html;q=0.5"), Form::Json);
        assert_eq!(wanted("application/json;q=0.1, text/html"), Form::Html);
        assert_eq!(wanted("application/json;q=0"), Form::Html);
    }

    #[test]
    fn the_button_leads_back_to_what_was_asked_for() {
        let page = sign_in(&Method::GET, "/app?q=a%20b&lang=fr");
        assert!(page.contains("action=\"/app\""), "{page}");
        assert!(page.contains("name=\"q\" value=\"a b\""), "{page}");
        assert!(page.contains(RETRY_ONCE), "{page}");
    }

    #[test]
    fn a_request_that_changed_something_is_not_sent_again_by_itself() {
        let page = sign_in(&Method::POST, "/app");
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<form"), "{page}");
    }

    #[test]
    fn what_the_client_wrote_is_text_in_the_page() {
        let page = sign_in(&Method::GET, "/app?%22%3E%3Cscript%3E=1");
        assert!(!page.contains("\"><script>"), "{page}");
    }

    #[test]
    fn the_button_never_leads_to_another_host() {
        let page = sign_in(&Method::GET, "//evil.test/app");
        assert!(page.contains("action=\"/evil.test/app\""), "{page}");
    }

    #[test]
    fn nothing_but_our_own_style_and_script_takes_effect() {
        let response = notice(
            &Notice::SignIn,
            Form::Html,
            &Method::GET,
            &Uri::from_static("/"),
        );
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
