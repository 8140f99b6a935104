//! Paths that mean one place to the gateway's table and another one behind it (RFC 3986 6.2.2, 7.3).

use super::Front;

/// `/open` is for everybody, `/closed` is not: none of these may reach a back end as something below `/closed`.
#[tokio::test]
async fn no_spelling_of_a_closed_place_comes_in_through_an_open_one() {
    for target in [
        "/open/../closed",
        "/open/%2e%2e/closed",
        "/open/%2E./closed",
        "/open/.%2e/closed",
        "/open/..;/closed",
        "/open/..;a=b/closed",
        "/open/%2e%2e;/closed",
        "/open/..%2fclosed",
        "/open%2f..%2fclosed",
        "/open%2F%2E%2E%2Fclosed",
        "/open/..%5cclosed",
        "/open\\..\\closed",
        "/open/..\\closed",
        "/open%5c..%5cclosed",
        "/open/./../closed",
        "/open/%00/../closed",
        "/open%00/closed",
        "/open/%",
        "/open/%2",
        "/open/%zz",
        "/./closed",
        "/../closed",
        "/open/..",
        "/open/.",
        // Longer than they need be (RFC 3629 3): a dot and a slash to a reader that does not look.
        "/open/%c0%ae%c0%ae/closed",
        "/open/%c0%ae%c0%ae%c0%afclosed",
        "/open/%e0%80%ae%e0%80%ae/closed",
        "/open/%c1%9cclosed",
    ] {
        let front = Front::start().await;
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let statuses = front.statuses(request.as_bytes()).await;
        assert_eq!(statuses, [400], "{target}");
        assert!(front.recorder.received().is_empty(), "{target}");
    }
}

#[tokio::test]
async fn every_spelling_of_a_closed_place_is_closed() {
    for target in [
        "/closed",
        "/closed/",
        "//closed",
        "///closed//x",
        "/%63losed",
        "/%63%6c%6f%73%65%64",
        "/closed;jsessionid=1",
        "/closed;x/y",
        "/closed?/open",
        "/closed?a=/../open",
        "http://localhost/closed",
        "/closed/x%20y",
    ] {
        let front = Front::start().await;
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let statuses = front.statuses(request.as_bytes()).await;
        assert_eq!(statuses, [401], "{target}");
        assert!(front.recorder.received().is_empty(), "{target}");
    }
}

#[tokio::test]
async fn what_is_encoded_twice_is_decoded_by_nobody_here() {
    // The back end sees what the client wrote; decoded once it is `%2e%2e`, which is no step upwards.
    for target in ["/open/%252e%252e/closed", "/open/%252fclosed", "/open/%25"] {
        let front = Front::start().await;
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        assert_eq!(front.statuses(request.as_bytes()).await, [200], "{target}");
        assert_eq!(
            front.recorder.received()[0].line,
            format!("GET {target} HTTP/1.1")
        );
    }
}

#[tokio::test]
async fn a_fragment_is_no_part_of_a_request() {
    let front = Front::start().await;
    let request = "GET /open#/../closed HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let statuses = front.statuses(request.as_bytes()).await;
    match statuses.as_slice() {
        // RFC 9112 3.2: a target has none; it may be refused or cut off, but never passed on.
        [400] => assert!(front.recorder.received().is_empty()),
        [200] => assert_eq!(front.recorder.received()[0].line, "GET /open HTTP/1.1"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_prefix_covers_whole_segments() {
    for target in ["/opened", "/ope", "/open.", "/OPEN", "/"] {
        let front = Front::start().await;
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        assert_eq!(front.statuses(request.as_bytes()).await, [404], "{target}");
    }
}

#[tokio::test]
async fn cve_2023_25690_a_line_end_in_a_path_that_is_rewritten_stays_encoded() {
    let front = Front::start().await;
    let target = "/mapped/x%20HTTP/1.1%0d%0aremote-user:%20mallory%0d%0a?y=%0d%0a";
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!(front.statuses(request.as_bytes()).await, [200]);
    let received = front.recorder.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].line,
        format!("GET {} HTTP/1.1", target.replace("/mapped", "/inner"))
    );
    assert!(received[0].header("remote-user").is_empty());
}
