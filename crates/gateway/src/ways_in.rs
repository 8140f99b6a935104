//! By which ways the identity APIs behind the gateway are entered, for clients that find theirs by themselves.
//!
//! An identity API is what an entry whose path ends in `/v3` leads to. Which ways it has is asked of the table as a client's
//! sign-in would be: `POST {path}/auth/tokens`, by the listener that the entry is for.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use serde::Serialize;

use crate::body::Body;
use crate::entry_point::Destination;
use crate::entry_points::EntryPoints;
use crate::listener::{Address, Listener};
use crate::place::{Asked, HostName};
use crate::request_path::{PathPrefix, RequestPath};
use crate::way::Way;

const VERSION: &str = "/v3";

/// What a client is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct WaysIn {
    entry_points: Vec<WayIn>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct WayIn {
    /// A path, or with another listener's port.
    url: String,
    ways: Vec<&'static str>,
}

/// Somebody who asks for the ways in.
pub(crate) struct Asker<'a> {
    /// The host that they named.
    pub(crate) host: &'a HostName,
    /// The listener that they came by.
    pub(crate) listener: &'a str,
    /// All listeners.
    pub(crate) listeners: &'a [Arc<Listener>],
}

/// The document.
pub(crate) fn answer(entry_points: &EntryPoints, asker: &Asker<'_>) -> Response<Body> {
    let document = document(entry_points, asker);
    let text = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = Response::new(Body::whole(Bytes::from(text)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn document(entry_points: &EntryPoints, asker: &Asker<'_>) -> WaysIn {
    let apis = entry_points.iter().filter(|point| {
        let is_api = point.place.prefix.to_string().ends_with(VERSION);
        is_api && matches!(point.destination, Destination::Pool(_))
    });
    let mut offers: Vec<WayIn> = Vec::new();
    for point in apis {
        let listeners = match point.place.listeners.as_slice() {
            [] => vec![asker.listener],
            named => named.iter().map(String::as_str).collect(),
        };
        for listener in listeners {
            let offer = offer(entry_points, asker, listener, &point.place.prefix);
            offers.extend(offer.filter(|offer| !offers.contains(offer)));
        }
    }
    WaysIn {
        entry_points: offers,
    }
}

fn offer(
    entry_points: &EntryPoints,
    asker: &Asker<'_>,
    listener: &str,
    api: &PathPrefix,
) -> Option<WayIn> {
    let path = api.to_string();
    let sign_in = RequestPath::of(&format!("{path}/auth/tokens")).ok()?;
    let entered = entry_points.of(&Asked {
        host: asker.host,
        listener,
        method: &Method::POST,
        path: &sign_in,
    })?;
    // Under another host or method a sign-in may fall to an entry above, which leads elsewhere.
    if entered.place.prefix.depth() < api.depth() {
        return None;
    }
    Some(WayIn {
        url: asker.url(listener, &path)?,
        ways: entered
            .ways
            .iter()
            .flat_map(|way| names(*way))
            .copied()
            .collect(),
    })
}

/// What a way of ours is to a client of the API.
const fn names(way: Way) -> &'static [&'static str] {
    match way {
        Way::Negotiate => &["negotiate"],
        Way::Certificate => &["certificate"],
        // The API itself is shown who comes.
        Way::Token | Way::Nobody => &["application_credential", "token", "password"],
        Way::Basic | Way::Form | Way::Session => &[],
    }
}

impl Asker<'_> {
    /// Where a path is, as seen from where the client is; `None` when no client gets there.
    fn url(&self, listener: &str, path: &str) -> Option<String> {
        if listener == self.listener {
            return Some(path.to_owned());
        }
        let other = self.listeners.iter().find(|one| one.name() == listener)?;
        let port = other.addresses().iter().find_map(|address| match address {
            Address::Tcp(address) => Some(address.port()),
            Address::Unix(..) => None,
        })?;
        let host = match self.host.as_str() {
            address if address.contains(':') => format!("[{address}]"),
            name => name.to_owned(),
        };
        match other.is_tls() {
            true => Some(format!("https://{host}:{port}{path}")),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry_point::EntryPoint;
    use crate::place::{HostPattern, Place};

    fn point(path: &str, methods: &[Method], ways: &[Way]) -> EntryPoint {
        let mut place = Place::below(PathPrefix::parse(path).unwrap());
        place.methods = methods.to_vec();
        let mut point = EntryPoint::new(place, Destination::Pool("v3".into()));
        point.ways = ways.to_vec();
        point
    }

    #[test]
    fn what_counts_is_where_a_sign_in_would_come_in() {
        let points = EntryPoints::new(vec![
            point("/main/v3", &[], &[Way::Nobody]),
            point("/krb/v3", &[], &[Way::Nobody]),
            point("/krb/v3/auth/tokens", &[Method::POST], &[Way::Negotiate]),
            point("/app", &[], &[Way::Negotiate]),
        ])
        .unwrap();
        let asker = Asker {
            host: &HostName::parse("cloud.example.test"),
            listener: "main",
            listeners: &[],
        };
        let mut offers = document(&points, &asker).entry_points;
        offers.sort_by(|one, other| one.url.cmp(&other.url));
        let [by_ticket, by_password] = offers.as_slice() else {
            panic!("{offers:?}");
        };
        assert_eq!(
            (by_ticket.url.as_str(), by_ticket.ways.as_slice()),
            ("/krb/v3", ["negotiate"].as_slice())
        );
        assert_eq!(by_password.url, "/main/v3");
        assert_eq!(
            by_password.ways,
            ["application_credential", "token", "password"]
        );
    }

    #[test]
    fn an_api_of_another_host_is_not_told_of() {
        let mut inner = point("/inner/v3", &[], &[Way::Certificate]);
        inner.place.hosts = vec![HostPattern::parse("inner.example.test").unwrap()];
        let points = EntryPoints::new(vec![inner, point("/", &[], &[Way::Nobody])]).unwrap();
        for (host, expected) in [("inner.example.test", 1), ("cloud.example.test", 0)] {
            let asker = Asker {
                host: &HostName::parse(host),
                listener: "main",
                listeners: &[],
            };
            let told = document(&points, &asker).entry_points;
            assert_eq!(told.len(), expected, "{host}: {told:?}");
        }
    }
}
