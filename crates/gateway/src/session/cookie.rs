//! Cookies (RFC 6265bis): what ours is called, where it is good, and how it is found among others.

use std::fmt::Write;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};

/// Of more cookies of one name, the rest is not looked at.
const MOST_NAMESAKES: usize = 4;

/// Which requests of other sites carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// None: a link from elsewhere leads to a page that knows nobody, until it is loaded again.
    Strict,
    /// Links from elsewhere, but nothing that changes something.
    #[default]
    Lax,
    /// All; for pages that stand in frames of other sites.
    None,
}

/// The name of a cookie, and where it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieStyle {
    name: String,
    domain: Option<String>,
    path: String,
    secure: bool,
    same_site: SameSite,
}

/// Why a cookie cannot be called or limited so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCookie {
    /// Its name has characters that names of cookies cannot have.
    #[error("`{0}` cannot be the name of a cookie")]
    Name(String),
    /// Browsers drop a cookie with this prefix unless it is secure.
    #[error("a cookie whose name begins with `__Secure-` or `__Host-` has to be secure")]
    Insecure,
    /// Browsers drop a cookie with this prefix unless it is for one host and all of it.
    #[error("a cookie whose name begins with `__Host-` has no domain, and the path /")]
    Host,
    /// Browsers drop a cookie for every site unless it is secure.
    #[error("a cookie with same_site = \"none\" has to be secure")]
    EverySite,
    /// The path is none.
    #[error("`{0}` cannot be the path of a cookie: it begins with a slash, and has no `;`")]
    Path(String),
    /// The domain is none.
    #[error(
        "`{0}` cannot be the domain of a cookie: it has at least two names, and no leading dot"
    )]
    Domain(String),
}

impl Default for CookieStyle {
    fn default() -> Self {
        Self {
            name: "__Host-kerbstone".to_owned(),
            domain: None,
            path: "/".to_owned(),
            secure: true,
            same_site: SameSite::Lax,
        }
    }
}

impl CookieStyle {
    /// Checks what browsers would check, and silently drop. Without a name it gets the one with the strictest prefix.
    ///
    /// # Errors
    /// [`BadCookie`] says what does not go together.
    pub fn new(
        name: Option<String>,
        domain: Option<String>,
        path: String,
        secure: bool,
        same_site: SameSite,
    ) -> Result<Self, BadCookie> {
        let name = name.unwrap_or_else(|| {
            let prefix = match (secure, &domain, path.as_str()) {
                (true, None, "/") => "__Host-",
                (true, ..) => "__Secure-",
                (false, ..) => "",
            };
            format!("{prefix}kerbstone")
        });
        let has_prefix = |prefix: &str| {
            let head = name.get(..prefix.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        };
        let is_token =
            |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_token) {
            return Err(BadCookie::Name(name));
        }
        if !path.starts_with('/')
            || !path
                .bytes()
                .all(|octet| octet.is_ascii_graphic() && octet != b';')
        {
            return Err(BadCookie::Path(path));
        }
        if let Some(domain) = domain.as_ref().filter(|domain| !is_domain(domain)) {
            return Err(BadCookie::Domain(domain.clone()));
        }
        if !secure && (has_prefix("__Secure-") || has_prefix("__Host-")) {
            return Err(BadCookie::Insecure);
        }
        if has_prefix("__Host-") && (domain.is_some() || path != "/") {
            return Err(BadCookie::Host);
        }
        if !secure && same_site == SameSite::None {
            return Err(BadCookie::EverySite);
        }
        Ok(Self {
            name,
            domain: domain.map(|domain| domain.to_ascii_lowercase()),
            path,
            secure,
            same_site,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From which path on it is good.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A sibling for another purpose, called `<name>-<suffix>`.
    pub(crate) fn sibling(&self, suffix: &str) -> Self {
        Self {
            name: format!("{}-{suffix}", self.name),
            ..self.clone()
        }
    }

    /// For which hosts a cookie is good that is set by `host`; none when the domain is another's.
    pub(crate) fn reach<'a>(&'a self, host: &'a str) -> Option<&'a str> {
        let Some(domain) = &self.domain else {
            return Some(host);
        };
        let head = host.strip_suffix(domain.as_str())?;
        (head.is_empty() || head.ends_with('.')).then_some(domain)
    }

    /// `Set-Cookie`, for so long.
    pub(crate) fn set(&self, value: &str, life: Duration) -> Option<HeaderValue> {
        self.header(value, life.as_secs())
    }

    /// `Set-Cookie` that makes a browser forget it.
    pub(crate) fn forget(&self) -> Option<HeaderValue> {
        self.header("", 0)
    }

    fn header(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let mut text = format!(
            "{}={value}; Path={}; Max-Age={seconds}",
            self.name, self.path
        );
        if let Some(domain) = &self.domain {
            let _fits = write!(text, "; Domain={domain}");
        }
        if self.secure {
            text.push_str("; Secure");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; HttpOnly; SameSite=Strict",
            SameSite::Lax => "; HttpOnly; SameSite=Lax",
            SameSite::None => "; HttpOnly; SameSite=None",
        });
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The values of the cookies that are called so, the first ones.
    pub(crate) fn find<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(name, _)| *name == self.name)
            .map(|(_, value)| value.trim_matches('"'))
            .take(MOST_NAMESAKES)
    }

    /// Whether a header `Set-Cookie` is about a cookie of this name.
    pub(crate) fn is_set_by(&self, header: &HeaderValue) -> bool {
        let octets = header.as_bytes();
        let name = octets
            .split(|&octet| octet == b'=')
            .next()
            .unwrap_or_default();
        name.trim_ascii() == self.name.as_bytes()
    }
}

/// Takes cookies of these styles out of a request, so that no back end sees them.
pub(crate) fn take_away(styles: &[&CookieStyle], headers: &mut HeaderMap) {
    let is_there = |style: &&&CookieStyle| {
        let mut values = headers.get_all(header::COOKIE).iter();
        values.any(|value| holds(value.as_bytes(), style.name.as_bytes()))
    };
    if !styles.iter().any(|style| is_there(&style)) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| without(styles, value))
        .collect();
    headers.remove(header::COOKIE);
    for value in kept {
        headers.append(header::COOKIE, value);
    }
}

fn holds(octets: &[u8], name: &[u8]) -> bool {
    octets.windows(name.len()).any(|window| window == name)
}

fn without(styles: &[&CookieStyle], value: &HeaderValue) -> Option<HeaderValue> {
    let is_other = |cookie: &&[u8]| {
        let name = cookie
            .split(|&octet| octet == b'=')
            .next()
            .unwrap_or_default();
        !styles
            .iter()
            .any(|style| style.name.as_bytes() == name.trim_ascii())
    };
    let cookies = value.as_bytes().split(|&octet| octet == b';');
    let kept: Vec<&[u8]> = cookies.filter(is_other).map(<[u8]>::trim_ascii).collect();
    match kept.is_empty() {
        true => None,
        false => HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok(),
    }
}

fn is_domain(domain: &str) -> bool {
    let mut names = domain.split('.').peekable();
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    domain.contains('.') && names.all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(
        name: &str,
        domain: Option<&str>,
        path: &str,
        secure: bool,
    ) -> Result<CookieStyle, BadCookie> {
        let owned = |text: &str| text.to_owned();
        CookieStyle::new(
            Some(owned(name)),
            domain.map(owned),
            owned(path),
            secure,
            SameSite::Lax,
        )
    }

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        let values = cookies
            .iter()
            .map(|value| (header::COOKIE, HeaderValue::from_static(value)));
        values.collect()
    }

    #[test]
    fn what_browsers_drop_is_refused_here_already() {
        assert_eq!(style("__Host-a", None, "/app", true), Err(BadCookie::Host));
        assert_eq!(
            style("__host-a", Some("example.test"), "/", true),
            Err(BadCookie::Host)
        );
        assert_eq!(
            style("__Secure-a", None, "/", false),
            Err(BadCookie::Insecure)
        );
        assert_eq!(
            style("a b", None, "/", true),
            Err(BadCookie::Name("a b".to_owned()))
        );
        assert_eq!(
            style("a", None, "app", true),
            Err(BadCookie::Path("app".to_owned()))
        );
        for domain in ["test", ".example.test", "example..test", "a;b.test"] {
            assert_eq!(
                style("a", Some(domain), "/", true),
                Err(BadCookie::Domain(domain.to_owned()))
            );
        }
        assert!(style("__Secure-a", Some("example.test"), "/app", true).is_ok());
    }

    #[test]
    fn the_name_without_a_word_has_the_strictest_prefix_that_fits() {
        let name = |domain: Option<&str>, path: &str, secure| {
            let domain = domain.map(str::to_owned);
            CookieStyle::new(None, domain, path.to_owned(), secure, SameSite::Lax)
                .unwrap()
                .name
        };
        assert_eq!(name(None, "/", true), "__Host-kerbstone");
        assert_eq!(name(None, "/app", true), "__Secure-kerbstone");
        assert_eq!(name(Some("example.test"), "/", true), "__Secure-kerbstone");
        assert_eq!(name(None, "/", false), "kerbstone");
    }

    #[test]
    fn a_domain_reaches_the_hosts_in_it_and_no_namesake() {
        let style = style("a", Some("Example.test"), "/", true).unwrap();
        assert_eq!(style.reach("www.example.test"), Some("example.test"));
        assert_eq!(style.reach("example.test"), Some("example.test"));
        assert_eq!(style.reach("evilexample.test"), None);
        assert_eq!(
            CookieStyle::default().reach("www.example.test"),
            Some("www.example.test")
        );
    }

    #[test]
    fn the_cookie_is_found_in_whichever_header_it_stands() {
        let style = style("a", None, "/", true).unwrap();
        let headers = headers(&["b=1; aa=2", "a=3; a=\"4\";a=5", "a=6; a=7"]);
        assert_eq!(
            style.find(&headers).collect::<Vec<_>>(),
            ["3", "4", "5", "6"]
        );
    }

    #[test]
    fn back_ends_see_every_cookie_but_ours() {
        let (one, two) = (
            style("a", None, "/", true).unwrap(),
            style("a-form", None, "/", true).unwrap(),
        );
        let mut headers = headers(&["b=1; a=2;c=a=3", "a=4", "a-form=5; d"]);
        take_away(&[&one, &two], &mut headers);
        let left: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(left, ["b=1; c=a=3", "d"]);
    }

    #[test]
    fn the_header_says_all_that_protects_it() {
        let text = CookieStyle::default()
            .set("x", Duration::from_secs(60))
            .unwrap();
        assert_eq!(
            text,
            "__Host-kerbstone=x; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"
        );
        assert!(CookieStyle::default().is_set_by(&text));
    }
}
