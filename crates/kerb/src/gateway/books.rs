//! The gateway's books: an audit line and a count for every request, and a line of the access log when it is over.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kerbstone_gateway::observer::{
    CertificateRefused, Commanded, Event, Exchanged, Lost, MemberChange, Observer, Outcome,
    SessionStep,
};
use kerbstone_gateway::way::Way;
use metrics::{Counter, Histogram, counter, histogram};
use serde::Serialize;

use super::access_log::AccessLog;
use super::settings::GatewaySettings;
use crate::serve::AuditLog;
use crate::serve::log_line::{cut, microseconds, one_line};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Writes the logs, as far as there are any, and counts.
#[derive(Debug)]
pub(super) struct Books {
    audit: Option<Arc<AuditLog>>,
    access: Option<AccessLog>,
    meters: OnceLock<Meters>,
}

/// A log that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log {path}: {source}", path = path.display())]
pub(super) struct NoLog {
    path: PathBuf,
    source: io::Error,
}

/// What is counted for each request, looked up once.
#[derive(Debug)]
struct Meters {
    requests: [[Counter; CLASSES.len()]; Outcome::ALL.len()],
    seconds: [Histogram; Outcome::ALL.len()],
}

impl Books {
    /// Opens the logs that the settings name.
    ///
    /// # Errors
    /// [`NoLog`] names the one that cannot be had.
    pub(super) fn open(settings: &GatewaySettings) -> Result<Self, NoLog> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| NoLog { path, source }
        };
        let audit = settings.audit.as_deref().map(|path| {
            let log = AuditLog::open(path).map_err(failed(path))?;
            Ok(Arc::new(log))
        });
        let access = settings
            .access_log
            .as_ref()
            .map(|access| AccessLog::open(access).map_err(failed(&access.file)));
        Ok(Self {
            audit: audit.transpose()?,
            access: access.transpose()?,
            meters: OnceLock::new(),
        })
    }

    /// Counts from now on: where nothing listens for figures, that would be for nobody.
    pub(super) fn count(&self) {
        let _first = self.meters.set(Meters::new());
    }

    /// Opens the logs anew, after somebody has moved the files away.
    ///
    /// # Errors
    /// The system's; the old file stays in use then.
    pub(super) fn reopen(&self) -> io::Result<()> {
        let mut all = Ok(());
        for log in self.logs() {
            all = all.and(log.reopen());
        }
        all
    }

    /// Writes what has been gathered.
    pub(super) fn flush(&self) {
        for log in self.logs() {
            log.flush();
        }
    }

    /// Writes lines that no later request came to take along, until the tasks are dropped.
    pub(super) fn sweep(&self) {
        for log in self.logs() {
            let log = Arc::clone(log);
            tokio::spawn(async move { log.sweep().await });
        }
    }

    fn logs(&self) -> impl Iterator<Item = &Arc<AuditLog>> {
        self.audit
            .iter()
            .chain(self.access.iter().map(AccessLog::file))
    }

    fn write_down(&self, line: &impl Serialize) {
        if let Some(audit) = &self.audit {
            audit.record(&one_line(line));
            audit.flush_if_due();
        }
    }
}

impl Meters {
    fn new() -> Self {
        let requests = |outcome: Outcome| {
            CLASSES.map(|class| {
                counter!("kerbstone_gateway_requests_total", "outcome" => outcome.name(), "status" => class)
            })
        };
        let seconds = |outcome: Outcome| histogram!("kerbstone_gateway_request_seconds", "outcome" => outcome.name());
        Self {
            requests: Outcome::ALL.map(requests),
            seconds: Outcome::ALL.map(seconds),
        }
    }

    fn count(&self, event: &Event<'_>) {
        let outcome = event.outcome as usize;
        let class = usize::from(event.status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let counters = self.requests.get(outcome);
        if let Some(requests) = counters.and_then(|counters| counters.get(class)) {
            requests.increment(1);
        }
        if let Some(seconds) = self.seconds.get(outcome) {
            seconds.record(event.took);
        }
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    way: Option<&'static str>,
    outcome: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "is_zero")]
    forged_headers: usize,
    microseconds: u64,
}

/// A line about a certificate that ended its handshake.
#[derive(Serialize)]
struct CertificateLine<'a> {
    time: String,
    client: String,
    listener: &'a str,
    outcome: &'a str,
    way: &'a str,
    why: &'a str,
}

/// A line about a member that is used otherwise from now on.
#[derive(Serialize)]
struct MemberLine<'a> {
    time: String,
    pool: &'a str,
    member: &'a str,
    state: &'a str,
    why: &'a str,
}

/// A line about an order over the control socket.
#[derive(Serialize)]
struct OrderLine<'a> {
    time: String,
    uid: u32,
    order: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

impl Observer for Books {
    fn decided(&self, event: &Event<'_>) {
        if let Some(meters) = self.meters.get() {
            meters.count(event);
        }
        if self.audit.is_some() {
            self.write_down(&line(event));
        }
    }

    fn lost(&self, _: Lost) {
        // The gateway counts them, and there is nothing to say about anybody.
    }

    fn certificate_refused(&self, refused: &CertificateRefused<'_>) {
        counter!("kerbstone_gateway_certificates_refused_total").increment(1);
        self.write_down(&CertificateLine {
            time: refused.at.time.to_string(),
            client: refused.client.to_canonical().to_string(),
            listener: refused.listener,
            outcome: Outcome::Refused.name(),
            way: Way::Certificate.name(),
            why: cut(refused.why),
        });
    }

    fn wants_ends(&self) -> bool {
        self.access.is_some()
    }

    fn ended(&self, exchange: &Exchanged<'_>) {
        if let Some(access) = &self.access {
            access.write(exchange);
        }
    }

    fn member_changed(&self, change: &MemberChange<'_>) {
        counter!(
            "kerbstone_gateway_member_changes_total",
            "pool" => change.pool.to_owned(),
            "member" => change.member.to_owned(),
            "state" => change.state.to_owned()
        )
        .increment(1);
        self.write_down(&MemberLine {
            time: change.at.time.to_string(),
            pool: change.pool,
            member: change.member,
            state: change.state,
            why: cut(change.why),
        });
    }

    fn commanded(&self, command: &Commanded<'_>) {
        let outcome = match command.refused {
            None => "done",
            Some(_) => "refused",
        };
        counter!("kerbstone_gateway_orders_total", "outcome" => outcome).increment(1);
        self.write_down(&OrderLine {
            time: command.at.time.to_string(),
            uid: command.uid,
            order: cut(command.order),
            refused: command.refused.map(cut),
        });
    }
}

fn line<'a>(event: &Event<'a>) -> Line<'a> {
    Line {
        time: event.at.time.to_string(),
        client: event.client.to_canonical().to_string(),
        method: cut(event.method.as_str()),
        path: cut(event.path),
        entry: event.entry_point,
        way: event.way.map(Way::name),
        outcome: event.outcome.name(),
        status: event.status.as_u16(),
        principal: event.principal.map(cut),
        user: event.user.map(cut),
        why: event.why.map(cut),
        session: event.session.map(SessionStep::name),
        pool: event.served_by.map(|by| by.pool),
        member: event.served_by.map(|by| by.member),
        retries: event
            .served_by
            .map(|by| by.retries)
            .filter(|retries| *retries > 0),
        forged_headers: event.forged_headers,
        microseconds: microseconds(event.took),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};
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
        let line = one_line(&line(&event));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["outcome"], "refused");
        assert_eq!(object["forged_headers"], 2);
        assert_eq!(object["path"].as_str().unwrap().len(), 256);
        assert_eq!(object["way"], "negotiate");
        assert_eq!(object.get("principal"), None);
    }
}
