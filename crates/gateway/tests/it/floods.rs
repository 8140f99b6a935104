//! Clients that send more than anybody means: frames, headers and requests in floods, and answers that are not read.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kerbstone_gateway::Limits;
use kerbstone_gss::Step;
use kerbstone_gss::spnego::Initiator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::client::{Stream, connect, connect_h2, exchange, read_answer};
use crate::site::{Manners, Site};
use crate::tickets::{LargeTickets, Tickets, now, options};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `GET https://localhost/open`, in HPACK without its tables' help.
const GET_OPEN: &[u8] = b"\x82\x87\x04\x05/open\x41\x09localhost";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What came before the end of a connection, frame by frame.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while bytes.len() >= 9 {
        let length = usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
        let Some(payload) = bytes.get(9..9 + length) else {
            break;
        };
        frames.push((bytes[3], payload.to_vec()));
        bytes = &bytes[9 + length..];
    }
    frames
}

/// Sends everything, and reads until the other side has had enough.
async fn flood(site: &Site, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let stream = connect_h2(site).await;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sending = async {
        let whole = [PREFACE, &frame(SETTINGS, 0, 0, &[]), bytes].concat();
        let _perhaps_cut_off = writer.write_all(&whole).await;
        let _perhaps_cut_off = writer.flush().await;
        // Not ours to end.
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    let reading = async {
        let _cut_off = reader.read_to_end(&mut answer).await;
    };
    tokio::select! {
        () = reading => {}
        () = sending => {}
    }
    frames(&answer)
}

/// The reason for which the other side goes away.
fn goaway(frames: &[(u8, Vec<u8>)]) -> Option<u32> {
    let (_, payload) = frames.iter().rfind(|(kind, _)| *kind == GOAWAY)?;
    Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()))
}

const ENHANCE_YOUR_CALM: u32 = 0xb;

async fn site() -> Site {
    Site::start(Manners::Echo, Limits::default()).await
}

/// For floods that the gateway outlasts rather than answers.
async fn short_tempered() -> Site {
    let short = Duration::from_millis(500);
    let limits = Limits {
        idle: short,
        body: short,
        headers: short,
        ..Limits::default()
    };
    Site::start(Manners::Echo, limits).await
}

async fn is_alive(site: &Site) {
    let answer = exchange(site, "GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.300}");
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let site = site().await;
    let mut bytes = Vec::new();
    for number in 0..5000 {
        let stream = number * 2 + 1;
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, GET_OPEN));
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    let seen = flood(&site, &bytes).await;
    assert_eq!(goaway(&seen), Some(ENHANCE_YOUR_CALM), "{seen:?}");
    assert!(
        site.back_end_requests() < 200,
        "{}",
        site.back_end_requests()
    );
    is_alive(&site).await;
}

#[tokio::test]
async fn streams_that_each_break_a_rule_end_the_connection() {
    let site = site().await;
    let mut bytes = Vec::new();
    for number in 0..5000 {
        let stream = number * 2 + 1;
        bytes.extend(frame(HEADERS, END_HEADERS, stream, GET_OPEN));
        // A window that grows by nothing is an error of the stream (RFC 9113 6.9).
        bytes.extend(frame(8, 0, stream, &[0; 4]));
    }
    let seen = flood(&site, &bytes).await;
    assert!(goaway(&seen).is_some(), "{:?}", seen.last());
    is_alive(&site).await;
}

#[tokio::test]
async fn headers_that_go_on_for_ever_end_the_connection() {
    let site = site().await;
    let mut bytes = frame(HEADERS, END_STREAM, 1, GET_OPEN);
    // `a: b`, again and again, never indexed.
    let more = b"\x10\x01a\x01b".repeat(3000);
    for _ in 0..1000 {
        bytes.extend(frame(CONTINUATION, 0, 1, &more));
    }
    let seen = flood(&site, &bytes).await;
    assert!(goaway(&seen).is_some(), "{seen:?}");
    assert_eq!(site.back_end_requests(), 0);
    is_alive(&site).await;
}

#[tokio::test]
async fn empty_continuations_end_the_connection() {
    let site = site().await;
    let mut bytes = frame(HEADERS, END_STREAM, 1, GET_OPEN);
    for _ in 0..100_000 {
        bytes.extend(frame(CONTINUATION, 0, 1, &[]));
    }
    let seen = flood(&site, &bytes).await;
    assert_eq!(goaway(&seen), Some(ENHANCE_YOUR_CALM), "{seen:?}");
    is_alive(&site).await;
}

/// Sends the same frame until nobody takes it any more, reading nothing; says how many octets were taken.
async fn pour(stream: &mut Stream, frame: &[u8]) -> usize {
    let block = frame.repeat((64 << 10) / frame.len());
    let mut taken = 0;
    while let Ok(Ok(())) = timeout(Duration::from_secs(10), stream.write_all(&block)).await {
        taken += block.len();
        assert!(taken < 64 << 20, "the gateway takes it all");
    }
    taken
}

#[tokio::test]
async fn frames_that_want_answers_which_nobody_reads_stop_being_read() {
    let site = short_tempered().await;
    for flood in [
        frame(SETTINGS, 0, 0, &[]),
        frame(PING, 0, 0, &[7; 8]),
        frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]),
    ] {
        let mut stream = connect_h2(&site).await;
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        pour(&mut stream, &flood).await;
    }
    is_alive(&site).await;
}

#[tokio::test]
async fn frames_without_a_request_do_not_keep_a_connection() {
    let site = short_tempered().await;
    let mut stream = connect_h2(&site).await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let pinging = async {
        while writer.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut seen = Vec::new();
    let reading = async {
        let _ended = reader.read_to_end(&mut seen).await;
    };
    let both = async { tokio::join!(pinging, reading) };
    timeout(Duration::from_secs(30), both).await.unwrap();
    assert_eq!(goaway(&frames(&seen)), Some(0));
}

#[tokio::test]
async fn empty_pieces_of_a_body_do_not_keep_a_request() {
    let site = short_tempered().await;
    let post = b"\x83\x87\x04\x05/open\x41\x09localhost";
    let mut stream = connect_h2(&site).await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    stream
        .write_all(&frame(HEADERS, END_HEADERS, 1, post))
        .await
        .unwrap();
    let taken = pour(&mut stream, &frame(DATA, 0, 1, &[])).await;
    assert!(taken < 64 << 20, "{taken}");
    is_alive(&site).await;
}

#[tokio::test]
async fn requests_whose_answers_nobody_reads_stop_being_read() {
    let site = short_tempered().await;
    let mut stream = connect(&site).await;
    let request = format!(
        "GET /open HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "x".repeat(8000)
    );
    let taken = pour(&mut stream, request.as_bytes()).await;
    // What the kernels on both sides hold.
    assert!(taken < 32 << 20, "{taken}");
    is_alive(&site).await;
}

#[tokio::test]
async fn too_many_headers_and_too_long_ones_are_told_so() {
    let site = site().await;
    for (headers, why) in [
        ("a: b\r\n".repeat(5000), "many"),
        (format!("x: {}\r\n", "y".repeat(17 << 10)), "long"),
        (format!("cookie: {}\r\n", "y".repeat(90 << 10)), "very long"),
    ] {
        let request = format!("GET /open HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        let answer = exchange(&site, &request).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{why}: {answer:.100}");
    }
    assert_eq!(site.back_end_requests(), 0);
    for length in [17 << 10, 90 << 10] {
        let request = Request::get("https://localhost/open").header("x", "y".repeat(length));
        assert_eq!(status_h2(&site, request).await, 431);
    }
}

async fn status_h2(site: &Site, request: http::request::Builder) -> u16 {
    let stream = TokioIo::new(connect_h2(site).await);
    let shaking = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
    let (mut sender, connection) = shaking.await.unwrap();
    let connection = tokio::spawn(connection);
    let request = request.body(String::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    connection.abort();
    answer.status().as_u16()
}

/// `Negotiate` with a token of which the ticket alone has 48 KiB.
fn large_token(site: &Site) -> String {
    let mut tickets = LargeTickets {
        tickets: Tickets { key: site.key() },
        size: 48 << 10,
    };
    let mut initiator = Initiator::new(options(None));
    let step = initiator.step(None, &mut tickets, now(), &mut rand::rng());
    let Ok(Step::Continue { token }) = step else {
        panic!("{step:?}");
    };
    assert!(token.len() > 48 << 10);
    format!("Negotiate {}", Base64::encode_string(&token))
}

#[tokio::test]
async fn a_ticket_of_48_kib_comes_through_over_both_versions() {
    let site = site().await;
    let mut stream = connect(&site).await;
    let request = format!(
        "GET /closed HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncookie: {}\r\n\r\n",
        large_token(&site),
        "c".repeat(15 << 10),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.300}");
    let request = Request::get("https://localhost/closed")
        .header("authorization", large_token(&site))
        .header("cookie", "c".repeat(15 << 10));
    assert_eq!(status_h2(&site, request).await, 200);
}
