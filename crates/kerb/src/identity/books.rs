//! The identity service's books: an audit line and a count for every request.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use kerbstone_identity::observer::{Event, Observer};
use kerbstone_identity::server::Arrival;
use kerbstone_proto::time::Timestamp;
use metrics::{counter, histogram};
use serde::Serialize;

use crate::serve::AuditLog;
use crate::serve::log_line::{cut, microseconds, one_line};

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
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    microseconds: u64,
}

impl Observer for Books {
    fn answered(&self, event: &Event<'_>) {
        let labels = [
            ("what", what(event.path)),
            ("status", status_class(event.status.as_u16())),
        ];
        counter!("kerbstone_identity_requests_total", &labels).increment(1);
        histogram!("kerbstone_identity_request_seconds", "what" => what(event.path))
            .record(event.took);
        if let Some(audit) = &self.audit {
            audit.record(&line(event));
            audit.flush_if_due();
        }
    }

    fn turned_away(&self) {
        tracing::warn!("a connection was turned away: the cap on connections is reached");
        counter!("kerbstone_identity_connections_turned_away_total").increment(1);
    }
}

fn line(event: &Event<'_>) -> String {
    let note = event.note.cloned().unwrap_or_default();
    one_line(&Line {
        time: now(),
        client: client(event.arrival),
        method: cut(event.method.as_str()),
        path: cut(event.path),
        status: event.status.as_u16(),
        request_id: event.request_id.map(cut),
        user: note.user.as_deref().map(cut),
        audit_id: note.audit_id.as_deref().map(cut),
        methods: note.methods.as_deref().map(cut),
        why: note.why.as_deref().map(cut),
        microseconds: microseconds(event.took),
    })
}

fn now() -> String {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default())
        .time
        .to_string()
}

fn client(arrival: Arrival) -> String {
    match arrival {
        Arrival::Network(address) => address.ip().to_canonical().to_string(),
        Arrival::Local(uid) => format!("uid {uid}"),
        Arrival::Gateway(uid) => format!("gateway, uid {uid}"),
    }
}

/// The collection that a path is about: few, whatever clients ask for.
fn what(path: &str) -> &'static str {
    const COLLECTIONS: [&str; 18] = [
        "OS-INHERIT",
        "OS-REVOKE",
        "OS-TRUST",
        "auth",
        "credentials",
        "domains",
        "endpoints",
        "groups",
        "limits",
        "policies",
        "projects",
        "regions",
        "registered_limits",
        "role_assignments",
        "role_inferences",
        "roles",
        "services",
        "users",
    ];
    let name = path
        .strip_prefix("/v3/")
        .and_then(|rest| rest.split('/').next());
    match name {
        Some(name) => COLLECTIONS
            .into_iter()
            .find(|known| *known == name)
            .unwrap_or("other"),
        None => "versions",
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};
    use kerbstone_identity::observer::Note;

    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_the_client_wrote() {
        let path = format!("/v3/\"\n{}é", "x".repeat(251));
        let note = Note {
            user: Some("5f0e\n".to_owned()),
            why: Some("the password is wrong".to_owned()),
            ..Note::default()
        };
        let line = line(&Event {
            arrival: Arrival::Network("192.0.2.7:4711".parse().unwrap()),
            method: &Method::POST,
            path: &path,
            status: StatusCode::UNAUTHORIZED,
            request_id: Some("req-1"),
            note: Some(&note),
            took: Duration::from_micros(7),
        });
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["client"], "192.0.2.7");
        assert_eq!(object["why"], "the password is wrong");
        assert_eq!(object["path"].as_str().unwrap().len(), 256);
        assert_eq!(object.get("audit_id"), None);
    }

    #[test]
    fn clients_cannot_make_up_labels() {
        for (path, label) in [
            ("/v3/auth/tokens", "auth"),
            ("/v3/users/5f/projects", "users"),
            ("/v3/anything/at/all", "other"),
            ("/v3", "versions"),
            ("/", "versions"),
        ] {
            assert_eq!(what(path), label);
        }
    }
}
