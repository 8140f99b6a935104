use http::Uri;
use http::header::{HOST, HeaderMap};

use crate::server::Arrival;
use crate::service::Settings;

/// Where clients reach the service, as it stands in links: `https://cloud.example.org/main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site(String);

impl Site {
    /// As the settings say, else as a trusted front says in its `X-Forwarded-*` headers, else as the request says.
    #[must_use]
    pub fn of(settings: &Settings, headers: &HeaderMap, arrival: Option<Arrival>) -> Self {
        if let Some(public) = &settings.public_endpoint {
            return Self(without_version(public).to_owned());
        }
        let front = arrival.is_some_and(Arrival::is_trusted);
        let said = |name| front.then(|| first(headers, name)).flatten();
        let scheme = said("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"));
        let host = said("x-forwarded-host")
            .filter(|host| is_host(host))
            .or_else(|| {
                headers
                    .get(HOST)?
                    .to_str()
                    .ok()
                    .filter(|host| is_host(host))
            });
        let scheme = scheme.unwrap_or("http");
        let host = without_standard_port(scheme, host.unwrap_or("localhost"));
        let prefix = said("x-forwarded-prefix").filter(|prefix| is_prefix(prefix));
        let prefix = prefix.unwrap_or(&settings.prefix).trim_end_matches('/');
        Self(format!("{scheme}://{host}{}", without_version(prefix)))
    }

    /// The URL of the API: `https://cloud.example.org/main/v3`.
    #[must_use]
    pub fn api(&self) -> String {
        format!("{}/v3", self.0)
    }

    /// The URL of something in the API, whose path begins with a slash: `/users/1`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/v3{path}", self.0)
    }

    /// The URL that was asked for, as clients write it; `uri` begins with `/v3`.
    #[must_use]
    pub fn asked(&self, uri: &Uri) -> String {
        let query = uri
            .query()
            .filter(|query| !query.is_empty())
            .map_or(String::new(), |query| format!("?{query}"));
        format!("{}{}{query}", self.0, uri.path())
    }
}

/// The first of several values that fronts in a row have added.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim)
}

fn is_host(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !text.is_empty() && text.len() < 300 && text.bytes().all(known)
}

fn is_prefix(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~".contains(&byte);
    text.is_empty() || (text.starts_with('/') && text.len() < 300 && text.bytes().all(known))
}

fn without_standard_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(port).unwrap_or(host)
}

fn without_version(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/v3").unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const GATEWAY: Option<Arrival> = Some(Arrival::Gateway(0));

    fn site(arrival: Option<Arrival>, headers: &[(&'static str, &'static str)]) -> Site {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Site::of(&Settings::default(), &map, arrival)
    }

    #[test]
    fn a_trusted_front_says_where_clients_are() {
        let headers = [
            ("host", "backend:5000"),
            ("x-forwarded-host", "cloud.example.org"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/main"),
        ];
        let asked = "/v3/users?name=a".parse().unwrap();
        let site = site(GATEWAY, &headers);
        assert_eq!(
            site.url("/users/1"),
            "https://cloud.example.org/main/v3/users/1"
        );
        assert_eq!(
            site.asked(&asked),
            "https://cloud.example.org/main/v3/users?name=a"
        );
    }

    #[test]
    fn others_do_not_say_where_clients_are() {
        let headers = [
            ("host", "here:80"),
            ("x-forwarded-host", "evil.example.org"),
        ];
        assert_eq!(
            site(Some(Arrival::Local(9)), &headers).api(),
            "http://here/v3"
        );
        assert_eq!(site(None, &headers).api(), "http://here/v3");
    }

    #[test]
    fn a_front_that_says_nonsense_is_not_quoted() {
        let headers = [
            ("host", "h"),
            ("x-forwarded-host", "a\"<b>"),
            ("x-forwarded-proto", "javascript"),
            ("x-forwarded-prefix", "//evil/\"x"),
        ];
        assert_eq!(site(GATEWAY, &headers).api(), "http://h/v3");
    }

    #[test]
    fn settings_come_first_and_may_name_the_version() {
        let settings = Settings {
            public_endpoint: Some("https://k.example.org/main/v3/".to_owned()),
            ..Settings::default()
        };
        let site = Site::of(&settings, &HeaderMap::new(), GATEWAY);
        assert_eq!(site.api(), "https://k.example.org/main/v3");
    }
}
