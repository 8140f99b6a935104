use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::call::Call;
use super::error::ApiError;
use crate::model::{DEFAULT_DOMAIN, Extra, Id};

/// The attributes with the names that Keystone keeps: `:` and `-` become `_`.
pub(super) fn normalized(attributes: Map<String, Value>) -> Map<String, Value> {
    let renamed = attributes.into_iter();
    renamed
        .map(|(name, value)| (name.replace([':', '-'], "_"), value))
        .collect()
}

/// Takes out a text; `None` when it is missing or null.
pub(super) fn take_text(attributes: &mut Map<String, Value>, name: &str) -> Option<String> {
    match attributes.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// `None`: it is not said; null is a description of its own.
pub(super) fn take_description(attributes: &mut Map<String, Value>) -> Option<Option<String>> {
    let given = attributes.contains_key("description");
    let text = take_text(attributes, "description");
    given.then_some(text)
}

/// Takes out tags; `None` when they are missing.
pub(super) fn take_tags(attributes: &mut Map<String, Value>) -> Option<BTreeSet<String>> {
    let tags = attributes.remove("tags")?;
    let tags = tags.as_array()?.iter().filter_map(Value::as_str);
    Some(tags.map(str::to_owned).collect())
}

/// Takes out an id; `None` when it is missing, null or empty.
pub(super) fn take_id(attributes: &mut Map<String, Value>, name: &str) -> Option<Id> {
    take_text(attributes, name)
        .filter(|id| !id.is_empty())
        .map(Id::from)
}

/// Takes out a truth value.
pub(super) fn take_flag(attributes: &mut Map<String, Value>, name: &str) -> Option<bool> {
    attributes.remove(name).and_then(|value| value.as_bool())
}

/// Takes out options and puts them over those that were set; null takes one back.
pub(super) fn take_options(attributes: &mut Map<String, Value>, set: &Extra) -> Extra {
    let mut options = set.clone();
    if let Some(Value::Object(given)) = attributes.remove("options") {
        for (name, value) in given {
            if value.is_null() {
                options.remove(&name);
            } else {
                options.insert(name, value);
            }
        }
    }
    options
}

/// Takes out the domain that something new is to be in: the one it names, the one that the token is good on, or the
/// default one.
pub(super) fn take_domain(attributes: &mut Map<String, Value>, call: &Call) -> Id {
    take_id(attributes, "domain_id")
        .or_else(|| call.caller.domain_id().cloned())
        .unwrap_or_else(|| Id::from(DEFAULT_DOMAIN))
}

/// Refuses another id than the thing has.
pub(super) fn keep_id(attributes: &mut Map<String, Value>, id: &str) -> Result<(), ApiError> {
    match attributes.remove("id") {
        Some(given) if given != id => Err(ApiError::bad_request("Cannot change ID")),
        _ => Ok(()),
    }
}

/// Refuses another domain than the thing has.
pub(super) fn keep_domain(
    attributes: &mut Map<String, Value>,
    domain: Option<&Id>,
) -> Result<(), ApiError> {
    match attributes.remove("domain_id") {
        Some(given) if given.as_str() != domain.map(Id::as_str) => {
            Err(ApiError::bad_request("Cannot change Domain ID"))
        }
        _ => Ok(()),
    }
}

/// Refuses to change what is immutable, unless to make it mutable is all that is asked.
pub(super) fn check_mutable(
    kind: &str,
    id: &str,
    options: &Extra,
    attributes: &Map<String, Value>,
) -> Result<(), ApiError> {
    let given = attributes
        .get("options")
        .and_then(|given| given.get("immutable"));
    let frees = matches!(given, Some(Value::Null | Value::Bool(false)));
    if is_immutable(options) && !(attributes.len() == 1 && frees) {
        return Err(ApiError::forbidden(format!(
            "Unable to update immutable {kind} resource: `{id}. Set resource option \"immutable\" to false first."
        )));
    }
    Ok(())
}

/// Refuses to take out what is immutable.
pub(super) fn check_removable(kind: &str, id: &str, options: &Extra) -> Result<(), ApiError> {
    if is_immutable(options) {
        return Err(ApiError::forbidden(format!(
            "Unable to delete immutable {kind} resource: `{id}. Set resource option \"immutable\" to false first."
        )));
    }
    Ok(())
}

fn is_immutable(options: &Extra) -> bool {
    options.get("immutable") == Some(&Value::Bool(true))
}
