use http::{HeaderMap, HeaderName};

use crate::server::Arrival;

/// What the gateway in front says about whoever sends a request: the variables of CGI and mod_ssl, as headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Front {
    /// `REMOTE_USER`.
    pub user: Option<String>,
    /// `REMOTE_DOMAIN`: the name of the user's domain.
    pub domain: Option<String>,
    /// `AUTH_TYPE`.
    pub auth_type: Option<String>,
    /// `GSS_NAME`: the principal with its realm.
    pub principal: Option<String>,
    /// `SSL_CLIENT_I_DN`: who issued the client's certificate.
    pub certificate_issuer: Option<String>,
    /// `SSL_CLIENT_S_DN`: whose certificate it is.
    pub certificate_subject: Option<String>,
}

impl Front {
    /// What the front says, if what sent the request is believed about others at all.
    #[must_use]
    pub fn of(headers: &HeaderMap, arrival: Option<Arrival>) -> Self {
        match arrival {
            Some(arrival) if arrival.is_trusted() => Self::read(headers),
            _ => Self::default(),
        }
    }

    fn read(headers: &HeaderMap) -> Self {
        let mut front = Self::default();
        for (name, value) in headers {
            let Some(place) = front.place(name) else {
                continue;
            };
            // Two values are two opinions, and no header is the last word then.
            let value = value.to_str().unwrap_or_default().trim();
            *place = match place.take() {
                None if !value.is_empty() => Some(value.to_owned()),
                _ => Some(String::new()),
            };
        }
        for place in front.places() {
            if place.as_deref() == Some("") {
                *place = None;
            }
        }
        front
    }

    fn places(&mut self) -> [&mut Option<String>; 6] {
        [
            &mut self.user,
            &mut self.domain,
            &mut self.auth_type,
            &mut self.principal,
            &mut self.certificate_issuer,
            &mut self.certificate_subject,
        ]
    }

    fn place(&mut self, name: &HeaderName) -> Option<&mut Option<String>> {
        let name = name.as_str().replace('_', "-");
        Some(match name.strip_prefix("http-").unwrap_or(&name) {
            "remote-user" => &mut self.user,
            "remote-domain" => &mut self.domain,
            "auth-type" => &mut self.auth_type,
            "gss-name" => &mut self.principal,
            "ssl-client-i-dn" => &mut self.certificate_issuer,
            "ssl-client-s-dn" => &mut self.certificate_subject,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn front(arrival: Option<Arrival>, headers: &[(&'static str, &'static str)]) -> Front {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Front::of(&map, arrival)
    }

    #[test]
    fn only_a_gateway_is_believed() {
        let headers = [("remote_user", "alice"), ("auth-type", "Negotiate")];
        assert_eq!(front(None, &headers), Front::default());
        assert_eq!(front(Some(Arrival::Local(0)), &headers), Front::default());
        let believed = front(Some(Arrival::Gateway(0)), &headers);
        assert_eq!(believed.user.as_deref(), Some("alice"));
        assert_eq!(believed.auth_type.as_deref(), Some("Negotiate"));
    }

    #[test]
    fn a_variable_that_is_said_twice_is_not_said() {
        let headers = [("remote_user", "alice"), ("remote-user", "bob")];
        let believed = front(Some(Arrival::Gateway(0)), &headers);
        assert_eq!(believed.user, None);
    }
}
