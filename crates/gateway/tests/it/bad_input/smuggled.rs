//! Requests that two readers would cut differently (RFC 9112 6.3, 11.2).

use super::Fate::{Answered, Refused, Served, ServedLast};
use super::{Case, Front, NEXT, judge};

#[tokio::test]
async fn two_lengths_are_none() {
    judge(&[
        Case {
            what: "a length, and chunks as well: the chunks count, and nothing comes after",
            rfc: "9112 6.3",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nX",
            fate: ServedLast(""),
        },
        Case {
            what: "chunks, and a length as well: the same",
            rfc: "9112 6.3",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: 60\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            fate: ServedLast("hello"),
        },
        Case {
            what: "two lengths that differ",
            rfc: "9112 6.3",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 0\r\n\r\nhello",
            fate: Refused(400),
        },
        Case {
            what: "one length twice",
            rfc: "9110 8.6",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
            fate: Served("hello"),
        },
        Case {
            what: "a list of lengths",
            rfc: "9110 8.6",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5, 5\r\n\r\nhello",
            fate: Refused(400),
        },
        Case {
            what: "a length that Connection names",
            rfc: "9110 7.6.1",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nconnection: keep-alive, content-length\r\n\r\nhello",
            fate: Served("hello"),
        },
        Case {
            what: "chunks that Connection names",
            rfc: "9110 7.6.1",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: keep-alive, transfer-encoding\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            fate: Served("hello"),
        },
        Case {
            what: "a length with an underscore is no length",
            rfc: "9110 5.1",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent_length: 50\r\n\r\nhello",
            fate: Served("hello"),
        },
        Case {
            what: "a GET with a body",
            rfc: "9110 9.3.1",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello",
            fate: Served("hello"),
        },
    ])
    .await;
}

#[tokio::test]
async fn a_transfer_coding_is_chunked_or_none() {
    let codings = [
        ("another coding", "transfer-encoding: gzip"),
        (
            "chunked is not last",
            "transfer-encoding: chunked, identity",
        ),
        (
            "chunked is not last, in two lines",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        ),
        ("two codings", "transfer-encoding: gzip, chunked"),
        (
            "two codings in two lines",
            "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
        ),
        (
            "identity, which is no coding any more",
            "transfer-encoding: identity, chunked",
        ),
        ("chunked twice", "transfer-encoding: chunked, chunked"),
        (
            "chunked twice, in two lines",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        ),
        ("another word", "transfer-encoding: xchunked"),
        ("in quotation marks", "transfer-encoding: \"chunked\""),
        ("with a parameter", "transfer-encoding: chunked;q=1"),
        ("nothing", "transfer-encoding:"),
        (
            "a vertical tab before it",
            "transfer-encoding: \u{b}chunked",
        ),
        ("a NUL behind it", "transfer-encoding: chunked\0"),
        ("a blank before the colon", "transfer-encoding : chunked"),
        ("a tab before the colon", "transfer-encoding\t: chunked"),
        ("folded", "transfer-encoding:\r\n chunked"),
        ("behind a bare CR", "x: y\rtransfer-encoding: chunked"),
    ];
    for (what, line) in codings {
        let front = Front::start().await;
        let request = format!(
            "POST /open HTTP/1.1\r\nhost: localhost\r\n{line}\r\n\r\n5\r\nhello\r\n0\r\n\r\n{NEXT}"
        );
        let statuses = front.statuses(request.as_bytes()).await;
        let is_refused = matches!(statuses.as_slice(), [400 | 501]);
        assert!(is_refused, "{what} (RFC 9112 6.1): {statuses:?}");
        assert!(front.recorder.received().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn chunks_are_for_http_1_1_and_known_in_any_case() {
    judge(&[
        Case {
            what: "chunks in HTTP/1.0",
            rfc: "9112 6.1",
            request: "POST /open HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "in capitals, with tabs around it",
            rfc: "9112 6.1, 9110 5.6.3",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding:\tCHUNKED\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            fate: Served("hello"),
        },
    ])
    .await;
}

#[tokio::test]
async fn lines_end_where_they_end() {
    judge(&[
        Case {
            what: "bare line feeds, which may be taken",
            rfc: "9112 2.2",
            request: "POST /open HTTP/1.1\nhost: localhost\ncontent-length: 5\n\nhello",
            fate: Served("hello"),
        },
        Case {
            what: "a bare CR in a value",
            rfc: "9112 2.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nx: a\rremote-user: mallory\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "a bare CR as a line end",
            rfc: "9112 2.2",
            request: "GET /open HTTP/1.1\rhost: localhost\r\r",
            fate: Refused(400),
        },
        Case {
            what: "a folded line",
            rfc: "9112 5.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "a blank before the first header",
            rfc: "9112 2.2",
            request: "GET /open HTTP/1.1\r\n host: localhost\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "a blank before a colon",
            rfc: "9112 5.1",
            request: "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length : 5\r\n\r\nhello",
            fate: Refused(400),
        },
        Case {
            what: "a line without a colon",
            rfc: "9112 5",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nremote-user mallory\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "a NUL in a value",
            rfc: "9110 5.5",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "a NUL in a name",
            rfc: "9110 5.1",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nx\0y: a\r\n\r\n",
            fate: Refused(400),
        },
        Case {
            what: "empty lines before a request",
            rfc: "9112 2.2",
            request: "\r\n\r\nPOST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello",
            fate: Served("hello"),
        },
    ])
    .await;
}

#[tokio::test]
async fn a_request_line_has_three_words_and_a_version_that_is_spoken() {
    for (what, line) in [
        ("two words", "GET /open"),
        ("four words", "GET /open HTTP/1.1 HTTP/1.1"),
        ("a tab", "GET\t/open\tHTTP/1.1"),
        ("two blanks", "GET  /open HTTP/1.1"),
        ("small letters", "GET /open http/1.1"),
        ("HTTP/2 in words", "GET /open HTTP/2.0"),
        ("a version of the future", "GET /open HTTP/1.2"),
        ("a version with more digits", "GET /open HTTP/1.10"),
        (
            "a control character in the method",
            "GE\u{1}T /open HTTP/1.1",
        ),
        ("a colon in the method", "GET: /open HTTP/1.1"),
        ("a fragment of a request", "Content-Length: 5"),
    ] {
        let front = Front::start().await;
        let request = format!("{line}\r\nhost: localhost\r\n\r\n{NEXT}");
        let statuses = front.statuses(request.as_bytes()).await;
        let is_refused = matches!(statuses.as_slice(), [] | [400 | 501 | 505]);
        assert!(is_refused, "{what} (RFC 9112 3): {statuses:?}");
        assert!(front.recorder.received().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    judge(&[
        Case {
            what: "no host",
            rfc: "9112 3.2",
            request: "GET /open HTTP/1.1\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "two hosts",
            rfc: "9112 3.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nhost: evil.test\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "one host twice",
            rfc: "9112 3.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "a host and a path",
            rfc: "9112 3.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost/evil\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "a host behind a user",
            rfc: "9110 4.2.4",
            request: "GET /open HTTP/1.1\r\nhost: localhost@evil.test\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "two hosts in one line",
            rfc: "9112 3.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost, evil.test\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "a host and a blank",
            rfc: "9112 3.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost evil.test\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "a port that is no number",
            rfc: "9110 7.2",
            request: "GET /open HTTP/1.1\r\nhost: localhost:80x\r\n\r\n",
            fate: Answered(400),
        },
        Case {
            what: "a user in an absolute target",
            rfc: "9110 4.2.4",
            request: "GET http://mallory@localhost/open HTTP/1.1\r\nhost: localhost\r\n\r\n",
            fate: Answered(400),
        },
    ])
    .await;
}

#[tokio::test]
async fn an_absolute_targets_host_counts() {
    let front = Front::start().await;
    let request = format!("GET http://localhost/open HTTP/1.1\r\nhost: evil.test\r\n\r\n{NEXT}");
    assert_eq!(front.statuses(request.as_bytes()).await, [200, 200]);
    let received = front.recorder.received();
    assert_eq!(received[0].line, "GET /open HTTP/1.1");
    assert_eq!(received[0].header("host"), ["localhost"], "RFC 9112 3.2.2");
}

#[tokio::test]
async fn other_forms_of_targets_are_not_for_a_gateway() {
    for (what, line, status) in [
        ("asterisk form", "OPTIONS * HTTP/1.1", 400),
        ("authority form", "GET localhost:443 HTTP/1.1", 400),
        ("a tunnel", "CONNECT localhost:443 HTTP/1.1", 501),
        ("a tunnel to a path", "CONNECT /open HTTP/1.1", 400),
        ("an echo", "TRACE /open HTTP/1.1", 501),
        ("another scheme", "GET ftp://localhost/open HTTP/1.1", 400),
    ] {
        let front = Front::start().await;
        let request = format!("{line}\r\nhost: localhost:443\r\nconnection: close\r\n\r\n");
        let statuses = front.statuses(request.as_bytes()).await;
        let is_refused = matches!(statuses.as_slice(), [400 | 501]);
        assert!(
            is_refused,
            "{what} (RFC 9112 3.2): {statuses:?}, not {status}"
        );
        assert!(front.recorder.received().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn what_comes_before_a_proof_is_no_request_of_its_own() {
    // A 401 whose request had a body: the body must not be read as the next request.
    let smuggled = "GET /open/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let front = Front::start().await;
    let request = format!(
        "POST /closed HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{smuggled}{NEXT}",
        smuggled.len()
    );
    let statuses = front.statuses(request.as_bytes()).await;
    assert!(
        matches!(statuses.as_slice(), [401] | [401, 200]),
        "{statuses:?}"
    );
    let lines: Vec<String> = front
        .recorder
        .received()
        .into_iter()
        .map(|one| one.line)
        .collect();
    assert!(
        !lines.iter().any(|line| line.contains("smuggled")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn cve_2021_40346_a_name_of_270_octets_is_no_length() {
    let front = Front::start().await;
    let name = format!("content-length0{}", "a".repeat(255));
    let smuggled = "GET /open/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let request = format!(
        "POST /open HTTP/1.1\r\nhost: localhost\r\n{name}:\r\ncontent-length: {}\r\n\r\n{smuggled}{NEXT}",
        smuggled.len()
    );
    assert_eq!(front.statuses(request.as_bytes()).await, [200, 200]);
    let received = front.recorder.received();
    assert_eq!(received[0].body, smuggled.as_bytes());
    assert_eq!(received[1].line, "GET /open/next HTTP/1.1");
}
