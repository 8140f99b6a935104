//! Bodies in chunks that are none (RFC 9112 7.1).

use tokio::io::AsyncWriteExt;

use super::{Front, NEXT};
use crate::client::connect;

const CHUNKED: &str =
    "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn chunks_that_are_none_are_a_bad_request_and_no_whole_one() {
    for (what, body) in [
        ("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a size that is negative", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a size that is no number", "five\r\nhello\r\n0\r\n\r\n"),
        ("no size", "\r\nhello\r\n0\r\n\r\n"),
        (
            "a size beyond 64 bits",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
        ),
        ("a size with a separator", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("a bare LF behind the size", "5\nhello\r\n0\r\n\r\n"),
        ("a bare CR behind the size", "5\rhello\r\n0\r\n\r\n"),
        ("a bare LF in an extension", "5;a=b\nhello\r\n0\r\n\r\n"),
        ("a chunk longer than it says", "3\r\nhello\r\n0\r\n\r\n"),
        ("a chunk that ends in LF", "5\r\nhello\n0\r\n\r\n"),
        ("a last chunk that ends in LF", "5\r\nhello\r\n0\n\n"),
        (
            "a trailer without a colon",
            "5\r\nhello\r\n0\r\nmallory\r\n\r\n",
        ),
        (
            "a trailer that is folded",
            "5\r\nhello\r\n0\r\nx: a\r\n b\r\n\r\n",
        ),
    ] {
        let front = Front::start().await;
        let request = format!("{CHUNKED}{body}{NEXT}");
        let statuses = front.statuses(request.as_bytes()).await;
        assert!(
            matches!(statuses.as_slice(), [] | [400]),
            "{what} (RFC 9112 7.1): {statuses:?}"
        );
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
}

#[tokio::test]
async fn extensions_go_no_further_and_are_not_without_end() {
    let front = Front::start().await;
    let request = format!("{CHUNKED}5;name=value;\"quoted\"\r\nhello\r\n0;last\r\n\r\n{NEXT}");
    assert_eq!(front.statuses(request.as_bytes()).await, [200, 200]);
    assert_eq!(front.recorder.received()[0].body, b"hello");

    let front = Front::start().await;
    let endless = format!("{CHUNKED}5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1 << 20));
    let statuses = front.statuses(endless.as_bytes()).await;
    assert!(matches!(statuses.as_slice(), [] | [400]), "{statuses:?}");
    let front = Front::start().await;
    let many = format!(
        "{CHUNKED}{}0\r\n\r\n",
        format!("1;{}\r\na\r\n", "x".repeat(64)).repeat(10_000)
    );
    let statuses = front.statuses(many.as_bytes()).await;
    assert!(matches!(statuses.as_slice(), [] | [400]), "{statuses:?}");
    assert!(front.recorder.received().is_empty());
}

#[tokio::test]
async fn trailers_say_nothing_about_identity_and_are_not_without_end() {
    let front = Front::start().await;
    let request = format!(
        "{CHUNKED}5\r\nhello\r\n0\r\nremote-user: mallory\r\nauthorization: Basic eA==\r\ncontent-length: 3\r\nhost: evil.test\r\n\r\n{NEXT}"
    );
    assert_eq!(front.statuses(request.as_bytes()).await, [200, 200]);
    let received = front.recorder.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].body, b"hello");
    assert_eq!(
        front.recorder.oddities(),
        Vec::<String>::new(),
        "trailers reached the back end"
    );

    let front = Front::start().await;
    let flood = format!(
        "{CHUNKED}5\r\nhello\r\n0\r\n{}\r\n",
        "x: y\r\n".repeat(200_000)
    );
    let statuses = front.statuses(flood.as_bytes()).await;
    assert!(
        matches!(statuses.as_slice(), [] | [400 | 431]),
        "{statuses:?}"
    );
    assert!(front.recorder.received().is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_request_behind() {
    for part in [
        "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf".to_owned(),
        format!("{CHUNKED}5\r\nhello\r\n"),
        format!("{CHUNKED}5\r\nhel"),
        format!("{CHUNKED}5\r\nhello\r\n0\r\n"),
    ] {
        let front = Front::start().await;
        let mut stream = connect(&front.site).await;
        stream.write_all(part.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);
        // A whole request behind it has passed when that one has.
        let statuses = front.statuses(NEXT.as_bytes()).await;
        assert_eq!(statuses, [200]);
        let lines: Vec<String> = front
            .recorder
            .received()
            .into_iter()
            .map(|one| one.line)
            .collect();
        assert_eq!(lines, ["GET /open/next HTTP/1.1"], "{part:?}");
        assert!(
            front.recorder.oddities().is_empty(),
            "{part:?}: {:?}",
            front.recorder.oddities()
        );
    }
}
