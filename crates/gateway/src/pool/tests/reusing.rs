//! Connections that are kept, and those that are not.

use std::time::Duration;

use http::{Request, StatusCode};

use super::super::settings::Reuse;
use super::back_end::BackEnd;
use super::*;

#[tokio::test]
async fn connections_are_kept_but_no_more_than_may_be() {
    let back_end = BackEnd::saying("ok").await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.reuse = Reuse::Kept {
            most: 1,
            idle: Duration::from_secs(30),
        };
    });
    let (one, other) = tokio::join!(answer(&pool, get("/")), answer(&pool, get("/")));
    assert_eq!((one.1.as_str(), other.1.as_str()), ("ok", "ok"));
    assert_eq!(pool.report().members[0].idle, 1);
    answer(&pool, get("/")).await;
    assert!(back_end.connections() <= 2);
}

#[tokio::test]
async fn reuse_never_closes_each_connection_and_says_so() {
    let back_end = BackEnd::saying("ok").await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.reuse = Reuse::Never
    });
    for connections in 1..4 {
        answer(&pool, get("/")).await;
        assert_eq!(back_end.connections(), connections);
    }
    assert!(back_end.requests()[0].contains("connection: close\r\n"));
    assert_eq!(pool.report().members[0].idle, 0);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let back_end = BackEnd::start(|mut client| async move {
        client.request().await;
        client
            .send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.retries = 0
    });
    for _ in 0..3 {
        assert_eq!(answer(&pool, post("not idempotent")).await.1, "ok");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((back_end.connections(), back_end.requests().len()), (3, 3));
}

#[tokio::test]
async fn a_connection_that_is_closed_on_the_next_request_is_replaced() {
    let back_end = BackEnd::start(|mut client| async move {
        client.request().await;
        client
            .send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
        client.request().await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.retries = 0
    });
    for _ in 0..3 {
        assert_eq!(answer(&pool, get("/")).await.1, "ok");
    }
    let report = pool.report();
    assert_eq!((report.members[0].served, report.members[0].failed), (3, 0));
    // A request that must not be sent twice cannot be saved.
    let error = refusal(&pool, post("pay")).await;
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_sent_twice_goes_over_no_stale_connection() {
    let back_end = BackEnd::saying("ok").await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    answer(&pool, get("/")).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    answer(&pool, get("/")).await;
    assert_eq!(back_end.connections(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    answer(&pool, post("pay")).await;
    assert_eq!(back_end.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_in_time() {
    let back_end = BackEnd::saying("ok").await;
    let pools = pools(vec![http(back_end.address)], |_| ());
    let pool = pools.get("pool").unwrap();
    answer(&pool, get("/")).await;
    let steward = tokio::spawn(pools.steward(std::future::pending()));
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(pool.report().members[0].idle, 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(pool.report().members[0].idle, 0);
    steward.abort();
}

#[tokio::test]
async fn nobody_is_remembered_by_a_connection() {
    let back_end = BackEnd::start(|mut client| async move {
        while let Some(request) = client.request().await {
            let user = request
                .lines()
                .find_map(|line| line.strip_prefix("remote_user: "));
            let user = user.unwrap_or("nobody");
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{user}",
                user.len()
            );
            client.send(answer.as_bytes()).await;
        }
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    for user in ["alice", "bob", "carol"] {
        let mut request = outbound(Request::get("/"), "");
        request.told = vec![(Variable::User, user.to_owned())];
        assert_eq!(answer(&pool, request).await.1, user);
        let mut anonymous = outbound(Request::get("/"), "");
        anonymous.told.clear();
        assert_eq!(answer(&pool, anonymous).await.1, "nobody");
    }
    assert_eq!(back_end.connections(), 1);
}
