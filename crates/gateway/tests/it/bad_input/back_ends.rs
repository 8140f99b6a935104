//! Back ends that lie, stall, hang up, or answer before they have read (RFC 9112 6.3, 8, 9).

use std::time::Duration;

use kerbstone_gateway::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{http, statuses};
use crate::client::connect;
use crate::site::Site;

const SHORT: Duration = Duration::from_millis(400);

/// What a back end does with each connection: reads a request's head, then writes this and hangs up, or stays.
#[derive(Clone, Copy)]
struct Liar {
    says: &'static [u8],
    hangs_up: bool,
}

const fn says(says: &'static [u8]) -> Liar {
    Liar {
        says,
        hangs_up: true,
    }
}

const fn says_and_stays(says: &'static [u8]) -> Liar {
    Liar {
        says,
        hangs_up: false,
    }
}

async fn before(liar: Liar) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut octets = Vec::new();
                while !octets.windows(4).any(|window| window == b"\r\n\r\n") {
                    let mut piece = [0; 4096];
                    match stream.read(&mut piece).await {
                        Ok(length @ 1..) => octets.extend_from_slice(&piece[..length]),
                        _ => return,
                    }
                }
                let _gone = stream.write_all(liar.says).await;
                if !liar.hangs_up {
                    let _gone = stream.read_to_end(&mut octets).await;
                }
            });
        }
    });
    let limits = Limits {
        answer: SHORT,
        body: SHORT,
        ..Limits::default()
    };
    super::before(&http(address), limits).await
}

/// What a client is told, until the gateway hangs up.
async fn told(liar: Liar, request: &str) -> String {
    let site = before(liar).await;
    let mut stream = connect(&site).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _torn = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const GET: &str = "GET /open HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn what_is_no_answer_is_a_bad_gateway() {
    for (what, answer) in [
        ("nothing", &b""[..]),
        ("half a line", b"HTTP/1.1 20"),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-le"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("no status", b"HTTP/1.1 OK\r\n\r\n"),
        (
            "a status of four digits",
            b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        ),
        (
            "a length that is no number",
            b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello",
        ),
        (
            "a length below nothing",
            b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        ),
        (
            "a folded header",
            b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "a blank before a colon",
            b"HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n",
        ),
        (
            "a NUL in a header",
            b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "another transfer coding",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello",
        ),
        (
            "a change of protocol that nobody asked for",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ),
    ] {
        let answer = told(says(answer), GET).await;
        assert_eq!(statuses(&answer), [502], "{what} (RFC 9112 6.3): {answer}");
    }
}

#[tokio::test]
async fn headers_without_end_are_a_bad_gateway() {
    static ENDLESS: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
        answer.extend(b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(200_000));
        answer
    });
    let answer = told(says_and_stays(&ENDLESS), GET).await;
    assert_eq!(statuses(&answer), [502]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_passed_on_as_whole() {
    for (what, answer) in [
        (
            "within a length",
            &b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"[..],
        ),
        (
            "between chunks",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
        (
            "within a chunk",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\nhalf",
        ),
        (
            "in chunks that are none",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        ),
    ] {
        let answer = told(says(answer), GET).await;
        let lower = answer.to_lowercase();
        let (head, body) = lower.split_once("\r\n\r\n").unwrap_or((&lower, ""));
        // Either it is an error, or the client sees for itself that something is missing.
        let is_error = statuses(&answer) == [502] || answer.is_empty();
        let is_short = head.contains("content-length: 10") && body.len() < 10;
        let is_torn = head.contains("transfer-encoding: chunked") && !body.ends_with("0\r\n\r\n");
        assert!(
            is_error || is_short || is_torn,
            "{what} (RFC 9112 8): {answer}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_stalls_is_let_go_of() {
    let answer = told(says_and_stays(b""), GET).await;
    assert_eq!(statuses(&answer), [504]);
    let answer = told(says_and_stays(b"HTTP/1.1 200 OK\r\ncontent-le"), GET).await;
    assert_eq!(statuses(&answer), [504]);
    let answer = told(
        says_and_stays(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
        GET,
    )
    .await;
    assert!(answer.ends_with("half"), "{answer}");
}

#[tokio::test]
async fn an_answer_longer_than_it_says_is_cut_there() {
    // What is too much must be nobody's answer: neither this client's nor the next one's over the same connection.
    let two = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nmallory";
    let site = before(says_and_stays(two)).await;
    let mut stream = connect(&site).await;
    for _ in 0..3 {
        stream
            .write_all(GET.replace("connection: close\r\n", "").as_bytes())
            .await
            .unwrap();
        let answer = crate::client::read_answer(&mut stream).await;
        assert!(answer.ends_with("hello"), "{answer}");
        assert!(!answer.contains("mallory"), "{answer}");
    }
}

#[tokio::test]
async fn what_a_back_end_says_of_a_length_and_chunks_is_never_said_twice() {
    let both = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = told(says(both), GET).await.to_lowercase();
    let is_both = answer.contains("content-length") && answer.contains("transfer-encoding");
    assert!(!is_both, "RFC 9112 6.3: {answer}");
}

#[tokio::test]
async fn an_answer_before_the_body_is_the_answer() {
    let length = 4 << 20;
    let request = format!(
        "POST /open HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{}",
        "x".repeat(100)
    );
    let early =
        b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\nconnection: close\r\n\r\ntoo long";
    let answer = told(says_and_stays(early), &request).await;
    assert_eq!(statuses(&answer), [413], "RFC 9110 15.5.14: {answer}");
    assert!(answer.ends_with("too long"), "{answer}");
}

#[tokio::test]
async fn words_before_the_answer_are_not_the_answer() {
    let answer = told(
        says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
        GET,
    )
    .await;
    assert_eq!(
        statuses(&answer).last(),
        Some(&200),
        "RFC 9110 15.2: {answer}"
    );
    assert!(answer.ends_with("hello"), "{answer}");
    let endless = told(says_and_stays(b"HTTP/1.1 100 Continue\r\n\r\n"), GET).await;
    assert_eq!(statuses(&endless).last(), Some(&504), "{endless}");
}

#[tokio::test]
async fn what_a_back_end_says_about_its_connection_stays_there() {
    let answer = told(
        says(b"HTTP/1.1 200 OK\r\nconnection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nwww-authenticate: Negotiate\r\nwww-authenticate: NTLM\r\ncontent-length: 0\r\n\r\n"),
        GET,
    )
    .await
    .to_lowercase();
    for gone in [
        "x-hop",
        "keep-alive",
        "proxy-authenticate",
        "negotiate",
        "ntlm",
    ] {
        assert!(!answer.contains(gone), "{gone} (RFC 9110 7.6.1): {answer}");
    }
}

#[tokio::test]
async fn a_head_has_no_body_whatever_the_back_end_sends() {
    let site = before(says(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")).await;
    let mut stream = connect(&site).await;
    let head = GET.replace("GET", "HEAD");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.ends_with("\r\n\r\n"), "RFC 9110 9.3.2: {answer}");
}
