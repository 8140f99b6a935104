//! The uwsgi protocol: a request as a packet of CGI variables (modifiers 0 and 0), and the body behind it.
//!
//! The answer is HTTP's or CGI's, and is read by [`HeadReader`](crate::transport::HeadReader).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;

use crate::outbound::{ClientAddress, Front};
use crate::variables::Variable;

/// A packet's length is written in two octets.
const MOST: usize = u16::MAX as usize;

/// A request has more to say than a packet can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variables come to {0} octets, and a packet carries {MOST}")]
pub struct TooLong(pub usize);

/// Variables as a packet carries them.
#[derive(Clone, Debug)]
pub struct Packet {
    octets: Vec<u8>,
    /// Their length, as far as it goes.
    length: usize,
}

impl Packet {
    /// An empty one, in a buffer that has been used before.
    pub fn new(mut space: Vec<u8>) -> Self {
        space.clear();
        space.extend_from_slice(&[0; 4]);
        Self {
            octets: space,
            length: 0,
        }
    }

    /// Adds a variable.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        let own = name.len().saturating_add(value.len()).saturating_add(4);
        self.length = self.length.saturating_add(own);
        let lengths = (u16::try_from(name.len()), u16::try_from(value.len()));
        if let (Ok(name_length), Ok(value_length)) = lengths
            && self.length <= MOST
        {
            self.octets.extend_from_slice(&name_length.to_le_bytes());
            self.octets.extend_from_slice(name.as_bytes());
            self.octets.extend_from_slice(&value_length.to_le_bytes());
            self.octets.extend_from_slice(value);
        }
    }

    /// The packet as it goes out.
    ///
    /// # Errors
    /// [`TooLong`]
    pub fn finish(mut self) -> Result<Vec<u8>, TooLong> {
        let length = u16::try_from(self.length).map_err(|_| TooLong(self.length))?;
        let [low, high] = length.to_le_bytes();
        if let Some(header) = self.octets.first_chunk_mut() {
            *header = [0, low, high, 0];
        }
        Ok(self.octets)
    }
}

/// Writes a request down: what CGI says of it, what is told about the person, and the client's headers as `HTTP_*`.
///
/// Headers whose names could be read as those of others there (`X_Auth_Token`) do not go on, nor does `Proxy`, which
/// CGI programs would take for their own setting.
///
/// # Errors
/// [`TooLong`]
pub fn write(
    space: Vec<u8>,
    head: &Parts,
    told: &[(Variable, String)],
    client: &ClientAddress,
    front: &Front,
    length: u64,
) -> Result<Vec<u8>, TooLong> {
    let mut packet = Packet::new(space);
    let path = head.uri.path();
    packet.add("REQUEST_METHOD", head.method.as_str().as_bytes());
    let target = head.uri.path_and_query();
    let target = target.map_or(path, |target| target.as_str());
    packet.add("REQUEST_URI", [&front.mount, target].concat().as_bytes());
    packet.add("SCRIPT_NAME", front.mount.as_bytes());
    packet.add("PATH_INFO", &percent_decoded(path));
    packet.add(
        "QUERY_STRING",
        head.uri.query().unwrap_or_default().as_bytes(),
    );
    packet.add("SERVER_PROTOCOL", b"HTTP/1.1");
    add_front(&mut packet, front);
    add_client(&mut packet, client);
    add_body(&mut packet, &head.headers, length);
    for (variable, value) in told {
        packet.add(variable.environment(), value.as_bytes());
    }
    add_headers(&mut packet, &head.headers);
    packet.finish()
}

fn add_front(packet: &mut Packet, front: &Front) {
    let (scheme, usual_port) = match front.is_https {
        true => ("https", 443),
        false => ("http", 80),
    };
    packet.add("REQUEST_SCHEME", scheme.as_bytes());
    if front.is_https {
        packet.add("HTTPS", b"on");
    }
    packet.add("SERVER_NAME", host_alone(&front.host));
    let port = front.port.unwrap_or(usual_port).to_string();
    packet.add("SERVER_PORT", port.as_bytes());
}

fn add_client(packet: &mut Packet, client: &ClientAddress) {
    packet.add("REMOTE_ADDR", client.ip().to_string().as_bytes());
    if let ClientAddress::Internet(address) = client {
        packet.add("REMOTE_PORT", address.port().to_string().as_bytes());
    }
}

fn add_body(packet: &mut Packet, headers: &HeaderMap, length: u64) {
    let kind = headers.get(header::CONTENT_TYPE);
    packet.add("CONTENT_TYPE", kind.map_or(b"", HeaderValue::as_bytes));
    // An empty one says that there is no body, which is not the same as a body of no length.
    match length == 0 && !headers.contains_key(header::CONTENT_LENGTH) {
        true => packet.add("CONTENT_LENGTH", b""),
        false => packet.add("CONTENT_LENGTH", length.to_string().as_bytes()),
    }
}

fn add_headers(packet: &mut Packet, headers: &HeaderMap) {
    for name in headers.keys().filter(|name| is_plain(name)) {
        let values = headers.get_all(name).iter();
        let values: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
        let between: &[u8] = match *name {
            header::COOKIE => b"; ",
            _ => b", ",
        };
        packet.add(&variable(name), &values.join(between));
    }
}

/// Whether a header goes on: no other can become the same variable, and none of ours.
fn is_plain(name: &HeaderName) -> bool {
    let is_ours = matches!(
        *name,
        header::CONNECTION
            | header::CONTENT_LENGTH
            | header::CONTENT_TYPE
            | header::EXPECT
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
    );
    let spelled = name.as_str();
    let is_unambiguous = spelled
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    is_unambiguous && !is_ours && spelled != "proxy"
}

fn variable(name: &HeaderName) -> String {
    let spelled = name.as_str().bytes().map(|octet| match octet {
        b'-' => '_',
        octet => char::from(octet.to_ascii_uppercase()),
    });
    "HTTP_".chars().chain(spelled).collect()
}

/// The host without its port.
fn host_alone(host: &HeaderValue) -> &[u8] {
    let host = host.as_bytes();
    let end = match host.first() {
        Some(b'[') => host
            .iter()
            .position(|octet| *octet == b']')
            .and_then(|at| at.checked_add(1)),
        _ => host.iter().position(|octet| *octet == b':'),
    };
    end.and_then(|end| host.get(..end)).unwrap_or(host)
}

/// What is no octet in percents stays as it is.
fn percent_decoded(path: &str) -> Vec<u8> {
    let digit = |octet: Option<&u8>| char::from(*octet?).to_digit(16);
    let octets = path.as_bytes();
    let mut decoded = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((&first, behind)) = rest.split_first() {
        let pair = digit(behind.first()).zip(digit(behind.get(1)));
        let escaped = pair.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        match (first, escaped) {
            (b'%', Some(octet)) => {
                decoded.push(octet);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(first);
                rest = behind;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::Request;
    use proptest::prelude::*;

    use super::*;

    /// Reads a packet as strictly as it is defined.
    fn decoded(packet: &[u8]) -> Vec<(String, Vec<u8>)> {
        assert_eq!((packet[0], packet[3]), (0, 0), "modifiers");
        let mut rest = &packet[4..];
        assert_eq!(
            rest.len(),
            usize::from(u16::from_le_bytes([packet[1], packet[2]]))
        );
        let mut variables = Vec::new();
        let take = |rest: &mut &[u8]| {
            let length = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
            let value = rest[2..2 + length].to_vec();
            *rest = &rest[2 + length..];
            value
        };
        while !rest.is_empty() {
            let name = String::from_utf8(take(&mut rest)).unwrap();
            variables.push((name, take(&mut rest)));
        }
        variables
    }

    fn written(request: http::request::Builder, length: u64) -> BTreeMap<String, String> {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let told = [
            (Variable::User, "alice".to_owned()),
            (Variable::AuthType, "Negotiate".to_owned()),
        ];
        let client = ClientAddress::Internet("192.0.2.7:1234".parse().unwrap());
        let front = Front {
            is_https: true,
            host: HeaderValue::from_static("www.example.test:8443"),
            port: Some(8443),
            mount: "/krb".to_owned(),
        };
        let packet = write(Vec::new(), &head, &told, &client, &front, length).unwrap();
        let variables = decoded(&packet);
        let count = variables.len();
        let text = |octets| String::from_utf8(octets).unwrap();
        let map: BTreeMap<String, String> = variables
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect();
        assert_eq!(map.len(), count, "a variable stands there twice");
        map
    }

    #[test]
    fn a_request_is_what_cgi_says_of_it() {
        let request = Request::post("/v3/a%20b%2Fc%zz?x=%20")
            .header("host", "www.example.test:8443")
            .header("content-type", "application/json")
            .header("content-length", "5")
            .header("x-auth-token", "one")
            .header("x-auth-token", "two");
        let variables = written(request, 5);
        for (name, value) in [
            ("REQUEST_METHOD", "POST"),
            ("REQUEST_URI", "/krb/v3/a%20b%2Fc%zz?x=%20"),
            ("PATH_INFO", "/v3/a b/c%zz"),
            ("QUERY_STRING", "x=%20"),
            ("SCRIPT_NAME", "/krb"),
            ("SERVER_NAME", "www.example.test"),
            ("SERVER_PORT", "8443"),
            ("HTTPS", "on"),
            ("REMOTE_ADDR", "192.0.2.7"),
            ("REMOTE_PORT", "1234"),
            ("CONTENT_TYPE", "application/json"),
            ("CONTENT_LENGTH", "5"),
            ("HTTP_HOST", "www.example.test:8443"),
            ("HTTP_X_AUTH_TOKEN", "one, two"),
            ("REMOTE_USER", "alice"),
            ("AUTH_TYPE", "Negotiate"),
        ] {
            assert_eq!(
                variables.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }
        assert!(!variables.contains_key("HTTP_CONTENT_LENGTH"));
    }

    #[test]
    fn a_header_cannot_become_anothers_variable() {
        let request = Request::get("/")
            .header("x_auth_token", "forged")
            .header("x.auth.token", "forged")
            .header("proxy", "http://evil.example")
            .header("transfer-encoding", "chunked")
            .header("upgrade", "websocket");
        let variables = written(request, 0);
        assert!(
            !variables.keys().any(|name| name.starts_with("HTTP_")),
            "{variables:?}"
        );
        assert_eq!(variables["CONTENT_LENGTH"], "");
    }

    #[test]
    fn what_does_not_fit_is_not_cut_off() {
        for (length, fits) in [
            (65535 - 5, true),
            (65535 - 4, false),
            (70000, false),
            (200_000, false),
        ] {
            let mut packet = Packet::new(Vec::new());
            packet.add("A", &vec![b'x'; length]);
            let finished = packet.finish();
            assert_eq!(finished.is_ok(), fits, "{length}");
            match finished {
                Ok(octets) => assert_eq!(decoded(&octets)[0].1.len(), length),
                Err(TooLong(counted)) => assert_eq!(counted, length + 5),
            }
        }
    }

    #[test]
    fn the_host_stands_without_its_port() {
        for (host, alone) in [
            ("h:1", "h"),
            ("h", "h"),
            ("[::1]:5", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(
                host_alone(&HeaderValue::from_static(host)),
                alone.as_bytes()
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_added_is_read_again(
            variables in prop::collection::vec(("[A-Z_]{0,20}", prop::collection::vec(any::<u8>(), 0..300)), 0..40),
        ) {
            let mut packet = Packet::new(vec![1; 99]);
            for (name, value) in &variables {
                packet.add(name, value);
            }
            prop_assert_eq!(decoded(&packet.finish().unwrap()), variables);
        }
    }
}
