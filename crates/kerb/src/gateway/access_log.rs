//! The access log: a line for each request, when its answer has been sent. Queries are in neither format.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use kerbstone_gateway::observer::Exchanged;
use kerbstone_proto::time::KerberosTime;
use serde::Serialize;

use super::settings::{AccessLogFormat, AccessLogSettings};
use crate::serve::AuditLog;
use crate::serve::log_line::{cut_to, microseconds, one_line};

/// Texts longer than this are cut, so that nobody floods the log.
const LONGEST_TEXT: usize = 1024;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The file, and how its lines are written.
#[derive(Debug)]
pub(super) struct AccessLog {
    file: Arc<AuditLog>,
    format: AccessLogFormat,
}

impl AccessLog {
    /// Opens it for appending.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(settings: &AccessLogSettings) -> std::io::Result<Self> {
        Ok(Self {
            file: Arc::new(AuditLog::open(Path::new(&settings.file))?),
            format: settings.format,
        })
    }

    /// The file, for whoever reopens, sweeps and flushes it.
    pub(super) const fn file(&self) -> &Arc<AuditLog> {
        &self.file
    }

    pub(super) fn write(&self, exchange: &Exchanged<'_>) {
        let line = match self.format {
            AccessLogFormat::Combined => combined(exchange),
            AccessLogFormat::Json => json(exchange),
        };
        self.file.record(&line);
        self.file.flush_if_due();
    }
}

/// `host ident user [time] "request" status octets "referer" "user agent"`.
fn combined(exchange: &Exchanged<'_>) -> String {
    let mut line = String::with_capacity(256);
    let user = exchange.user.unwrap_or("-");
    let _infallible = write!(
        line,
        "{} - {} [{}] \"{} {} {:?}\" {} ",
        exchange.client.to_canonical(),
        Quoted(user).without_blanks(),
        clock(exchange.at.time),
        Quoted(exchange.method.as_str()),
        Quoted(exchange.path),
        exchange.version,
        exchange.status.as_u16(),
    );
    let _infallible = match exchange.octets_out {
        0 => write!(line, "-"),
        octets => write!(line, "{octets}"),
    };
    let _infallible = writeln!(
        line,
        " \"{}\" \"{}\"",
        Quoted(exchange.referer.unwrap_or("-")),
        Quoted(exchange.user_agent.unwrap_or("-"))
    );
    line
}

/// `22/Nov/2026:18:43:12 +0000`.
fn clock(time: KerberosTime) -> String {
    let text = time.to_string();
    let part = |range| text.get(range).unwrap_or_default();
    let month: usize = part(5..7).parse().unwrap_or(1);
    let name = MONTHS.get(month.saturating_sub(1)).unwrap_or(&"Jan");
    format!(
        "{}/{name}/{}:{} +0000",
        part(8..10),
        part(0..4),
        part(11..19)
    )
}

/// Text between quotation marks, as Apache writes it: nothing in it ends the line or the quotation.
struct Quoted<'a>(&'a str);

impl Quoted<'_> {
    fn without_blanks(&self) -> String {
        self.to_string().replace(' ', "\\x20")
    }
}

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in cut(self.0).chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                control if control.is_control() => {
                    let mut octets = [0; 4];
                    for octet in control.encode_utf8(&mut octets).bytes() {
                        write!(f, "\\x{octet:02x}")?;
                    }
                }
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    path: &'a str,
    protocol: String,
    status: u16,
    octets_in: u64,
    octets_out: u64,
    whole: bool,
    microseconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

fn json(exchange: &Exchanged<'_>) -> String {
    one_line(&Line {
        time: exchange.at.time.to_string(),
        client: exchange.client.to_canonical().to_string(),
        user: exchange.user.map(cut),
        method: cut(exchange.method.as_str()),
        host: exchange.host.map(cut),
        path: cut(exchange.path),
        protocol: format!("{:?}", exchange.version),
        status: exchange.status.as_u16(),
        octets_in: exchange.octets_in,
        octets_out: exchange.octets_out,
        whole: exchange.is_whole,
        microseconds: microseconds(exchange.took),
        entry: exchange.entry_point,
        pool: exchange.served_by.map(|by| by.pool),
        member: exchange.served_by.map(|by| by.member),
        retries: exchange.served_by.map(|by| by.retries),
        referer: exchange.referer.map(cut),
        user_agent: exchange.user_agent.map(cut),
    })
}

fn cut(text: &str) -> &str {
    cut_to(text, LONGEST_TEXT)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode, Version};
    use kerbstone_gateway::observer::ServedBy;
    use kerbstone_proto::time::Timestamp;

    use super::*;

    fn exchange<'a>(user_agent: &'a str, method: &'a Method) -> Exchanged<'a> {
        Exchanged {
            at: Timestamp::new(KerberosTime::from_unix(1_795_374_192), 0),
            client: "::ffff:192.0.2.7".parse().unwrap(),
            user: Some("alice smith"),
            method,
            path: "/krb/v3/auth/tokens",
            version: Version::HTTP_11,
            host: Some("keystone.example.test"),
            referer: None,
            user_agent: Some(user_agent),
            entry_point: Some("/krb/v3"),
            served_by: Some(ServedBy {
                pool: "v3",
                member: "keystone1",
                retries: 1,
            }),
            status: StatusCode::CREATED,
            octets_in: 120,
            octets_out: 7311,
            is_whole: true,
            took: Duration::from_micros(950),
        }
    }

    #[test]
    fn a_combined_line_is_as_apache_writes_it() {
        assert_eq!(
            combined(&exchange("curl/7.88.1", &Method::POST)),
            "192.0.2.7 - alice\\x20smith [22/Nov/2026:19:03:12 +0000] \
             \"POST /krb/v3/auth/tokens HTTP/1.1\" 201 7311 \"-\" \"curl/7.88.1\"\n"
        );
    }

    #[test]
    fn nobody_writes_a_line_of_their_own() {
        let line = combined(&exchange(
            "a\" 200 1\n127.0.0.1 - root \u{1b}[2J\u{85}",
            &Method::GET,
        ));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(line.contains("a\\\" 200 1\\x0a127.0.0.1"), "{line}");
        assert!(line.contains("\\x1b[2J\\xc2\\x85"), "{line}");
        let line = json(&exchange("a\"\n", &Method::GET));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
    }

    #[test]
    fn a_json_line_says_who_answered_and_how_much() {
        let object: serde_json::Value =
            serde_json::from_str(&json(&exchange("curl", &Method::GET))).unwrap();
        assert_eq!(object["member"], "keystone1");
        assert_eq!(object["octets_out"], 7311);
        assert_eq!(object["protocol"], "HTTP/1.1");
        assert_eq!(object.get("referer"), None);
    }
}
