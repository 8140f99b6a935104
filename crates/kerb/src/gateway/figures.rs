//! What the gateway counts, as Prometheus reads it.
//!
//! Every label has few values: entry points, pools and members are names out of the settings; ways, outcomes, states and
//! reasons are words of ours. No client can add one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kerbstone_gateway::Gateway;
use kerbstone_gateway::observer::{Lost, Outcome, SessionStep};
use kerbstone_gateway::pool::{MemberState, PoolReport};
use kerbstone_gateway::status::{Ledger, Totals, ways};
use kerbstone_gateway::way::Way;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// How often the gateway's own counters are copied for the endpoint.
const REFRESH: Duration = Duration::from_secs(1);

/// Says what each figure means.
pub(super) fn describe() {
    for (name, meaning) in [
        (
            "kerbstone_gateway_requests_total",
            "Requests by outcome and class of status.",
        ),
        (
            "kerbstone_gateway_entry_requests_total",
            "Requests by entry point, way in and outcome.",
        ),
        (
            "kerbstone_gateway_entry_octets_total",
            "Octets of bodies by entry point and direction.",
        ),
        (
            "kerbstone_gateway_refusals_total",
            "Requests that did not get what they asked for, by reason.",
        ),
        (
            "kerbstone_gateway_sessions_total",
            "What became of sessions: begun, used, ended, void.",
        ),
        (
            "kerbstone_gateway_forged_headers_total",
            "Identity headers that clients had set.",
        ),
        (
            "kerbstone_gateway_connections_total",
            "Connections that were opened.",
        ),
        (
            "kerbstone_gateway_connections_lost_total",
            "Connections that came to nothing, by reason.",
        ),
        (
            "kerbstone_gateway_member_requests_total",
            "Requests by member, answered and failed.",
        ),
        (
            "kerbstone_gateway_member_retries_total",
            "Requests that came to a member after a failure.",
        ),
        (
            "kerbstone_gateway_member_connections_total",
            "Connections made to a member.",
        ),
        (
            "kerbstone_gateway_member_checks_total",
            "Checks of a member, passed and failed.",
        ),
        (
            "kerbstone_gateway_member_changes_total",
            "Changes of a member's state.",
        ),
        (
            "kerbstone_gateway_pool_turned_away_total",
            "Requests that got no place in a pool.",
        ),
        (
            "kerbstone_gateway_certificates_refused_total",
            "Handshakes that ended with a certificate that was not taken.",
        ),
        (
            "kerbstone_gateway_orders_total",
            "Orders over the control socket.",
        ),
    ] {
        describe_counter!(name, meaning);
    }
    for (name, meaning) in [
        (
            "kerbstone_gateway_connections",
            "Connections that are open.",
        ),
        (
            "kerbstone_gateway_memory_octets",
            "Memory that the process holds.",
        ),
        (
            "kerbstone_gateway_member_up",
            "Whether a member takes everybody's requests.",
        ),
        (
            "kerbstone_gateway_member_state",
            "The state that a member is in has 1, the others 0.",
        ),
        (
            "kerbstone_gateway_member_current",
            "Requests under way at a member.",
        ),
        (
            "kerbstone_gateway_pool_queued",
            "Requests that wait for a place in a pool.",
        ),
        (
            "kerbstone_gateway_certificate_seconds_left",
            "Until a listener's certificate ends.",
        ),
    ] {
        describe_gauge!(name, meaning);
    }
    describe_histogram!(
        "kerbstone_gateway_request_seconds",
        "From a request's headers to its answer's, by outcome."
    );
}

/// Copies the gateway's counters, again and again.
pub(super) async fn refresh(gateway: Arc<Gateway>) {
    loop {
        copy_ledger(gateway.ledger());
        copy_pools(&gateway.pool_reports());
        for listener in gateway.listener_facts() {
            if let Some(left) = listener.seconds_left(SystemTime::now()) {
                gauge!("kerbstone_gateway_certificate_seconds_left", "listener" => listener.name)
                    .set(left as f64);
            }
        }
        tokio::time::sleep(REFRESH).await;
    }
}

fn copy_ledger(ledger: &Ledger) {
    let tally = ledger.tally();
    for (label, totals) in &tally.routes {
        copy_entry(label, totals);
    }
    copy_entry("", &tally.elsewhere);
    for (reason, count) in &tally.refusals {
        counter!("kerbstone_gateway_refusals_total", "reason" => *reason).absolute(*count);
    }
    for (step, count) in SessionStep::ALL.iter().zip(tally.sessions) {
        counter!("kerbstone_gateway_sessions_total", "step" => step.name()).absolute(count);
    }
    for (lost, count) in Lost::ALL.iter().zip(tally.lost) {
        counter!("kerbstone_gateway_connections_lost_total", "why" => lost.name()).absolute(count);
    }
    counter!("kerbstone_gateway_forged_headers_total").absolute(tally.forged_headers);
    counter!("kerbstone_gateway_connections_total").absolute(tally.accepted);
    gauge!("kerbstone_gateway_connections").set(tally.connections as f64);
    if let Some(octets) = kerbstone_gateway::status::resident_memory() {
        gauge!("kerbstone_gateway_memory_octets").set(octets as f64);
    }
}

/// Only what has happened has a line, so that the endpoint stays short.
fn copy_entry(label: &str, totals: &Totals) {
    for way in ways() {
        for outcome in Outcome::ALL {
            let count = totals.of(way, outcome);
            if count > 0 {
                counter!(
                    "kerbstone_gateway_entry_requests_total",
                    "entry" => label.to_owned(),
                    "way" => way.map_or("", Way::name),
                    "outcome" => outcome.name()
                )
                .absolute(count);
            }
        }
    }
    for (direction, octets) in [("in", totals.octets_in), ("out", totals.octets_out)] {
        if octets > 0 {
            counter!(
                "kerbstone_gateway_entry_octets_total",
                "entry" => label.to_owned(),
                "direction" => direction
            )
            .absolute(octets);
        }
    }
}

fn copy_pools(pools: &[PoolReport]) {
    for pool in pools {
        counter!("kerbstone_gateway_pool_turned_away_total", "pool" => pool.name.clone())
            .absolute(pool.turned_away);
        gauge!("kerbstone_gateway_pool_queued", "pool" => pool.name.clone())
            .set(pool.queued as f64);
        for member in &pool.members {
            let labels = || [("pool", pool.name.clone()), ("member", member.name.clone())];
            let with = |name, value: &'static str| {
                let [pool, member] = labels();
                [pool, member, (name, value.to_owned())]
            };
            let is_up = matches!(member.state, MemberState::Up | MemberState::Untried);
            gauge!("kerbstone_gateway_member_up", &labels()).set(f64::from(u8::from(is_up)));
            for state in MemberState::ALL {
                gauge!(
                    "kerbstone_gateway_member_state",
                    &with("state", state.name())
                )
                .set(f64::from(u8::from(state == member.state)));
            }
            gauge!("kerbstone_gateway_member_current", &labels()).set(member.current as f64);
            for (result, count) in [("answered", member.served), ("failed", member.failed)] {
                counter!(
                    "kerbstone_gateway_member_requests_total",
                    &with("result", result)
                )
                .absolute(count);
            }
            for (result, count) in [
                ("passed", member.checks.passed),
                ("failed", member.checks.failed),
            ] {
                counter!(
                    "kerbstone_gateway_member_checks_total",
                    &with("result", result)
                )
                .absolute(count);
            }
            counter!("kerbstone_gateway_member_retries_total", &labels()).absolute(member.retried);
            counter!("kerbstone_gateway_member_connections_total", &labels())
                .absolute(member.connected);
        }
    }
}
