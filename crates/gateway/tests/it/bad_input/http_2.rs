//! What is malformed in HTTP/2, and would be another request in HTTP/1.1 behind (RFC 9113 8.1.1, 8.2, 8.3, 10.3).

use super::Front;
use super::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Said, block, frame, said};

/// The stream's own fault.
const PROTOCOL_ERROR: u32 = 1;

type Field<'a> = (&'a [u8], &'a [u8]);

const METHOD: Field<'static> = (b":method", b"GET");
const SCHEME: Field<'static> = (b":scheme", b"https");
const PATH: Field<'static> = (b":path", b"/open");
const AUTHORITY: Field<'static> = (b":authority", b"localhost");

fn get(fields: &[Field<'_>]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields))
}

/// The usual pseudo-headers with one of them changed.
fn with(field: Field<'_>) -> Vec<u8> {
    let usual = [METHOD, SCHEME, PATH, AUTHORITY];
    let fields: Vec<Field<'_>> = usual
        .into_iter()
        .map(|one| if one.0 == field.0 { field } else { one })
        .collect();
    get(&fields)
}

/// The usual pseudo-headers and another field.
fn and(field: Field<'_>) -> Vec<u8> {
    get(&[METHOD, SCHEME, PATH, AUTHORITY, field])
}

async fn is_malformed(what: &str, rfc: &str, frames: &[u8]) {
    let front = Front::start().await;
    let said = said(&front.site, frames).await;
    let is_refused = matches!(
        said,
        Said::Reset(PROTOCOL_ERROR) | Said::GoAway(PROTOCOL_ERROR) | Said::Status(400)
    );
    assert!(is_refused, "{what} (RFC {rfc}): {said:?}");
    assert!(
        front.recorder.received().is_empty(),
        "{what}: {:?}",
        front.recorder.received()
    );
    assert!(
        front.recorder.oddities().is_empty(),
        "{what}: {:?}",
        front.recorder.oddities()
    );
}

#[tokio::test]
async fn an_honest_request_passes() {
    let front = Front::start().await;
    let honest = get(&[METHOD, SCHEME, PATH, AUTHORITY]);
    assert_eq!(said(&front.site, &honest).await, Said::Status(200));
    let received = front.recorder.received();
    assert_eq!(received[0].line, "GET /open HTTP/1.1");
    assert_eq!(received[0].header("host"), ["localhost"]);
}

#[tokio::test]
async fn line_ends_and_nuls_in_fields_are_malformed() {
    for (what, field) in [
        (
            "CRLF in a value",
            (&b"x"[..], &b"a\r\nremote-user: mallory"[..]),
        ),
        ("LF in a value", (b"x", b"a\nremote-user: mallory")),
        ("CR in a value", (b"x", b"a\rremote-user: mallory")),
        ("NUL in a value", (b"x", b"a\0b")),
        ("CRLF in a name", (b"x: a\r\nremote-user", b"mallory")),
        ("a colon in a name", (b"x:y", b"a")),
        ("a blank in a name", (b"x y", b"a")),
        ("a capital in a name", (b"Remote-User", b"mallory")),
        ("no name", (b"", b"a")),
    ] {
        is_malformed(what, "9113 8.2.1", &and(field)).await;
    }
}

#[tokio::test]
async fn fields_of_http_1_1_connections_are_malformed() {
    for field in [
        (&b"transfer-encoding"[..], &b"chunked"[..]),
        (b"connection", b"close"),
        (b"connection", b"remote-user"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"upgrade", b"websocket"),
        (b"te", b"gzip"),
        (b"te", b"trailers, gzip"),
    ] {
        let what = String::from_utf8_lossy(field.0).into_owned();
        is_malformed(&what, "9113 8.2.2", &and(field)).await;
    }
    let front = Front::start().await;
    let said = said(&front.site, &and((b"te", b"trailers"))).await;
    assert_eq!(
        said,
        Said::Status(200),
        "RFC 9113 8.2.2: the one that may be"
    );
    assert!(front.recorder.received()[0].header("te").is_empty());
}

#[tokio::test]
async fn pseudo_headers_are_what_they_are_called() {
    for (what, frames) in [
        (
            "CRLF in :path",
            with((b":path", b"/open HTTP/1.1\r\nremote-user: mallory\r\nx:")),
        ),
        ("a blank in :path", with((b":path", b"/open /admin"))),
        ("an empty :path", with((b":path", b""))),
        ("a :path without its slash", with((b":path", b"open"))),
        (
            "a :path that is an address",
            with((b":path", b"https://evil.test/open")),
        ),
        (
            "CRLF in :method",
            with((b":method", b"GET / HTTP/1.1\r\nx: ")),
        ),
        (
            "a blank in :method",
            with((b":method", b"GET /closed HTTP/1.1")),
        ),
        ("an empty :method", with((b":method", b""))),
        (
            "CRLF in :authority",
            with((b":authority", b"localhost\r\nremote-user: mallory")),
        ),
        (
            "a path in :authority",
            with((b":authority", b"localhost/evil")),
        ),
        (
            "a user in :authority",
            with((b":authority", b"mallory@localhost")),
        ),
        ("CRLF in :scheme", with((b":scheme", b"https\r\nx: y"))),
        (
            "an address in :scheme",
            with((b":scheme", b"https://evil.test/?")),
        ),
        ("a second :path", and((b":path", b"/closed"))),
        ("a second :method", and((b":method", b"POST"))),
        ("a second :authority", and((b":authority", b"evil.test"))),
        ("a pseudo-header of answers", and((b":status", b"200"))),
        (
            "an unknown pseudo-header",
            and((b":remote-user", b"mallory")),
        ),
        (
            "a pseudo-header behind a field",
            get(&[METHOD, SCHEME, AUTHORITY, (b"x", b"y"), PATH]),
        ),
        ("no :path", get(&[METHOD, SCHEME, AUTHORITY])),
        ("no :method", get(&[SCHEME, PATH, AUTHORITY])),
        ("no :scheme", get(&[METHOD, PATH, AUTHORITY])),
        ("no host at all", get(&[METHOD, SCHEME, PATH])),
        ("a host that is another", and((b"host", b"evil.test"))),
        (
            "two hosts",
            get(&[
                METHOD,
                SCHEME,
                PATH,
                (b"host", b"localhost"),
                (b"host", b"localhost"),
            ]),
        ),
    ] {
        is_malformed(what, "9113 8.3.1", &frames).await;
    }
}

#[tokio::test]
async fn a_body_is_as_long_as_it_says() {
    let post = |length: &[u8], flags: u8| {
        let fields: [Field<'_>; 5] = [
            (b":method", b"POST"),
            SCHEME,
            PATH,
            AUTHORITY,
            (b"content-length", length),
        ];
        frame(HEADERS, END_HEADERS | flags, 1, &block(&fields))
    };
    let data = |octets: &[u8]| frame(DATA, END_STREAM, 1, octets);
    let smuggled = b"GET /open/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (what, frames) in [
        ("longer", [post(b"0", 0), data(smuggled)].concat()),
        ("longer by one", [post(b"4", 0), data(b"hello")].concat()),
        ("shorter", [post(b"50", 0), data(b"hello")].concat()),
        ("nothing", post(b"5", END_STREAM)),
        ("no number", [post(b"five", 0), data(b"hello")].concat()),
        ("a sign", [post(b"+5", 0), data(b"hello")].concat()),
        ("two of them", [post(b"5, 5", 0), data(b"hello")].concat()),
    ] {
        let front = Front::start().await;
        let said = said(&front.site, &frames).await;
        let is_refused = matches!(
            said,
            Said::Reset(PROTOCOL_ERROR) | Said::GoAway(PROTOCOL_ERROR) | Said::Status(400)
        );
        assert!(is_refused, "{what} (RFC 9113 8.1.1): {said:?}");
        assert!(
            front.recorder.received().is_empty(),
            "{what}: {:?}",
            front.recorder.received()
        );
    }
    let front = Front::start().await;
    let honest = [post(b"5", 0), data(b"hello")].concat();
    assert_eq!(said(&front.site, &honest).await, Said::Status(200));
    assert_eq!(front.recorder.received()[0].body, b"hello");
}

#[tokio::test]
async fn trailers_are_no_headers() {
    let fields: [Field<'_>; 4] = [(b":method", b"POST"), SCHEME, PATH, AUTHORITY];
    let head = frame(HEADERS, END_HEADERS, 1, &block(&fields));
    let data = frame(DATA, 0, 1, b"hello");
    let trailers =
        |fields: &[Field<'_>]| frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields));
    let front = Front::start().await;
    let frames = [
        &head[..],
        &data,
        &trailers(&[(b"remote-user", b"mallory"), (b"x-ok", b"1")]),
    ]
    .concat();
    assert_eq!(said(&front.site, &frames).await, Said::Status(200));
    let received = front.recorder.received();
    assert_eq!(received[0].body, b"hello");
    assert!(received[0].header("remote-user").is_empty());
    assert!(
        front.recorder.oddities().is_empty(),
        "{:?}",
        front.recorder.oddities()
    );

    // Malformed as well (RFC 9113 8.1); if it is not refused, nothing of it goes further.
    let front = Front::start().await;
    let frames = [&head[..], &data, &trailers(&[(b":path", b"/closed")])].concat();
    let _said = said(&front.site, &frames).await;
    let received = front.recorder.received();
    assert!(!format!("{received:?}").contains("closed"), "{received:?}");
    assert!(
        front.recorder.oddities().is_empty(),
        "{:?}",
        front.recorder.oddities()
    );
}

#[tokio::test]
async fn split_cookies_reach_the_back_end_as_one() {
    let front = Front::start().await;
    let cookies: [Field<'_>; 2] = [(b"cookie", b"a=1"), (b"cookie", b"b=2")];
    let frames = get(&[METHOD, SCHEME, PATH, AUTHORITY, cookies[0], cookies[1]]);
    assert_eq!(said(&front.site, &frames).await, Said::Status(200));
    assert_eq!(
        front.recorder.received()[0].header("cookie"),
        ["a=1; b=2"],
        "RFC 9113 8.2.3"
    );
}
