//! A line of a log: one JSON object, in which nobody's text is long.

use std::time::Duration;

use serde::Serialize;

/// Texts longer than this are cut in audit logs, so that nobody floods them.
const LONGEST_TEXT: usize = 256;

/// The object and its line end.
pub(crate) fn one_line(object: &impl Serialize) -> String {
    let mut text = serde_json::to_string(object).unwrap_or_default();
    text.push('\n');
    text
}

/// As much of a text as an audit log takes.
pub(crate) fn cut(text: &str) -> &str {
    cut_to(text, LONGEST_TEXT)
}

/// The beginning of a text, at most so many octets of it, and whole characters.
pub(crate) fn cut_to(text: &str, longest: usize) -> &str {
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}

/// Whole microseconds, as logs tell durations.
pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
