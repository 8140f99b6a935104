//! Requests that wait for a place.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;

use super::back_end::BackEnd;
use super::*;

/// Answers when it is told to.
async fn gated() -> (BackEnd, watch::Sender<bool>) {
    let (open, gate) = watch::channel(false);
    let back_end = BackEnd::start(move |mut client| {
        let mut gate = gate.clone();
        async move {
            while client.request().await.is_some() {
                gate.wait_for(|open| *open).await.unwrap();
                client
                    .send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await;
            }
        }
    })
    .await;
    (back_end, open)
}

fn narrow(back_end: &BackEnd) -> MemberSettings {
    MemberSettings {
        connections: Some(1),
        ..http(back_end.address)
    }
}

/// Sends in the background.
fn send(pool: &Arc<Pool>) -> tokio::task::JoinHandle<Result<StatusCode, PoolError>> {
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        let response = pool.send(get("/")).await?;
        let status = response.status();
        text(response).await.unwrap();
        Ok(status)
    })
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_member_has_no_more_requests_than_it_may_and_the_rest_waits() {
    let (back_end, open) = gated().await;
    let pool = pool(vec![narrow(&back_end)], |settings| settings.queue = 2);
    let first = send(&pool);
    until(|| back_end.requests().len() == 1).await;
    let waiting = [send(&pool), send(&pool)];
    until(|| pool.report().queued == 2).await;
    let error = send(&pool).await.unwrap().unwrap_err();
    assert!(matches!(error, PoolError::QueueFull { .. }), "{error}");
    assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(error.retry_after().is_some());
    assert_eq!(back_end.requests().len(), 1);
    open.send_replace(true);
    for sent in std::iter::once(first).chain(waiting) {
        assert_eq!(sent.await.unwrap().unwrap(), StatusCode::OK);
    }
    assert_eq!(back_end.connections(), 1);
    let report = pool.report();
    assert_eq!(
        (report.current, report.queued, report.turned_away),
        (0, 0, 1)
    );
}

#[tokio::test]
async fn whoever_waits_too_long_is_sent_away() {
    let (back_end, open) = gated().await;
    let pool = pool(vec![narrow(&back_end)], |settings| {
        settings.timeouts.queue = Duration::from_millis(30);
    });
    let first = send(&pool);
    until(|| back_end.requests().len() == 1).await;
    let error = send(&pool).await.unwrap().unwrap_err();
    assert!(matches!(error, PoolError::QueuedTooLong { .. }), "{error}");
    assert_eq!(pool.report().queued, 0);
    open.send_replace(true);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_goes_away_leaves_the_queue() {
    let (back_end, open) = gated().await;
    let pool = pool(vec![narrow(&back_end)], |_| ());
    let first = send(&pool);
    until(|| back_end.requests().len() == 1).await;
    let (gone, patient) = (send(&pool), send(&pool));
    until(|| pool.report().queued == 2).await;
    gone.abort();
    until(|| pool.report().queued == 1).await;
    open.send_replace(true);
    first.await.unwrap().unwrap();
    patient.await.unwrap().unwrap();
    until(|| pool.report().current == 0).await;
    assert_eq!(back_end.requests().len(), 2);
}

#[tokio::test]
async fn a_client_that_goes_away_gives_the_place_to_the_next() {
    let (back_end, open) = gated().await;
    let pool = pool(vec![narrow(&back_end)], |_| ());
    let first = send(&pool);
    until(|| back_end.requests().len() == 1).await;
    let second = send(&pool);
    until(|| pool.report().queued == 1).await;
    first.abort();
    until(|| back_end.requests().len() == 2).await;
    open.send_replace(true);
    second.await.unwrap().unwrap();
    assert_eq!(
        back_end.connections(),
        2,
        "the answer to the first is nobody else's"
    );
}
