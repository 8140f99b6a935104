//! What has to be done now and then: keys of sessions come and go, and tickets that are over are thrown away.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use kerbstone_gateway::{Gateway, Table};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// How soon other processes' sign-outs are heard of.
const OFTEN: Duration = Duration::from_secs(10);

/// Looks after a gateway for as long as it serves.
pub(super) async fn look_after(gateway: Arc<Gateway>) {
    let mut ticks = interval(OFTEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let table = gateway.table();
        let _panicked = spawn_blocking(move || tidy(&table)).await;
    }
}

fn tidy(table: &Table) {
    let now = now();
    if let Some(Err(error)) = table.sessions.as_ref().map(|sessions| sessions.tidy(now)) {
        tracing::error!(%error, "the keys of sessions stay as they were");
    }
    match table
        .delegation
        .as_ref()
        .map(|delegation| delegation.sweep(now))
    {
        Some(Ok(removed)) if removed > 0 => tracing::debug!(removed, "delegated tickets are over"),
        Some(Err(error)) => tracing::error!(%error, "delegated tickets cannot be thrown away"),
        _ => {}
    }
}

/// The time in seconds.
pub(super) fn now() -> KerberosTime {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default()).time
}
