//! Members that come and go under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::report::{MemberState, Wanted};
use super::super::settings::{CheckSettings, Stickiness};
use super::back_end::BackEnd;
use super::*;

/// Sends request after request until it is told to stop; how many each back end answered.
async fn load(pools: Arc<Pools>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut answers = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let pool = pools.get("pool").unwrap();
        answers.push(answer(&pool, post("not to be sent twice")).await.1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    answers
}

#[tokio::test]
async fn a_pool_changes_its_members_under_load_and_loses_nothing() {
    let (old, new) = (BackEnd::saying("old").await, BackEnd::saying("new").await);
    let checked = |settings: &mut PoolSettings| settings.check = Some(CheckSettings::default());
    let before = pools(vec![http(old.address)], checked);
    let stop = Arc::new(AtomicBool::new(false));
    let loads: Vec<_> = (0..8)
        .map(|_| tokio::spawn(load(Arc::clone(&before), Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let after = pools(vec![http(new.address)], checked);
    after.adopt(&before);
    assert!(Arc::ptr_eq(
        &after.get("pool").unwrap(),
        &before.get("pool").unwrap()
    ));
    tokio::time::sleep(Duration::from_millis(50)).await;
    old.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.store(true, Ordering::SeqCst);
    for load in loads {
        let answers = load.await.unwrap();
        let switched = answers.iter().position(|answer| answer == "new").unwrap();
        assert!(answers[..switched].iter().all(|answer| answer == "old"));
        assert!(answers[switched..].iter().all(|answer| answer == "new"));
    }
    let report = after.get("pool").unwrap().report();
    assert_eq!(report.members.len(), 1, "{report:?}");
    assert_eq!(report.members[0].failed, 0);
}

#[tokio::test]
async fn the_old_members_serve_while_the_new_ones_are_not_there_yet() {
    let (old, new) = (BackEnd::saying("old").await, BackEnd::nowhere().await);
    let before = pools(vec![http(old.address)], |_| ());
    let pool = before.get("pool").unwrap();
    assert_eq!(answer(&pool, post("x")).await.1, "old");
    let after = pools(vec![http(new)], |_| ());
    after.adopt(&before);
    for _ in 0..3 {
        assert_eq!(answer(&pool, post("x")).await.1, "old");
    }
    let listener = tokio::net::TcpListener::bind(new).await.unwrap();
    let _new = BackEnd::at(listener, |client| client.say_on("new"));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(answer(&pool, post("x")).await.1, "new");
    assert_eq!(pool.report().members.len(), 1);
}

#[tokio::test]
async fn a_member_under_maintenance_finishes_what_is_under_way() {
    let back_end = BackEnd::start(|mut client| async move {
        client.request().await;
        client
            .send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.send(b"world").await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |settings| {
        settings.stickiness = Some(Stickiness::default());
    });
    let response = pool.send(get("/")).await.unwrap();
    let name = pool.report().members[0].name.clone();
    pool.set(&name, Wanted::Maintenance).unwrap();
    assert_eq!(pool.report().members[0].state, MemberState::Maintenance);
    assert!(matches!(
        refusal(&pool, get("/")).await,
        PoolError::NobodyUp { .. }
    ));
    assert_eq!(text(response).await.unwrap(), "helloworld");
    pool.set(&name, Wanted::Drain).unwrap();
    assert_eq!(
        answer(&pool, get("/")).await.1,
        "helloworld",
        "a known client stays"
    );
    pool.set(&name, Wanted::Ready).unwrap();
    assert!(
        pool.set("nobody", Wanted::Ready)
            .unwrap_err()
            .known
            .contains(&name)
    );
}
