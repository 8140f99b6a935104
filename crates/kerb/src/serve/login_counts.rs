//! Writes down, away from the threads that answer, what they have counted in memory: the times of
//! logins, and failures.

use std::sync::Arc;
use std::time::Duration;

use kerbstone_kdc::Kdc;
use tokio::task::spawn_blocking;

/// What a sudden death can lose. Lockouts themselves are written at once.
const INTERVAL: Duration = Duration::from_secs(10);

/// Writes again and again until the task is dropped.
pub(crate) async fn keep_writing(kdc: Arc<Kdc>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let kdc = Arc::clone(&kdc);
        if let Err(error) = spawn_blocking(move || write(&kdc)).await {
            tracing::error!(%error, "writing the counts of logins broke off");
        }
    }
}

/// Writes once. A failure is reported, and the counts stay in memory.
pub(crate) fn write(kdc: &Kdc) {
    if let Err(error) = kdc.lockouts().flush() {
        tracing::error!(%error, "the counts of logins cannot be written");
        metrics::counter!("kerbstone_login_count_write_failures_total").increment(1);
    }
}
