//! Faults that were published of other front doors (SECURITY.md), tried on this one.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use kerbstone_gateway::Limits;
use kerbstone_gss::Step;
use kerbstone_gss::spnego::Initiator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Stream, connect_h2, exchange};
use crate::site::{Manners, Site};
use crate::tickets::{CLIENT, Tickets, now, options};

async fn site() -> Site {
    Site::start(Manners::Echo, Limits::default()).await
}

fn token(site: &Site) -> String {
    let mut tickets = Tickets { key: site.key() };
    let step = Initiator::new(options(None)).step(None, &mut tickets, now(), &mut rand::rng());
    let Ok(Step::Continue { token }) = step else {
        panic!("mutual authentication needs an answer");
    };
    Base64::encode_string(&token)
}

/// alice's request with these headers, as the back end sees it.
async fn as_alice(site: &Site, headers: &str) -> String {
    let token = token(site);
    let request = format!(
        "GET /closed HTTP/1.1\r\nhost: localhost\r\nauthorization: Negotiate {token}\r\n{headers}\r\n"
    );
    let answer = exchange(site, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.400}");
    answer.to_lowercase()
}

#[tokio::test]
async fn cve_2022_31813_headers_of_ours_named_in_connection_arrive_all_the_same() {
    let site = site().await;
    let ours = "remote_user, gss_name, auth_type, x-forwarded-for, x-forwarded-host, x-forwarded-proto, host";
    let seen = as_alice(&site, &format!("connection: close, {ours}\r\n")).await;
    let client = CLIENT.to_lowercase();
    for line in [
        &format!("remote_user: {client}"),
        &format!("gss_name: {client}"),
        "auth_type: negotiate",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: localhost",
        "x-forwarded-proto: https",
        "host: localhost",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line}: {seen}");
    }
}

#[tokio::test]
async fn cve_2025_64484_no_other_spelling_of_a_name_arrives() {
    let site = site().await;
    let spellings = [
        "Remote-User",
        "REMOTE_USER",
        "X_Forwarded_User",
        "X-Forwarded_Email",
        "X_Forwarded_Proto",
        "x-auth-user",
        "GSS-NAME",
    ];
    let forged: String = spellings
        .iter()
        .map(|name| format!("{name}: mallory\r\n"))
        .collect();
    let seen = as_alice(&site, &forged).await;
    assert!(!seen.contains("mallory"), "{seen}");
}

#[tokio::test]
async fn cve_2023_25725_a_header_without_a_name_is_refused() {
    let site = site().await;
    for line in [": x", " : x", "\t: x", ":"] {
        let request =
            format!("GET /open HTTP/1.1\r\n{line}\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        let answer = exchange(&site, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line:?}: {answer}");
    }
    assert_eq!(site.back_end_requests(), 0);
}

#[tokio::test]
async fn cve_2021_32715_a_length_that_is_no_number_is_refused() {
    let site = site().await;
    for length in [
        "+5",
        "-5",
        "0x5",
        "5, 6",
        "",
        " ",
        "5 5",
        "99999999999999999999",
    ] {
        let request = format!(
            "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\nhello"
        );
        let answer = exchange(&site, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{length:?}: {answer}");
    }
    assert_eq!(site.back_end_requests(), 0);
}

#[tokio::test]
async fn cve_2016_8743_blanks_where_none_belong_are_refused() {
    let site = site().await;
    for request in [
        "GET /open HTTP/1.1\r\nhost: localhost\r\ncontent-length : 5\r\n\r\nhello",
        "GET /open HTTP/1.1\r\nhost: localhost\r\nx-folded: a\r\n remote-user: mallory\r\n\r\n",
        "GET /open\x0b HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /open HTTP/1.1 \r\nhost: localhost\r\n\r\n",
        "GET /op en HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let answer = exchange(&site, request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
    assert_eq!(site.back_end_requests(), 0);
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The preface and empty settings of an HTTP/2 client.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A literal that is not put into the table, with a name out of the static table.
fn literal(name: u8, value: &str) -> Vec<u8> {
    [
        &[name, u8::try_from(value.len()).unwrap()],
        value.as_bytes(),
    ]
    .concat()
}

fn head(method: u8, more: &[u8]) -> Vec<u8> {
    const HTTPS: u8 = 0x87;
    const PATH: u8 = 4;
    const AUTHORITY: u8 = 1;
    [
        &[method, HTTPS][..],
        &literal(PATH, "/open"),
        &literal(AUTHORITY, "localhost"),
        more,
    ]
    .concat()
}

const GET: u8 = 0x82;
const POST: u8 = 0x83;

/// The error code of the GOAWAY with which the server ends, if it sends one.
async fn farewell(stream: &mut Stream) -> Option<u32> {
    let mut seen = Vec::new();
    let _ended = stream.read_to_end(&mut seen).await;
    let mut rest = &seen[..];
    let mut last = None;
    while let Some((header, after)) = rest.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let (payload, next) = after.split_at_checked(length)?;
        if header[3] == GOAWAY {
            last = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        rest = next;
    }
    last
}

#[tokio::test]
async fn cve_2023_44487_streams_opened_and_reset_at_once_end_the_connection() {
    const PAIRS: u32 = 20_000;
    let site = site().await;
    let mut stream = connect_h2(&site).await;
    let mut flood = HELLO.to_vec();
    for number in 0..PAIRS {
        let id = 2 * number + 1;
        flood.extend(frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            id,
            &head(GET, &[]),
        ));
        flood.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    // The gateway hangs up before it was all sent.
    let _sent = stream.write_all(&flood).await;
    assert_eq!(farewell(&mut stream).await, Some(ENHANCE_YOUR_CALM));
    assert!(site.back_end_requests() < PAIRS as usize / 10);
    let answer = exchange(&site, "GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn cve_2024_27316_headers_that_go_on_and_on_end_the_connection() {
    const PIECE: usize = 16_000;
    let site = site().await;
    let mut stream = connect_h2(&site).await;
    let mut flood = HELLO.to_vec();
    flood.extend(frame(HEADERS, END_STREAM, 1, &head(GET, &[])));
    let field = [&literal(0, "x")[..], &[1, b'y']].concat();
    let piece = frame(CONTINUATION, 0, 1, &field.repeat(PIECE / field.len()));
    flood.extend(piece.repeat(1_000));
    // The gateway hangs up before it was all sent.
    let _sent = stream.write_all(&flood).await;
    assert_eq!(farewell(&mut stream).await, Some(ENHANCE_YOUR_CALM));
    assert_eq!(site.back_end_requests(), 0);
}

/// What an HTTP/2 frame carries beyond the announced length would be another request in HTTP/1.1.
#[tokio::test]
async fn cve_2021_21295_a_body_longer_than_announced_is_no_second_request() {
    const DATA: u8 = 0;
    const CONTENT_LENGTH: u8 = 0x0f;
    const BEYOND_FIFTEEN: u8 = 28 - 15;
    let limits = Limits {
        idle: Duration::from_millis(300),
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let smuggled = b"GET /closed HTTP/1.1\r\nhost: localhost\r\nremote_user: mallory\r\n\r\n";
    let honest = smuggled.len().to_string();
    for length in ["0", "1", &honest] {
        let announced = [&[CONTENT_LENGTH][..], &literal(BEYOND_FIFTEEN, length)].concat();
        let mut stream = connect_h2(&site).await;
        let mut bytes = HELLO.to_vec();
        bytes.extend(frame(HEADERS, END_HEADERS, 1, &head(POST, &announced)));
        bytes.extend(frame(DATA, END_STREAM, 1, smuggled));
        stream.write_all(&bytes).await.unwrap();
        let mut seen = Vec::new();
        let _ended = stream.read_to_end(&mut seen).await;
        let seen = String::from_utf8_lossy(&seen);
        // The back end echoes, so that a body arrives here as a body.
        assert_eq!(
            seen.contains("mallory"),
            length == honest,
            "{length}: {seen}"
        );
    }
    assert!(site.back_end_requests() <= 3);
    let answer = exchange(&site, "GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!answer.contains("mallory"), "{answer}");
}

/// A connection is not kept by refusing to take leave: HTTP/2 asks the client whether it has understood.
#[tokio::test]
async fn an_http_2_client_that_says_nothing_is_let_go() {
    let limits = Limits {
        idle: Duration::from_millis(300),
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let mut stream = connect_h2(&site).await;
    stream.write_all(HELLO).await.unwrap();
    assert!(farewell(&mut stream).await.is_some());
}
