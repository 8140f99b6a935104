//! Truth values and whole numbers.

use super::error::ConfError;
use super::profile::Relation;

const TRUE: [&str; 6] = ["y", "yes", "true", "t", "1", "on"];
const FALSE: [&str; 6] = ["n", "no", "false", "nil", "0", "off"];

/// MIT's words for true and false, in any case; `None` for others.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_one_of(&TRUE) {
        Some(true)
    } else if is_one_of(&FALSE) {
        Some(false)
    } else {
        None
    }
}

/// What C's `strtol` makes of the whole text: blanks and a sign before the digits.
pub(super) fn integer(text: &str) -> Option<i32> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    text.parse().ok()
}

impl Relation {
    /// The error that says what this relation's value should have been.
    pub(super) fn expected(&self, name: &str, expected: &'static str) -> ConfError {
        ConfError::Value {
            at: self.at.clone(),
            name: name.to_owned(),
            value: self.value.clone(),
            expected,
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<bool, ConfError> {
        boolean(&self.value).ok_or_else(|| self.expected(name, "true or false"))
    }

    pub(super) fn integer(&self, name: &str) -> Result<i32, ConfError> {
        integer(&self.value).ok_or_else(|| self.expected(name, "a whole number"))
    }
}
