//! The gateway's books: an audit line and a count for every request.

use std::sync::Arc;

use kerbstone_gateway::observer::{Event, Lost, Observer};
use metrics::{counter, histogram};
use serde::Serialize;

use crate::serve::AuditLog;

/// Texts longer than this are cut, so that nobody floods the log.
const LONGEST_TEXT: usize = 256;

/// Writes the audit log, if there is one, and counts.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) audit: Option<Arc<AuditLog>>,
}

/// A line of the audit log.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    client: String,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
    outcome: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    forged_headers: usize,
    microseconds: u64,
}

impl Observer for Books {
    fn decided(&self, event: &Event<'_>) {
        let outcome = event.outcome.name();
        counter!("kerbstone_gateway_requests_total", "outcome" => outcome, "status" => status_class(event.status.as_u16()))
            .increment(1);
        if event.forged_headers > 0 {
            counter!("kerbstone_gateway_forged_headers_total")
                .increment(count(event.forged_headers));
        }
        histogram!("kerbstone_gateway_request_seconds", "outcome" => outcome).record(event.took);
        if let Some(audit) = &self.audit {
            audit.record(&line(event));
            audit.flush_if_due();
        }
    }

    fn lost(&self, lost: Lost) {
        counter!("kerbstone_gateway_connections_lost_total", "why" => lost.name()).increment(1);
    }
}

fn line(event: &Event<'_>) -> String {
    let line = Line {
        time: event.at.time.to_string(),
        client: event.client.to_canonical().to_string(),
        method: cut(event.method.as_str()),
        path: cut(event.path),
        entry: event.entry_point,
        outcome: event.outcome.name(),
        status: event.status.as_u16(),
        principal: event.principal.map(cut),
        user: event.user.map(cut),
        why: event.why.map(cut),
        forged_headers: event.forged_headers,
        microseconds: u64::try_from(event.took.as_micros()).unwrap_or(u64::MAX),
    };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

fn cut(text: &str) -> &str {
    let end = (0..=LONGEST_TEXT)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}

const fn status_class(status: u16) -> &'static str {
    match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};
    use kerbstone_gateway::observer::Outcome;
    use kerbstone_gateway::way::Way;
    use kerbstone_proto::time::{KerberosTime, Timestamp};

    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_the_client_wrote() {
        let path = format!("/\"\n{}é", "x".repeat(253));
        let event = Event {
            at: Timestamp::new(KerberosTime::from_unix(0), 0),
            client: "192.0.2.7".parse().unwrap(),
            method: &Method::GET,
            path: &path,
            entry_point: Some("/"),
            way: Some(Way::Negotiate),
            outcome: Outcome::Refused,
            why: Some("a replay"),
            reason: Some("replay"),
            principal: None,
            user: None,
            forged_headers: 2,
            session: None,
            served_by: None,
            status: StatusCode::UNAUTHORIZED,
            took: Duration::from_micros(7),
        };
        let line = line(&event);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["outcome"], "refused");
        assert_eq!(object["forged_headers"], 2);
        assert_eq!(object["path"].as_str().unwrap().len(), 256);
        assert_eq!(object.get("principal"), None);
    }
}
