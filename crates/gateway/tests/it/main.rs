//! A gateway between clients that misbehave and back ends that do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod authority;
mod bad_input;
mod bindings;
mod client;
mod cves;
mod entrance;
mod floods;
mod negotiation;
mod sessions;
mod site;
mod tickets;

use std::time::Duration;

use kerbstone_gateway::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{connect, exchange, read_answer};
use crate::site::{Manners, Site};

const SHORT: Duration = Duration::from_millis(300);

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

#[tokio::test]
async fn a_token_that_is_too_long_is_refused_unread() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let long = format!("authorization: Negotiate {}\r\n", "A".repeat(70 << 10));
    let answer = exchange(&site, &get("/closed", &long)).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(answer.contains("Your ticket is too long"), "{answer}");
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let endless = format!("x-junk: {}\r\n", "A".repeat(200 << 10));
    let answer = exchange(&site, &get("/open", &endless)).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:.200}");
    assert_eq!(site.back_end_requests(), 0);
}

#[tokio::test]
async fn what_is_no_token_is_refused_and_the_next_request_is_served() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let mut stream = connect(&site).await;
    for (token, status) in [
        ("YIIB", "401"),
        ("!!!", "400"),
        ("TlRMTVNTUAABAAAA", "403"),
        ("YIIB YIIB", "400"),
    ] {
        let request = get("/closed", &format!("authorization: Negotiate {token}\r\n"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{token}: {answer}"
        );
    }
    stream.write_all(get("/open", "").as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_is_let_go() {
    let limits = Limits {
        handshake: SHORT,
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_let_go() {
    let limits = Limits {
        headers: SHORT,
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let mut stream = connect(&site).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: local")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let _ended = stream.read_to_end(&mut rest).await;
    assert!(
        !rest.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let limits = Limits {
        idle: SHORT,
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let mut stream = connect(&site).await;
    stream.write_all(get("/open", "").as_bytes()).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_body_whose_rest_does_not_come_is_given_up() {
    let limits = Limits {
        body: SHORT,
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let mut stream = connect(&site).await;
    let half = "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf";
    stream.write_all(half.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ended = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_cap_are_closed_and_those_within_are_served() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let site = Site::start(Manners::Echo, limits).await;
    let mut first = connect(&site).await;
    let mut second = TcpStream::connect(site.address()).await.unwrap();
    assert_eq!(second.read(&mut [0; 16]).await.unwrap_or(0), 0);
    first.write_all(get("/open", "").as_bytes()).await.unwrap();
    assert!(read_answer(&mut first).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_back_end_that_is_not_there_or_says_nothing_is_told_apart() {
    let limits = Limits {
        answer: SHORT,
        ..Limits::default()
    };
    let silent = Site::start(Manners::Silent, limits).await;
    let answer = exchange(&silent, &get("/open", "")).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    let absent = Site::start(Manners::Absent, limits).await;
    let answer = exchange(&absent, &get("/open", "")).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn an_identity_in_a_trailer_does_not_pass() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let request = "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ntrailer: remote-user, x-harmless\r\n\r\n\
                   5\r\nhello\r\n0\r\nremote-user: mallory\r\nx-harmless: yes\r\n\r\n";
    let answer = exchange(&site, request).await;
    assert!(answer.contains("hello"), "{answer}");
    assert!(!answer.contains("mallory"), "{answer}");
}

#[tokio::test]
async fn a_request_that_two_readers_would_cut_differently_does_not_pass() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    for headers in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: -1\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "host: other\r\n",
    ] {
        let request = format!(
            "POST /open HTTP/1.1\r\nhost: localhost\r\n{headers}\r\nGET /closed HTTP/1.1\r\n\r\n"
        );
        let answer = exchange(&site, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers}: {answer}");
    }
    assert_eq!(site.back_end_requests(), 0);
}

#[tokio::test]
async fn a_websocket_passes() {
    let site = Site::start(Manners::Upgrade, Limits::default()).await;
    let mut stream = connect(&site).await;
    let request = get(
        "/open",
        "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n",
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(
        answer.to_lowercase().contains("upgrade: websocket"),
        "{answer}"
    );
    stream.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"ping");
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_no_answer() {
    let site = Site::start(Manners::Upgrade, Limits::default()).await;
    let answer = exchange(&site, &get("/open", "")).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn connect_and_trace_are_not_served() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let answer = exchange(&site, "TRACE /open HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    let answer = exchange(
        &site,
        "CONNECT evil.test:443 HTTP/1.1\r\nhost: evil.test\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    assert_eq!(site.back_end_requests(), 0);
}
