//! The form for a name and a password, and the way back from it.
//!
//! The form carries a sealed token: for which host it is, until when, where to go afterwards, and the number that a
//! cookie of the same browser has to bring. So nobody else's page can send it, and it leads to no place that we did not
//! write into it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::time::Duration;

use askama::Template;
use base64ct::{Base64UrlUnpadded, Encoding};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use kerbstone_proto::time::KerberosTime;
use rand::Rng;
use zeroize::Zeroizing;

use crate::body::Body;
use crate::pages;
use crate::session::{Purpose, Scope, Sessions, plain_host};
use crate::way::Way;

/// Under the path of the session's cookie; back ends never see it.
const PLACE: &str = ".kerbstone/sign-in";
/// How long somebody may look at the form.
const LIFE: Duration = Duration::from_secs(3600);
/// No longer address is gone back to.
const MOST_PATH: usize = 2048;
/// A token, a name and a password, and what their encoding adds.
pub const MOST_BODY: usize = 12 << 10;
const NONCE: usize = 16;
const VERSION: u8 = 1;

/// What somebody has typed into the form.
#[derive(Clone, PartialEq, Eq)]
pub struct Typed {
    /// Their name.
    pub name: String,
    /// Their password.
    pub password: Zeroizing<String>,
    /// Where they came from: a path of this host, with its query.
    pub return_to: String,
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Typed")
            .field("name", &self.name)
            .field("return_to", &self.return_to)
            .finish_non_exhaustive()
    }
}

/// Why what was sent is not taken for the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// Another site has sent it.
    #[error("another site has sent the form")]
    Foreign,
    /// It lay too long, or the browser keeps no cookies. It can be shown again, with this way back.
    #[error("the form is stale")]
    Stale(String),
    /// It is no form of ours.
    #[error("what was sent is no sign-in form")]
    Malformed,
}

/// Where the form is sent to: `/.kerbstone/sign-in` for a cookie of the whole host.
pub fn place(sessions: &Sessions) -> String {
    format!("{}/{PLACE}", sessions.style().path().trim_end_matches('/'))
}

/// What is on a form.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Where to go afterwards: path and query of the request that it answers.
    pub return_to: &'a str,
    /// What the person typed before, if anything.
    pub name: &'a str,
    /// What went wrong before, in one sentence.
    pub trouble: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    host: &'a str,
    action: String,
    token: String,
    name: &'a str,
    trouble: Option<&'a str>,
    has_negotiate: bool,
}

/// The answer with the form, and with the cookie that belongs to it.
pub fn show(
    sessions: &Sessions,
    scope: &Scope<'_>,
    headers: &HeaderMap,
    status: StatusCode,
    form: &Form<'_>,
    now: KerberosTime,
) -> Response<Body> {
    let nonce = shown_nonce(sessions, headers).unwrap_or_else(fresh_nonce);
    let token = Token {
        nonce,
        until: now.saturating_add(LIFE),
        return_to: local_path(form.return_to).unwrap_or("/").to_owned(),
    };
    let page = SignInPage {
        host: scope.host,
        action: place(sessions),
        token: token.seal(sessions, scope),
        name: form.name,
        trouble: form.trouble,
        has_negotiate: scope.ways.contains(&Way::Negotiate),
    };
    let mut response = pages::html(status, &page);
    let headers = response.headers_mut();
    // With `no-referrer` browsers would say nothing of where the form comes from.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    let nonce = Base64UrlUnpadded::encode_string(&nonce);
    if let Some(cookie) = sessions.form_style().set(&nonce, LIFE) {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Reads what was sent to [`place`].
///
/// # Errors
/// [`FormFault`] when it is not what we have shown to this browser, at this host and a short while ago.
pub fn read(
    sessions: &Sessions,
    scope: &Scope<'_>,
    headers: &HeaderMap,
    body: &[u8],
    now: KerberosTime,
) -> Result<Typed, FormFault> {
    if !is_from_here(headers, scope.host) {
        return Err(FormFault::Foreign);
    }
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind
            .as_bytes()
            .split(|&octet| octet == b';')
            .next()
            .unwrap_or_default();
        kind.trim_ascii()
            .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    });
    let body = str::from_utf8(body).map_err(|_| FormFault::Malformed)?;
    if !is_form || body.len() > MOST_BODY {
        return Err(FormFault::Malformed);
    }
    let [token, name, password] = ["token", "name", "password"].map(|name| field(body, name));
    let (Some(token), Some(name), Some(password)) = (token, name, password) else {
        return Err(FormFault::Malformed);
    };
    // A token of keys that are gone is as old as one that says so.
    let token = Token::open(sessions, scope, &token, now)
        .ok_or_else(|| FormFault::Stale("/".to_owned()))?;
    let is_ours = shown_nonce(sessions, headers) == Some(token.nonce);
    if !is_ours || token.until <= now {
        return Err(FormFault::Stale(token.return_to));
    }
    Ok(Typed {
        name: name.trim().to_owned(),
        password,
        return_to: token.return_to,
    })
}

/// The answer to whoever is signed in now: back to where they came from, with the cookie of their session.
pub fn back(sessions: &Sessions, return_to: &str, session: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::whole(""));
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let path = local_path(return_to).unwrap_or("/");
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::SET_COOKIE, session);
    if let Some(done) = sessions.form_style().forget() {
        headers.append(header::SET_COOKIE, done);
    }
    response
}

/// Whether a request that changes something comes from a page of this host: browsers say so, in one way or another, and
/// programs that are none say nothing.
pub(crate) fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let authority = origin.to_str().ok().and_then(|origin| {
        origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"))
    });
    // Cookies know no ports either.
    authority.is_some_and(|authority| plain_host(authority) == plain_host(host))
}

/// A path with its query, if it leads nowhere but to this host.
fn local_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?;
    let is_elsewhere = rest.starts_with(['/', '\\']);
    let is_plain = path
        .bytes()
        .all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    (!is_elsewhere && is_plain && path.len() <= MOST_PATH).then_some(path)
}

/// What the form carries.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    nonce: [u8; NONCE],
    until: KerberosTime,
    return_to: String,
}

impl Token {
    fn seal(&self, sessions: &Sessions, scope: &Scope<'_>) -> String {
        let mut octets = vec![VERSION];
        octets.extend_from_slice(&self.nonce);
        octets.extend_from_slice(&self.until.unix().to_be_bytes());
        octets.extend_from_slice(&sessions.mark(scope).unwrap_or_default());
        octets.extend_from_slice(self.return_to.as_bytes());
        sessions.ring().seal(Purpose::Form, &octets)
    }

    fn open(sessions: &Sessions, scope: &Scope<'_>, text: &str, now: KerberosTime) -> Option<Self> {
        let octets = sessions.ring().unseal(Purpose::Form, text, now).ok()?;
        let (&version, rest) = octets.split_first()?;
        let (&nonce, rest) = rest.split_first_chunk()?;
        let (&until, rest) = rest.split_first_chunk()?;
        let (&mark, path) = rest.split_first_chunk()?;
        if version != VERSION || sessions.mark(scope) != Some(mark) {
            return None;
        }
        Some(Self {
            nonce,
            until: KerberosTime::from_unix(i64::from_be_bytes(until)),
            return_to: local_path(str::from_utf8(path).ok()?)?.to_owned(),
        })
    }
}

fn shown_nonce(sessions: &Sessions, headers: &HeaderMap) -> Option<[u8; NONCE]> {
    let text = sessions.form_style().find(headers).next()?;
    let mut nonce = [0; NONCE];
    let read = Base64UrlUnpadded::decode(text, &mut nonce).ok()?.len();
    (read == NONCE).then_some(nonce)
}

fn fresh_nonce() -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

/// The value of a form's field, if there is one of that name.
fn field(body: &str, name: &str) -> Option<Zeroizing<String>> {
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    let again = pairs.any(|(found, _)| found == name);
    (!again).then(|| decoded(value)).flatten()
}

/// Undoes the encoding of forms; nothing when what comes out is not UTF-8.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let digit = |octet: u8| char::from(octet).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from((high << 4) | low).ok()?
            }
            octet => octet,
        });
    }
    str::from_utf8(&octets)
        .ok()
        .map(|text| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests;
