//! A sign-in as it was sent, read as far as one can without knowing anybody.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::schema;
use crate::http::ApiError;

/// The body of `POST /v3/auth/tokens`.
#[derive(Debug)]
pub struct SignIn {
    /// The methods, each once.
    pub(super) methods: Vec<String>,
    /// What is shown for each, under its name.
    identity: Map<String, Value>,
    /// For what a token is wanted.
    pub(super) scope: Wanted,
    /// Whether anything was said about it.
    pub(super) names_scope: bool,
}

/// For what a token is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever is usual for the user.
    Default,
    Unscoped,
    System,
    Project(Named),
    Domain(Named),
    Trust(String),
}

/// A reference by id, or by name and domain. A name counts more than an id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) domain: Option<Box<Self>>,
}

impl SignIn {
    /// Reads a body.
    ///
    /// # Errors
    /// 400 with Keystone's words for what is wrong with it.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, ApiError> {
        let no_auth = || ApiError::expected("auth", "request body");
        let auth = body.remove("auth").unwrap_or_default();
        if auth.is_null() {
            return Err(no_auth());
        }
        if let Some(fault) = schema::fault(&auth) {
            return Err(ApiError::bad_request(fault));
        }
        let Value::Object(mut auth) = auth else {
            return Err(no_auth());
        };
        let Some(Value::Object(identity)) = auth.remove("identity") else {
            return Err(no_auth());
        };
        let scope = auth.remove("scope");
        let mut methods: Vec<String> = Vec::new();
        for name in identity
            .get("methods")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = name.as_str().unwrap_or_default();
            if !methods.iter().any(|known| known == name) {
                methods.push(name.to_owned());
            }
        }
        for method in &methods {
            if !identity.contains_key(method) {
                return Err(ApiError::expected(method, "identity"));
            }
        }
        Ok(Self {
            methods,
            identity,
            names_scope: scope.is_some(),
            scope: Wanted::read(scope.as_ref())?,
        })
    }

    /// What is shown for a method.
    pub(super) fn shown(&self, method: &str) -> &Value {
        self.identity.get(method).unwrap_or(&Value::Null)
    }

    /// The user of a method's block.
    pub(super) fn user(&self, method: &str) -> Result<&Value, ApiError> {
        self.shown(method)
            .get("user")
            .filter(|user| user.is_object())
            .ok_or_else(|| ApiError::expected("user", method))
    }

    /// A secret of a method's block.
    pub(super) fn secret(value: &Value) -> Zeroizing<String> {
        Zeroizing::new(value.as_str().unwrap_or_default().to_owned())
    }
}

impl Drop for SignIn {
    /// Passwords and secrets do not stay.
    fn drop(&mut self) {
        for value in self.identity.values_mut() {
            wipe(value);
        }
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => drop(Zeroizing::new(std::mem::take(text))),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Wanted {
    fn read(scope: Option<&Value>) -> Result<Self, ApiError> {
        let wrong = || {
            ApiError::expected(
                "system, project, domain, OS-TRUST:trust or unscoped",
                "scope",
            )
        };
        let scope = match scope {
            None => return Ok(Self::Default),
            Some(Value::String(text)) if text == "unscoped" => return Ok(Self::Unscoped),
            Some(Value::Object(scope)) => scope,
            Some(_) => return Err(wrong()),
        };
        let known = ["system", "project", "domain", "OS-TRUST:trust", "unscoped"];
        let mut named = known.into_iter().filter(|key| scope.contains_key(*key));
        let (Some(kind), None) = (named.next(), named.next()) else {
            return Err(wrong());
        };
        let value = scope.get(kind).unwrap_or(&Value::Null);
        Ok(match kind {
            "unscoped" => Self::Unscoped,
            "system" => Self::System,
            "project" => Self::Project(Named::read(value)),
            "domain" => Self::Domain(Named::read(value)),
            _ => {
                let id = text_of(value, "id");
                Self::Trust(id.ok_or_else(|| ApiError::expected("trust_id", "trust"))?)
            }
        })
    }
}

impl Named {
    pub(super) fn read(value: &Value) -> Self {
        Self {
            id: text_of(value, "id"),
            name: text_of(value, "name"),
            domain: value
                .get("domain")
                .filter(|domain| domain.is_object())
                .map(|domain| Box::new(Self::read(domain))),
        }
    }
}

/// The text under a key; an empty one is none, as in Keystone.
pub(super) fn text_of(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        SignIn::read(serde_json::from_str(body).unwrap())
            .unwrap_err()
            .message
    }

    #[test]
    fn refuses_bodies_as_keystone_does() {
        for (body, begins) in [
            ("{}", "Expecting to find auth in request body."),
            (
                r#"{"auth": null}"#,
                "Expecting to find auth in request body.",
            ),
            (
                r#"{"auth": {"identity": {"methods": ["password"]}}}"#,
                "Expecting to find password in identity.",
            ),
            (
                r#"{"auth": {"identity": {"methods": []}, "scope": {}}}"#,
                "Expecting to find system, project, domain, OS-TRUST:trust or unscoped in scope.",
            ),
            (
                r#"{"auth": {"identity": {"methods": []}, "scope": {"unscoped": {}, "system": {}}}}"#,
                "Expecting to find system, project, domain, OS-TRUST:trust or unscoped in scope.",
            ),
        ] {
            let told = refused(body);
            assert!(told.starts_with(begins), "{told}");
        }
    }

    #[test]
    fn reads_methods_once_and_every_scope() {
        let read = |scope: &str| {
            let body = format!(
                r#"{{"auth": {{"identity": {{"methods": ["a", "b", "a"], "a": {{}}, "b": {{}}}}{scope}}}}}"#
            );
            SignIn::read(serde_json::from_str(&body).unwrap()).unwrap()
        };
        let sign_in = read("");
        assert_eq!(sign_in.methods, ["a", "b"]);
        assert_eq!(sign_in.scope, Wanted::Default);
        assert_eq!(read(r#","scope":"unscoped""#).scope, Wanted::Unscoped);
        assert_eq!(read(r#","scope":{"unscoped":{}}"#).scope, Wanted::Unscoped);
        let Wanted::Project(project) =
            &read(r#","scope":{"project":{"name":"demo","domain":{"id":"default"}}}"#)
                .scope
                .clone()
        else {
            panic!("a project");
        };
        assert_eq!(project.name.as_deref(), Some("demo"));
        assert_eq!(
            project.domain.as_ref().unwrap().id.as_deref(),
            Some("default")
        );
    }
}
