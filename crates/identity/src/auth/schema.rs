//! The shape that Keystone demands of a sign-in, and its words for what is wrong.

use serde_json::Value;

use crate::http::repr;

/// What a value has to be.
enum Shape {
    Text,
    Boolean,
    List(&'static Self),
    Object(&'static [(&'static str, Self)], &'static [&'static str]),
    /// `"unscoped"`, as old clients write it.
    ObjectOrText(&'static [(&'static str, Self)]),
}

const DOMAIN: Shape = Shape::Object(&[("id", Shape::Text), ("name", Shape::Text)], &[]);

const PASSWORD: Shape = Shape::Object(
    &[(
        "user",
        Shape::Object(
            &[
                ("id", Shape::Text),
                ("name", Shape::Text),
                ("password", Shape::Text),
                ("domain", DOMAIN),
            ],
            &[],
        ),
    )],
    &[],
);

const SCOPE: Shape = Shape::ObjectOrText(&[
    (
        "project",
        Shape::Object(
            &[
                ("name", Shape::Text),
                ("id", Shape::Text),
                ("domain", DOMAIN),
            ],
            &[],
        ),
    ),
    ("domain", DOMAIN),
    ("OS-TRUST:trust", Shape::Object(&[("id", Shape::Text)], &[])),
    ("system", Shape::Object(&[("all", Shape::Boolean)], &[])),
]);

const AUTH: Shape = Shape::Object(
    &[
        (
            "identity",
            Shape::Object(
                &[
                    ("methods", Shape::List(&Shape::Text)),
                    ("password", PASSWORD),
                    ("token", Shape::Object(&[("id", Shape::Text)], &["id"])),
                ],
                &["methods"],
            ),
        ),
        ("scope", SCOPE),
    ],
    &["identity"],
);

/// Objects in which an id or a name must stand, and what Keystone calls them.
const NAMED: [(&[&str], &str); 5] = [
    (&["identity", "password", "user"], "identity/password/user"),
    (
        &["identity", "password", "user", "domain"],
        "identity/password/user/domain",
    ),
    (&["scope", "project"], "scope/project"),
    (&["scope", "project", "domain"], "scope/project/domain"),
    (&["scope", "domain"], "scope/domain"),
];

/// The longest picture of a wrong value that goes back.
const PICTURE: usize = 200;

/// The first thing that is wrong with `auth`, in Keystone's words.
pub(super) fn fault(auth: &Value) -> Option<String> {
    AUTH.fault(auth, &mut Vec::new()).or_else(|| unnamed(auth))
}

fn unnamed(auth: &Value) -> Option<String> {
    NAMED.iter().find_map(|(path, name)| {
        let object = path.iter().try_fold(auth, |value, key| value.get(*key))?;
        let is_named = object.get("id").is_some() || object.get("name").is_some();
        (!is_named).then(|| format!("Invalid input for field {name}: id or name must be present."))
    })
}

impl Shape {
    fn fault(&self, value: &Value, path: &mut Vec<String>) -> Option<String> {
        let (is_right, kinds) = match self {
            Self::Text => (value.is_string(), "'string'"),
            Self::Boolean => (value.is_boolean(), "'boolean'"),
            Self::List(_) => (value.is_array(), "'array'"),
            Self::Object(..) => (value.is_object(), "'object'"),
            Self::ObjectOrText(_) => (value.is_object() || value.is_string(), "'object', 'string'"),
        };
        if !is_right {
            let secret = path.ends_with(&["user".to_owned(), "password".to_owned()]);
            let picture = if secret {
                "***".to_owned()
            } else {
                picture(value)
            };
            return Some(told(path, &format!("{picture} is not of type {kinds}")));
        }
        match self {
            Self::Text | Self::Boolean => None,
            Self::List(element) => {
                let elements = value.as_array()?.iter().enumerate();
                elements
                    .into_iter()
                    .find_map(|(place, value)| below(place.to_string(), element, value, path))
            }
            Self::Object(properties, required) => {
                property_fault(properties, value, path).or_else(|| {
                    let missing = required.iter().find(|key| value.get(**key).is_none())?;
                    Some(told(path, &format!("'{missing}' is a required property")))
                })
            }
            Self::ObjectOrText(properties) => property_fault(properties, value, path),
        }
    }
}

fn property_fault(
    properties: &[(&str, Shape)],
    value: &Value,
    path: &mut Vec<String>,
) -> Option<String> {
    properties.iter().find_map(|(key, shape)| {
        let value = value.get(*key)?;
        below((*key).to_owned(), shape, value, path)
    })
}

fn below(key: String, shape: &Shape, value: &Value, path: &mut Vec<String>) -> Option<String> {
    path.push(key);
    let fault = shape.fault(value, path);
    path.pop();
    fault
}

fn told(path: &[String], message: &str) -> String {
    match path {
        [] => message.to_owned(),
        path => format!("Invalid input for field '{}': {message}", path.join("/")),
    }
}

/// A value as Keystone quotes it, but never megabytes of it.
fn picture(value: &Value) -> String {
    let mut picture = repr(value);
    if let Some((end, _)) = picture.char_indices().nth(PICTURE) {
        picture.truncate(end);
        picture.push_str("...");
    }
    picture
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_what_is_wrong_as_keystone_does() {
        for (auth, told) in [
            (json!(5), "5 is not of type 'object'"),
            (json!({}), "'identity' is a required property"),
            (
                json!({"identity": {}}),
                "Invalid input for field 'identity': 'methods' is a required property",
            ),
            (
                json!({"identity": {"methods": "password"}}),
                "Invalid input for field 'identity/methods': 'password' is not of type 'array'",
            ),
            (
                json!({"identity": {"methods": ["token", null]}}),
                "Invalid input for field 'identity/methods/1': None is not of type 'string'",
            ),
            (
                json!({"identity": {"methods": []}, "scope": 5}),
                "Invalid input for field 'scope': 5 is not of type 'object', 'string'",
            ),
            (
                json!({"identity": {"methods": [], "password": {"user": {"password": 123}}}}),
                "Invalid input for field 'identity/password/user/password': *** is not of type 'string'",
            ),
            (
                json!({"identity": {"methods": [], "password": {"user": {}}}}),
                "Invalid input for field identity/password/user: id or name must be present.",
            ),
            (
                json!({"identity": {"methods": []}, "scope": {"domain": {}}}),
                "Invalid input for field scope/domain: id or name must be present.",
            ),
        ] {
            assert_eq!(fault(&auth).as_deref(), Some(told), "{auth}");
        }
        for auth in [
            json!({"identity": {"methods": []}, "scope": "unscoped"}),
            json!({"identity": {"methods": ["x"], "x": [[[]]]}, "scope": {"system": {"all": true}}}),
        ] {
            assert_eq!(fault(&auth), None, "{auth}");
        }
    }
}
