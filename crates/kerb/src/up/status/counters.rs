//! What a role has counted, read from its Prometheus endpoint.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST: u64 = 1 << 20;
const REQUESTS: &str = "_requests_total";
/// What the gateway answers.
const HTTP: &str = "http";

/// How many requests, by kind (`as`, `tgs`, `password`, `http`) and outcome (`granted`, `refused`, ...).
pub(super) type Counters = BTreeMap<String, BTreeMap<String, u64>>;

/// Asks the endpoint; `None` when it does not answer.
pub(super) fn read(address: SocketAddr) -> Option<Counters> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.take(LONGEST).read_to_string(&mut page).ok()?;
    Some(parse(&page))
}

/// The sums over everything that is counted more finely.
fn parse(page: &str) -> Counters {
    let mut counters = Counters::new();
    for (labels, value) in page.lines().filter_map(counter) {
        let Some(outcome) = label(labels, "outcome") else {
            continue;
        };
        let kind = label(labels, "exchange").unwrap_or(HTTP);
        let by_outcome = counters.entry(kind.to_owned()).or_default();
        let sum = by_outcome.entry(outcome.to_owned()).or_default();
        *sum = sum.saturating_add(value);
    }
    counters
}

fn counter(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.split_once("} ").filter(|_| name.ends_with(REQUESTS))?;
    Some((labels, value.trim().parse().ok()?))
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|label| {
        let (key, value) = label.split_once('=')?;
        (key == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_summed_over_the_reasons_for_refusing_them() {
        let page = "# TYPE kerbstone_kdc_requests_total counter\n\
                    kerbstone_kdc_requests_total{exchange=\"as\",outcome=\"granted\",error=\"\"} 3\n\
                    kerbstone_kdc_requests_total{exchange=\"as\",outcome=\"refused\",error=\"A\"} 2\n\
                    kerbstone_kdc_requests_total{exchange=\"as\",outcome=\"refused\",error=\"B\"} 5\n\
                    kerbstone_kdc_open_entries 9\n\
                    kerbstone_gateway_requests_total{outcome=\"served\",status=\"2xx\"} 4\n";
        let counters = parse(page);
        assert_eq!(counters["as"]["granted"], 3);
        assert_eq!(counters["as"]["refused"], 7);
        assert_eq!(counters["http"]["served"], 4);
        assert_eq!(counters.len(), 2);
    }
}
