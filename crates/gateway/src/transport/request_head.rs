//! A request's head as HTTP/1.1 has it.

use std::io::Write;

use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Method};

use super::upload::Framing;
use crate::identity_headers::IdentityHeaders;
use crate::variables::Variable;

/// Something in a request cannot stand in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unspeakable(pub(crate) &'static str);

/// Writes a head down.
pub(crate) fn write(
    space: &mut Vec<u8>,
    head: &Parts,
    told: &[(Variable, String)],
    names: &IdentityHeaders,
    framing: Framing,
    is_kept: bool,
) -> Result<(), Unspeakable> {
    space.clear();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    for part in [head.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        space.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &head.headers {
        if goes_on(name) {
            line(space, name, value.as_bytes());
        }
    }
    for (variable, value) in told {
        if let Some(name) = names.name(*variable) {
            if value.bytes().any(|octet| octet.is_ascii_control()) {
                return Err(Unspeakable("a name of the person"));
            }
            line(space, name, value.as_bytes());
        }
    }
    connection(space, &head.headers, is_kept);
    length(space, &head.method, framing);
    space.extend_from_slice(b"\r\n");
    Ok(())
}

/// Whether the request asks for another protocol; whoever made it has seen to it that it may.
pub(crate) fn wants_upgrade(head: &Parts) -> bool {
    head.headers.contains_key(header::UPGRADE)
}

/// Not what is written for this connection, nor what concerns another.
fn goes_on(name: &HeaderName) -> bool {
    !matches!(
        *name,
        header::CONNECTION
            | header::CONTENT_LENGTH
            | header::EXPECT
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
    )
}

fn line(space: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    space.extend_from_slice(name.as_str().as_bytes());
    space.extend_from_slice(b": ");
    space.extend_from_slice(value);
    space.extend_from_slice(b"\r\n");
}

fn connection(space: &mut Vec<u8>, headers: &HeaderMap, is_kept: bool) {
    if let Some(protocol) = headers.get(header::UPGRADE) {
        line(space, &header::UPGRADE, protocol.as_bytes());
        line(space, &header::CONNECTION, b"upgrade");
    } else if !is_kept {
        line(space, &header::CONNECTION, b"close");
    }
}

fn length(space: &mut Vec<u8>, method: &Method, framing: Framing) {
    let may_have_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    // Writing to a vector cannot fail.
    let _written = match framing {
        Framing::Length(0) if !may_have_body => Ok(()),
        Framing::Length(length) => write!(space, "content-length: {length}\r\n"),
        Framing::Chunked => space.write_all(b"transfer-encoding: chunked\r\n"),
    };
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn written(request: http::request::Builder, framing: Framing, is_kept: bool) -> String {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let told = [(Variable::User, "alice".to_owned())];
        let mut space = b"left over".to_vec();
        let names = IdentityHeaders::default();
        write(&mut space, &head, &told, &names, framing, is_kept).unwrap();
        String::from_utf8(space).unwrap()
    }

    #[test]
    fn a_head_is_written_with_who_it_is() {
        let request = Request::get("/v3/users?name=x").header("host", "www.example.test");
        assert_eq!(
            written(request, Framing::Length(0), true),
            "GET /v3/users?name=x HTTP/1.1\r\nhost: www.example.test\r\nremote_user: alice\r\n\r\n"
        );
    }

    #[test]
    fn only_we_say_how_long_the_body_is_and_what_becomes_of_the_connection() {
        let request = || {
            Request::post("/")
                .header("content-length", "7")
                .header("transfer-encoding", "gzip")
                .header("connection", "x-secret")
                .header("te", "trailers")
        };
        assert_eq!(
            written(request(), Framing::Length(0), false),
            "POST / HTTP/1.1\r\nremote_user: alice\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(
            written(request(), Framing::Chunked, true),
            "POST / HTTP/1.1\r\nremote_user: alice\r\ntransfer-encoding: chunked\r\n\r\n"
        );
    }

    #[test]
    fn a_name_with_a_line_end_is_not_written() {
        let (head, ()) = Request::new(()).into_parts();
        let told = [(Variable::User, "alice\r\nX-Admin: yes".to_owned())];
        let names = IdentityHeaders::default();
        let written = write(
            &mut Vec::new(),
            &head,
            &told,
            &names,
            Framing::Length(0),
            true,
        );
        assert!(written.is_err());
    }

    #[test]
    fn an_upgrade_is_asked_for() {
        let request = Request::get("/").header("upgrade", "websocket");
        let text = written(request, Framing::Length(0), false);
        assert!(
            text.ends_with("upgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
            "{text}"
        );
    }
}
