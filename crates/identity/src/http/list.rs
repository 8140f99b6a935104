use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answers::ok;
use super::call::Visit;

/// What a list is confined to, as its query says: `name=a`, `name__icontains=b`.
#[derive(Debug)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    name: &'static str,
    how: How,
    is_case_sensitive: bool,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    /// Not known; lets everything pass.
    Anyhow,
}

/// An attribute as filters see it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute<'a> {
    Text(&'a str),
    Flag(bool),
    /// There is none.
    Nothing,
}

impl<'a> From<&'a str> for Attribute<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a, T: AsRef<str>> From<Option<&'a T>> for Attribute<'a> {
    fn from(text: Option<&'a T>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.as_ref()))
    }
}

impl Filters {
    /// Those that name one of these attributes.
    pub(super) fn of(visit: &Visit, names: &[&'static str]) -> Self {
        let mut filters = Vec::new();
        for (key, value) in &visit.query {
            let (base, comparator) = match key.split_once("__") {
                Some((base, comparator)) => (base, Some(comparator)),
                None => (key.as_str(), None),
            };
            let Some(name) = names.iter().find(|name| **name == base) else {
                continue;
            };
            filters.push(Filter::new(name, comparator, value));
        }
        Self(filters)
    }

    /// Whether something passes, whose attributes the function tells.
    pub(super) fn pass<'a>(&self, attribute: impl Fn(&str) -> Attribute<'a>) -> bool {
        self.0
            .iter()
            .all(|filter| filter.pass(attribute(filter.name)))
    }

    /// The value that an attribute must equal.
    pub(super) fn exact(&self, name: &str) -> Option<&str> {
        let mut exact = self.0.iter().filter(|filter| filter.how == How::Equals);
        let found = exact.find(|filter| filter.name == name);
        found.map(|filter| filter.value.as_str())
    }
}

impl Filter {
    fn new(name: &'static str, comparator: Option<&str>, value: &str) -> Self {
        let (how, is_case_sensitive) = match comparator {
            None => (How::Equals, true),
            Some("contains") => (How::Contains, true),
            Some("icontains") => (How::Contains, false),
            Some("startswith") => (How::StartsWith, true),
            Some("istartswith") => (How::StartsWith, false),
            Some("endswith") => (How::EndsWith, true),
            Some("iendswith") => (How::EndsWith, false),
            Some(_) => (How::Anyhow, true),
        };
        let value = if is_case_sensitive {
            value.to_owned()
        } else {
            value.to_lowercase()
        };
        Self {
            name,
            how,
            is_case_sensitive,
            value,
        }
    }

    fn pass(&self, attribute: Attribute<'_>) -> bool {
        match attribute {
            Attribute::Nothing => false,
            Attribute::Flag(flag) => self.how != How::Equals || flag == is_true(&self.value),
            Attribute::Text(text) if self.is_case_sensitive => self.compare(text),
            Attribute::Text(text) => self.compare(&text.to_lowercase()),
        }
    }

    fn compare(&self, text: &str) -> bool {
        let value = self.value.as_str();
        match self.how {
            How::Equals => text == value,
            How::Contains => text.contains(value),
            How::StartsWith => text.starts_with(value),
            How::EndsWith => text.ends_with(value),
            How::Anyhow => true,
        }
    }
}

/// What is not plainly false is true, as in Keystone.
pub(super) fn is_true(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    !matches!(text.as_str(), "0" | "f" | "false" | "off" | "n" | "no")
}

/// A list with its links, cut where the settings' limit is.
pub(super) fn collection(visit: &Visit, key: &str, mut members: Vec<Value>) -> Response {
    let most = visit.service.settings.list_limit.unwrap_or(usize::MAX);
    let is_cut = members.len() > most;
    members.truncate(most);
    let mut body = Map::new();
    body.insert(key.to_owned(), Value::Array(members));
    let links = json!({ "next": null, "self": visit.site.asked(&visit.uri), "previous": null });
    body.insert("links".to_owned(), links);
    if is_cut {
        body.insert("truncated".to_owned(), Value::Bool(true));
    }
    ok(&Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(comparator: Option<&str>, value: &str, attribute: Attribute<'_>) -> bool {
        Filter::new("name", comparator, value).pass(attribute)
    }

    #[test]
    fn text_is_compared_as_the_suffix_says() {
        let text = Attribute::Text("Alice");
        for (comparator, value, result) in [
            (None, "Alice", true),
            (None, "alice", false),
            (Some("contains"), "lic", true),
            (Some("contains"), "LIC", false),
            (Some("icontains"), "LIC", true),
            (Some("startswith"), "Al", true),
            (Some("iendswith"), "ICE", true),
            (Some("endswith"), "x", false),
            (Some("sounds_like"), "x", true),
        ] {
            assert_eq!(
                passes(comparator, value, text),
                result,
                "{comparator:?} {value}"
            );
        }
    }

    #[test]
    fn flags_are_true_unless_plainly_false() {
        for (value, enabled) in [
            ("1", true),
            ("", true),
            ("true", true),
            ("0", false),
            ("False", false),
        ] {
            assert_eq!(
                passes(None, value, Attribute::Flag(true)),
                enabled,
                "{value}"
            );
        }
    }
}
