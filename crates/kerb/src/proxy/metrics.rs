//! What the proxy counts, as Prometheus reads it.

use std::sync::Arc;
use std::time::Duration;

use kerbstone_proxy::daemon::{Daemon, Report};
use kerbstone_proxy::wire::Procedure;
use metrics::{counter, gauge};

/// How often the loops are asked for their counters.
const REFRESH: Duration = Duration::from_secs(1);

/// Copies the daemon's counters, again and again.
pub(super) async fn refresh(daemon: Arc<Daemon>) {
    loop {
        copy(&daemon.report());
        tokio::time::sleep(REFRESH).await;
    }
}

fn copy(report: &Report) {
    for (service, procedures) in &report.counts.calls {
        for (number, answers) in procedures {
            let procedure = Procedure::from_number(*number).map_or("", Procedure::name);
            let outcomes = [("granted", answers.granted), ("refused", answers.failed)];
            for (outcome, count) in outcomes {
                counter!(
                    "kerbstone_proxy_calls_total",
                    "service" => service.clone(),
                    "procedure" => procedure,
                    "outcome" => outcome
                )
                .absolute(count);
            }
        }
    }
    let counts = &report.counts;
    let totals = [
        ("kerbstone_proxy_refused_messages_total", counts.refused),
        ("kerbstone_proxy_waited_calls_total", counts.slow),
        ("kerbstone_proxy_turned_away_total", counts.turned_away),
        ("kerbstone_proxy_timed_out_total", counts.timed_out),
        ("kerbstone_proxy_received_bytes_total", counts.received),
        ("kerbstone_proxy_sent_bytes_total", counts.sent),
    ];
    for (name, count) in totals {
        counter!(name).absolute(count);
    }
    gauge!("kerbstone_proxy_connections").set(report.connected.len() as f64);
    gauge!("kerbstone_proxy_queued_calls").set(report.queued as f64);
    gauge!("kerbstone_proxy_waiting_calls").set(report.waiting as f64);
}
