use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::ApiError;
use super::python::{quoted, repr};

/// What an attribute must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Text of so many characters at most, with something in it.
    Name(usize),
    /// Text of 1 to 255 characters.
    Kind,
    /// Text.
    Text,
    /// Text or null.
    TextOrNull,
    /// Letters, digits and hyphens, 1 to 64 of them.
    Id,
    /// The same or null.
    IdOrNull,
    /// True or false.
    Flag,
    /// A scheme and what follows it, 225 characters at most.
    Url,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A list of tags.
    Tags,
    /// Known options, each of its form or null.
    Options(&'static [(&'static str, Self)]),
    /// A list.
    List,
}

/// An attribute and its form.
pub(super) type Field = (&'static str, Form);

/// The only option that projects and roles have.
pub(super) const IMMUTABLE: &[Field] = &[("immutable", Form::Flag)];

/// The attributes of something to be made.
///
/// # Errors
/// 400 in the words of Keystone's validator.
pub(super) fn for_create(
    value: Value,
    fields: &[Field],
    required: &[&str],
) -> Result<Map<String, Value>, ApiError> {
    let members = object(value)?;
    check_fields(&members, fields)?;
    match required.iter().find(|name| !members.contains_key(**name)) {
        Some(name) => Err(ApiError::bad_request(format!(
            "'{name}' is a required property"
        ))),
        None => Ok(members),
    }
}

/// The attributes of something to be changed: one at least.
///
/// # Errors
/// 400 in the words of Keystone's validator.
pub(super) fn for_update(value: Value, fields: &[Field]) -> Result<Map<String, Value>, ApiError> {
    let members = object(value)?;
    if members.is_empty() {
        return Err(ApiError::bad_request("{} does not have enough properties"));
    }
    check_fields(&members, fields)?;
    Ok(members)
}

/// Checks one value by itself.
///
/// # Errors
/// 400 in the words of Keystone's validator.
pub(super) fn check(value: &Value, form: Form) -> Result<(), ApiError> {
    match form.fault(value) {
        None => Ok(()),
        Some(Fault { below, words }) if below.is_empty() => Err(ApiError::bad_request(words)),
        Some(Fault { below, words }) => {
            let below = below.trim_start_matches('/');
            let words = format!("Invalid input for field '{below}': {words}");
            Err(ApiError::bad_request(words))
        }
    }
}

fn object(value: Value) -> Result<Map<String, Value>, ApiError> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(ApiError::bad_request(format!(
            "{} is not of type 'object'",
            repr(&other)
        ))),
    }
}

fn check_fields(members: &Map<String, Value>, fields: &[Field]) -> Result<(), ApiError> {
    for (name, form) in fields {
        let fault = members.get(*name).and_then(|value| form.fault(value));
        if let Some(Fault { below, words }) = fault {
            let words = format!("Invalid input for field '{name}{below}': {words}");
            return Err(ApiError::bad_request(words));
        }
    }
    Ok(())
}

/// What is wrong with a value, and where in it.
struct Fault {
    below: String,
    words: String,
}

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Self {
            below: String::new(),
            words,
        }
    }
}

impl Form {
    fn fault(self, value: &Value) -> Option<Fault> {
        match self {
            Self::Name(most) => text(value, 1, most).or_else(|| blank(value)),
            Self::Kind => text(value, 1, 255),
            Self::Text => text(value, 0, usize::MAX),
            Self::TextOrNull => or_null(value, Self::Text),
            Self::Id => text(value, 1, 64).or_else(|| not_an_id(value)),
            Self::IdOrNull => or_null(value, Self::Id),
            Self::Flag => (!value.is_boolean()).then(|| wrong_type(value, "boolean")),
            Self::Url => text(value, 0, 225).or_else(|| not_a_url(value)),
            Self::OneOf(known) => text(value, 0, usize::MAX).or_else(|| not_one_of(value, known)),
            Self::Tags => tags(value),
            Self::Options(known) => options(value, known),
            Self::List => (!value.is_array()).then(|| wrong_type(value, "array")),
        }
    }
}

fn wrong_type(value: &Value, wanted: &str) -> Fault {
    format!("{} is not of type '{wanted}'", repr(value)).into()
}

fn or_null(value: &Value, form: Form) -> Option<Fault> {
    match value {
        Value::Null => None,
        Value::String(_) => form.fault(value),
        other => Some(format!("{} is not of type 'string', 'null'", repr(other)).into()),
    }
}

fn text(value: &Value, least: usize, most: usize) -> Option<Fault> {
    let Value::String(text) = value else {
        return Some(wrong_type(value, "string"));
    };
    let length = text.chars().count();
    let fault = if length < least {
        "is too short"
    } else if length > most {
        "is too long"
    } else {
        return None;
    };
    Some(format!("{} {fault}", quoted(text)).into())
}

fn mismatch(value: &Value, pattern: &str) -> Fault {
    format!("{} does not match '{pattern}'", repr(value)).into()
}

fn blank(value: &Value) -> Option<Fault> {
    let text = value.as_str().unwrap_or_default();
    let is_blank = text.chars().all(char::is_whitespace);
    is_blank.then(|| mismatch(value, r"[\\S]+"))
}

fn not_an_id(value: &Value) -> Option<Fault> {
    let text = value.as_str().unwrap_or_default();
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    (!text.chars().all(known)).then(|| mismatch(value, "^[a-zA-Z0-9-]+$"))
}

fn not_a_url(value: &Value) -> Option<Fault> {
    let text = value.as_str().unwrap_or_default();
    let known = |letter: char| letter.is_ascii_alphanumeric() || "+.-".contains(letter);
    let is_url = text.split_once(':').is_some_and(|(scheme, rest)| {
        !scheme.is_empty() && scheme.chars().all(known) && !rest.is_empty()
    });
    (!is_url).then(|| mismatch(value, "^[a-zA-Z0-9+.-]+:.+"))
}

fn not_one_of(value: &Value, known: &[&str]) -> Option<Fault> {
    let text = value.as_str().unwrap_or_default();
    if known.contains(&text) {
        return None;
    }
    let known: Vec<String> = known.iter().map(|one| quoted(one)).collect();
    Some(format!("{} is not one of [{}]", quoted(text), known.join(", ")).into())
}

fn tags(value: &Value) -> Option<Fault> {
    let Value::Array(tags) = value else {
        return Some(wrong_type(value, "array"));
    };
    for (index, tag) in tags.iter().enumerate() {
        if let Some(fault) = tag_fault(tag) {
            return Some(Fault {
                below: format!("/{index}"),
                words: fault.words,
            });
        }
    }
    if tags.len() > 80 {
        return Some(format!("{} is too long", repr(value)).into());
    }
    let different: BTreeSet<&str> = tags.iter().filter_map(Value::as_str).collect();
    (different.len() < tags.len())
        .then(|| format!("{} has non-unique elements", repr(value)).into())
}

/// What is wrong with one tag.
fn tag_fault(tag: &Value) -> Option<Fault> {
    let fault = text(tag, 1, 255);
    fault.or_else(|| {
        let text = tag.as_str().unwrap_or_default();
        text.contains([',', '/']).then(|| mismatch(tag, "^[^,/]*$"))
    })
}

fn options(value: &Value, known: &[Field]) -> Option<Fault> {
    let Value::Object(options) = value else {
        return Some(wrong_type(value, "object"));
    };
    for (name, value) in options {
        let Some((_, form)) = known.iter().find(|(known, _)| known == name) else {
            let name = quoted(name);
            let words = format!("Additional properties are not allowed ({name} was unexpected)");
            return Some(words.into());
        };
        let fault = form.fault(value).filter(|_| !value.is_null());
        if let Some(fault) = fault {
            return Some(Fault {
                below: format!("/{name}"),
                words: format!("{}, 'null'", fault.words),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(value: Value, form: Form) -> String {
        form.fault(&value).map_or(String::new(), |fault| {
            format!("{}|{}", fault.below, fault.words)
        })
    }

    #[test]
    fn faults_are_told_in_keystones_words() {
        for (value, form, words) in [
            (json!(""), Form::Name(64), "|'' is too short"),
            (
                json!("  "),
                Form::Name(64),
                r"|'  ' does not match '[\\S]+'",
            ),
            (json!("xxx"), Form::Name(2), "|'xxx' is too long"),
            (json!(5), Form::Name(64), "|5 is not of type 'string'"),
            (json!("yes"), Form::Flag, "|'yes' is not of type 'boolean'"),
            (
                json!(5),
                Form::TextOrNull,
                "|5 is not of type 'string', 'null'",
            ),
            (
                json!("a b"),
                Form::Id,
                "|'a b' does not match '^[a-zA-Z0-9-]+$'",
            ),
            (
                json!("x"),
                Form::Url,
                "|'x' does not match '^[a-zA-Z0-9+.-]+:.+'",
            ),
            (
                json!(["a", "a"]),
                Form::Tags,
                "|['a', 'a'] has non-unique elements",
            ),
            (
                json!(["a/"]),
                Form::Tags,
                "/0|'a/' does not match '^[^,/]*$'",
            ),
            (
                json!("weird"),
                Form::OneOf(&["a", "b"]),
                "|'weird' is not one of ['a', 'b']",
            ),
            (
                json!({"zz": null}),
                Form::Options(IMMUTABLE),
                "|Additional properties are not allowed ('zz' was unexpected)",
            ),
            (
                json!({"immutable": 1}),
                Form::Options(IMMUTABLE),
                "/immutable|1 is not of type 'boolean', 'null'",
            ),
            (json!({"immutable": null}), Form::Options(IMMUTABLE), ""),
        ] {
            assert_eq!(said(value.clone(), form), words, "{value}");
        }
    }
}
