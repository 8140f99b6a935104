//! Members that are tried while nobody asks anything of them.

use std::time::Duration;

use super::super::report::MemberState;
use super::super::settings::{CheckKind, CheckSettings};
use super::back_end::BackEnd;
use super::*;

fn often(kind: CheckKind) -> CheckSettings {
    CheckSettings {
        kind,
        interval: Duration::from_millis(20),
        jitter: 0,
        timeout: Duration::from_millis(500),
        rise: 2,
        fall: 2,
    }
}

fn by_http() -> CheckKind {
    CheckKind::Http {
        path: "/health".to_owned(),
        host: None,
        expect: vec![200..=299],
    }
}

async fn becomes(pool: &Pool, state: MemberState) {
    while pool.report().members[0].state != state {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_member_is_up_while_it_answers_as_expected() {
    let back_end = BackEnd::start(|mut client| async move {
        client.request().await;
        let status = match client.number {
            3..=8 => "503 Service Unavailable",
            _ => "200 OK",
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        client.send(answer.as_bytes()).await;
    })
    .await;
    let pools = pools(vec![http(back_end.address)], |settings| {
        settings.check = Some(often(by_http()))
    });
    let pool = pools.get("pool").unwrap();
    assert_eq!(pool.report().members[0].state, MemberState::Untried);
    let steward = tokio::spawn(pools.steward(std::future::pending()));
    becomes(&pool, MemberState::Up).await;
    becomes(&pool, MemberState::Down).await;
    let report = pool.report().members.remove(0);
    assert!(report.why.contains("503"), "{}", report.why);
    assert_eq!(
        refusal(&pool, get("/")).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    becomes(&pool, MemberState::Up).await;
    let request = &back_end.requests()[0];
    let host = format!("host: {}\r\n", back_end.address);
    assert!(
        request.starts_with("GET /health HTTP/1.1\r\n") && request.contains(&host),
        "{request}"
    );
    assert!(!request.contains("remote_user"), "nobody is vouched for");
    steward.abort();
}

#[tokio::test]
async fn a_connection_is_enough_where_nothing_more_is_asked() {
    let back_end = BackEnd::saying("ok").await;
    let address = back_end.address;
    let pools = pools(vec![http(address)], |settings| {
        settings.check = Some(often(CheckKind::Tcp))
    });
    let pool = pools.get("pool").unwrap();
    let steward = tokio::spawn(pools.steward(std::future::pending()));
    becomes(&pool, MemberState::Up).await;
    back_end.stop();
    becomes(&pool, MemberState::Down).await;
    assert!(pool.report().members[0].checks.failed >= 2);
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let _again = BackEnd::at(listener, |client| client.say_on("again"));
    becomes(&pool, MemberState::Up).await;
    steward.abort();
}

#[tokio::test]
async fn a_refused_request_takes_a_member_out_before_any_check() {
    let slow = CheckSettings {
        interval: Duration::from_secs(3600),
        ..often(CheckKind::Tcp)
    };
    let (back_end, other) = (BackEnd::saying("one").await, BackEnd::saying("other").await);
    let members = vec![http(back_end.address), http(other.address)];
    let pools = pools(members, |settings| settings.check = Some(slow));
    let pool = pools.get("pool").unwrap();
    let steward = tokio::spawn(Arc::clone(&pools).steward(std::future::pending()));
    becomes(&pool, MemberState::Up).await;
    steward.abort();
    back_end.stop();
    tokio::task::yield_now().await;
    for _ in 0..4 {
        assert_eq!(answer(&pool, post("x")).await.1, "other");
    }
    assert_eq!(pool.report().members[0].state, MemberState::Down);
    let listener = tokio::net::TcpListener::bind(back_end.address)
        .await
        .unwrap();
    let _again = BackEnd::at(listener, |client| client.say_on("again"));
    let steward = tokio::spawn(pools.steward(std::future::pending()));
    becomes(&pool, MemberState::Up).await;
    steward.abort();
}

#[tokio::test]
async fn a_steward_stops_when_told() {
    let pools = pools(vec![http(BackEnd::nowhere().await)], |settings| {
        settings.check = Some(often(CheckKind::Tcp));
    });
    pools
        .steward(tokio::time::sleep(Duration::from_millis(50)))
        .await;
}
