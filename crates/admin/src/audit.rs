//! Who asked for what, and what became of it. Never a secret.

use std::fmt;

use kerbstone_proto::time::Timestamp;
use serde::Serialize;

use crate::authority::Caller;
use crate::error::AdminError;

/// Texts longer than this are cut in the log, so that nobody floods it.
const LONGEST_TEXT: usize = 256;

/// Where audit lines go.
pub trait AuditSink: fmt::Debug + Send + Sync {
    /// Takes one JSON object with its line end; it is kept when this returns.
    fn record(&self, line: &str);
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    usec: u32,
    exchange: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The line for one operation.
pub(crate) fn line(
    caller: &Caller,
    operation: &str,
    target: Option<&str>,
    outcome: Result<(), &AdminError>,
    now: Timestamp,
) -> String {
    let refused = outcome.err();
    let (uid, pid) = match caller {
        Caller::Local(user) => (Some(user.uid), user.pid),
        Caller::Principal(_) => (None, None),
    };
    let line = Line {
        time: now.time.to_string(),
        usec: now.usec,
        exchange: "admin",
        client: Some(cut(&caller.to_string())),
        uid,
        pid,
        operation,
        target: target.map(cut),
        outcome: if refused.is_some() {
            "refused"
        } else {
            "granted"
        },
        code: refused.map(|error| error.kadm5_code().0),
        why: refused.map(|error| cut(&error.to_string())),
    };
    // A structure of texts and numbers always has a form in JSON.
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}
