//! What the KDC counts, as Prometheus reads it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_kdc::{Exchange, Kdc};
use metrics::{Counter, counter, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

/// How often the KDC's own counters are copied for the endpoint.
const REFRESH: Duration = Duration::from_secs(1);

/// Opens the endpoint and keeps its figures fresh until the task is dropped.
///
/// # Errors
/// The address cannot be had.
pub(crate) fn listen(address: SocketAddr) -> Result<(), BuildError> {
    PrometheusBuilder::new()
        .with_http_listener(address)
        .install()
}

/// Copies the KDC's counters, again and again.
pub(crate) async fn refresh(kdc: Arc<Kdc>) {
    loop {
        copy(&kdc);
        tokio::time::sleep(REFRESH).await;
    }
}

fn copy(kdc: &Kdc) {
    let counters = kdc.counters();
    for exchange in Exchange::ALL {
        requests(exchange, "granted", "").absolute(counters.granted(exchange));
        requests(exchange, "repeated", "").absolute(counters.repeated(exchange));
        requests(exchange, "dropped", "").absolute(counters.dropped(exchange));
        for (code, count) in counters.refused(exchange) {
            let name = code
                .name()
                .map_or_else(|| code.0.to_string(), str::to_owned);
            requests(exchange, "refused", &name).absolute(count);
        }
    }
    gauge!("kerbstone_kdc_open_entries").set(kdc.directory().open_entries() as f64);
}

fn requests(exchange: Exchange, outcome: &'static str, error: &str) -> Counter {
    counter!(
        "kerbstone_kdc_requests_total",
        "exchange" => exchange.name(),
        "outcome" => outcome,
        "error" => error.to_owned()
    )
}
