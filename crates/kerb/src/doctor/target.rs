//! The services to look at, as people name them.

use kerbstone_proto::name::{NameError, Principal, Realm};

/// A service on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// `HTTP`, `host` and so on.
    pub(super) service: String,
    /// The host as typed.
    pub(super) host: String,
    /// The realm, where one was typed.
    pub(super) realm: Option<Realm>,
}

impl Target {
    /// Reads `HTTP/www.example.org`, the same with `@REALM`, `HTTP@www.example.org`, `https://www.example.org/` or a host alone.
    pub(super) fn parse(text: &str) -> Result<Self, NameError> {
        let web = ["https://", "http://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        if let Some(rest) = web {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            return Ok(Self::new("HTTP", without_port(host)));
        }
        let realm = Realm::from("");
        let parsed = Principal::parse(text, Some(&realm))?;
        let of = |at: usize| {
            let component = parsed.name.components.get(at);
            component.map(|c| c.to_string_lossy().into_owned())
        };
        Ok(match (of(0), of(1)) {
            (Some(service), Some(host)) => Self {
                realm: Some(parsed.realm).filter(|realm| !realm.is_empty()),
                ..Self::new(&service, &host)
            },
            (Some(service), None) if !parsed.realm.is_empty() => {
                Self::new(&service, &parsed.realm.to_string_lossy())
            }
            (host, _) => Self::new("host", &host.unwrap_or_default()),
        })
    }

    fn new(service: &str, host: &str) -> Self {
        Self {
            service: service.to_owned(),
            host: host.to_owned(),
            realm: None,
        }
    }

    /// As reports call it.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.service, self.host)
    }

    /// Whether browsers go there.
    pub(super) fn is_web(&self) -> bool {
        self.service.eq_ignore_ascii_case("HTTP")
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_that_people_type() {
        for (text, service, host, realm) in [
            ("HTTP/www.example.org", "HTTP", "www.example.org", None),
            (
                "HTTP/www.example.org@R",
                "HTTP",
                "www.example.org",
                Some("R"),
            ),
            ("HTTP@www.example.org", "HTTP", "www.example.org", None),
            (
                "https://www.example.org:8443/a@b",
                "HTTP",
                "www.example.org",
                None,
            ),
            ("www.example.org", "host", "www.example.org", None),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(
                (target.service.as_str(), target.host.as_str()),
                (service, host)
            );
            assert_eq!(target.realm, realm.map(Realm::from));
        }
    }
}
