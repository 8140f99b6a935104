//! Back ends that lie, stall, hang up and talk nonsense.

use std::time::Duration;

use http::{Request, StatusCode};

use super::back_end::BackEnd;
use super::*;
use crate::transport::AnswerFault;

/// What a request comes to at a back end that sends this.
async fn fault(octets: &'static [u8]) -> PoolError {
    let back_end = BackEnd::sending(octets).await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.retries = 0
    });
    refusal(&pool, get("/")).await
}

#[tokio::test]
async fn what_is_no_answer_is_a_502() {
    for octets in [
        b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"\x16\x03\x01\x00\x00",
    ] {
        let error = fault(octets).await;
        assert!(matches!(error, PoolError::Malformed { .. }), "{error}");
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        assert!(!error.words().why.contains("127.0.0.1"));
    }
    for octets in [b"".as_slice(), b"HTTP/1.1 200 OK\r\nContent-Le"] {
        let error = fault(octets).await;
        assert!(matches!(error, PoolError::Closed { .. }), "{error}");
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over_unless_they_never_end() {
    let back_end = BackEnd::sending(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    assert_eq!(answer(&pool, get("/")).await.1, "ok");
    let endless = b"HTTP/1.1 102 Processing\r\n\r\n";
    let error = fault(endless.repeat(100).leak()).await;
    assert!(matches!(error, PoolError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_back_end_that_says_nothing_is_a_504() {
    let back_end = BackEnd::start(|mut client| async move {
        client.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.timeouts.answer = Duration::from_millis(50);
    });
    let error = refusal(&pool, get("/")).await;
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        back_end.connections(),
        1,
        "it had its time, and is not asked again"
    );
    assert_eq!(pool.report().current, 0);
}

#[tokio::test]
async fn a_back_end_that_stalls_breaks_the_answer_off() {
    let back_end = BackEnd::start(|mut client| async move {
        client.request().await;
        client
            .send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            .await;
        std::future::pending::<()>().await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.timeouts.between = Duration::from_millis(50);
    });
    let response = pool.send(get("/")).await.unwrap();
    let error = text(response).await.unwrap_err();
    assert!(
        matches!(error, BodyError::BackEnd(AnswerFault::Stalled(_))),
        "{error}"
    );
    assert_eq!(
        (pool.report().current, pool.report().members[0].failed),
        (0, 1)
    );
}

#[tokio::test]
async fn an_answer_that_is_too_short_never_looks_whole() {
    for octets in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".as_slice(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n",
    ] {
        let back_end = BackEnd::sending(octets).await;
        let pool = pool(vec![http(back_end.address)], |_| ());
        let response = pool.send(get("/")).await.unwrap();
        text(response).await.unwrap_err();
    }
}

#[tokio::test]
async fn what_comes_after_an_answer_is_nobodys() {
    for surplus in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged".as_slice(),
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    ] {
        let back_end = BackEnd::start(move |mut client| async move {
            while client.request().await.is_some() {
                client.send(surplus).await;
            }
        })
        .await;
        let pool = pool(vec![http(back_end.address)], |_| ());
        for _ in 0..3 {
            assert_ne!(answer(&pool, get("/")).await.1, "forged");
        }
        assert_eq!(back_end.connections(), 3, "each connection is closed after such an answer");
    }
}

#[tokio::test]
async fn what_comes_between_two_requests_is_nobodys() {
    let back_end = BackEnd::start(|mut client| async move {
        while client.request().await.is_some() {
            client
                .send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            client
                .send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
                .await;
        }
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    for _ in 0..3 {
        assert_eq!(answer(&pool, get("/")).await.1, "ok");
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(back_end.connections(), 3);
}

#[tokio::test]
async fn an_answer_that_is_not_read_to_its_end_costs_the_connection() {
    let back_end = BackEnd::start(|mut client| async move {
        while client.request().await.is_some() {
            client
                .send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                .await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            client.send(b"world").await;
        }
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    drop(pool.send(get("/")).await.unwrap());
    assert_eq!(pool.report().current, 0);
    assert_eq!(answer(&pool, get("/")).await.1, "helloworld");
    assert_eq!(answer(&pool, get("/")).await.1, "helloworld");
    assert_eq!(back_end.connections(), 2);
}

#[tokio::test]
async fn an_answer_before_the_body_has_been_read_is_passed_on_and_the_connection_closed() {
    let back_end = BackEnd::start(|mut client| async move {
        client.head().await;
        client
            .send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
            .await;
        // Reads nothing of 16 MiB.
        std::future::pending::<()>().await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    for _ in 0..2 {
        let (status, words) = answer(&pool, post(vec![0; 16 << 20])).await;
        assert_eq!(
            (status, words.as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, "big")
        );
    }
    assert_eq!(back_end.connections(), 2);
}

#[tokio::test]
async fn an_answer_is_heard_though_the_member_closes_on_the_body() {
    let back_end = BackEnd::start(|mut client| async move {
        client.head().await;
        client
            .send(b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\nno")
            .await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    // What the member has not read may undo what it has sent, but only as an error.
    match pool.send(post(vec![0; 1 << 20])).await {
        Ok(response) => assert_eq!(response.status(), StatusCode::UNAUTHORIZED),
        Err(error) => assert_eq!(error.status(), StatusCode::BAD_GATEWAY),
    }
}

#[tokio::test]
async fn a_slow_upload_is_no_slow_answer() {
    let back_end = BackEnd::start(|mut client| async move {
        client.head().await;
        let mut buffer = vec![0; 1 << 20];
        let mut read = 0;
        while read < 8 << 20 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            read += tokio::io::AsyncReadExt::read(&mut client.stream, &mut buffer)
                .await
                .unwrap();
        }
        client
            .send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.timeouts.answer = Duration::from_millis(100);
    });
    let put = outbound(Request::put("/"), vec![0; 8 << 20]);
    assert_eq!(answer(&pool, put).await.1, "ok");
}

#[tokio::test]
async fn long_answers_come_whole_whatever_their_framing() {
    let long: &'static str = "0123456789abcdef".repeat(64 << 10).leak();
    let known = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}",
        long.len()
    );
    let until_close = format!("HTTP/1.0 200 OK\r\n\r\n{long}");
    let chunks: String = long
        .as_bytes()
        .chunks(10_000)
        .map(|chunk| {
            format!(
                "{:x}\r\n{}\r\n",
                chunk.len(),
                str::from_utf8(chunk).unwrap()
            )
        })
        .collect();
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    for octets in [known, until_close, chunked] {
        let back_end = BackEnd::sending(octets.leak().as_bytes()).await;
        let pool = pool(vec![http(back_end.address)], |_| ());
        assert!(answer(&pool, get("/")).await.1 == long);
    }
}
