//! Headers that concern one connection and go no further (RFC 9110 7.6.1).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const ALWAYS: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Removes them: those that always are, and those that `Connection` names.
///
/// Whoever adds headers of their own does it afterwards, so that a client cannot name these.
pub fn remove(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in ALWAYS {
        headers.remove(*name);
    }
    for name in &named {
        headers.remove(name);
    }
}

/// The protocol that the client wants to change to, if it says so properly.
pub fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let says_upgrade = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(header::UPGRADE)?;
    // h2c would carry requests past everything that is decided here.
    let is_http = protocol.as_bytes().to_ascii_lowercase().starts_with(b"h2c");
    (says_upgrade && !is_http).then(|| protocol.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn what_concerns_this_connection_goes_no_further() {
        let mut map = headers(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("proxy-authorization", "Basic x"),
            ("accept", "*/*"),
        ]);
        remove(&mut map);
        assert_eq!(map.keys().collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        let both = headers(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ]);
        assert_eq!(wanted_upgrade(&both).unwrap(), "websocket");
        assert_eq!(wanted_upgrade(&headers(&[("upgrade", "websocket")])), None);
    }

    #[test]
    fn nobody_upgrades_to_h2c() {
        let smuggled = headers(&[
            ("connection", "Upgrade, HTTP2-Settings"),
            ("upgrade", "h2c"),
        ]);
        assert_eq!(wanted_upgrade(&smuggled), None);
    }
}
