//! The sections `[[gateway.entry]]`: the ways in.

use kerbstone_gateway::entry_point::{Authentication, BackEnd, Destination, EntryPoint};
use kerbstone_gateway::identity::Naming;
use kerbstone_gateway::request_path::PathPrefix;
use kerbstone_gateway::rule::Rule;
use serde::Deserialize;

/// A section `[[gateway.entry]]`: one way in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntrySettings {
    path: String,
    #[serde(default)]
    authentication: Method,
    back_end: Option<String>,
    page: Option<Page>,
    #[serde(default)]
    name: Name,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    realms: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    #[default]
    Negotiate,
    None,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Page {
    Whoami,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    #[default]
    Local,
    Principal,
}

/// An entry point that cannot be meant so.
#[derive(Debug, thiserror::Error)]
#[error("the entry {path}: {why}")]
pub(crate) struct BadEntry {
    pub(super) path: String,
    pub(super) why: String,
}

impl EntrySettings {
    /// The entry point.
    ///
    /// # Errors
    /// [`BadEntry`] when it cannot be meant so.
    pub(super) fn point(&self) -> Result<EntryPoint, BadEntry> {
        let bad = |why: String| BadEntry {
            path: self.path.clone(),
            why,
        };
        let destination = match (&self.back_end, self.page) {
            (Some(back_end), None) => BackEnd::parse(back_end)
                .map(Destination::BackEnd)
                .map_err(|error| bad(error.to_string()))?,
            (None, Some(Page::Whoami)) => Destination::Whoami,
            _ => {
                return Err(bad(
                    "it leads to a `back_end` or to a `page`, to one of them".to_owned(),
                ));
            }
        };
        Ok(EntryPoint {
            prefix: PathPrefix::parse(&self.path).map_err(|error| bad(error.to_string()))?,
            authentication: match self.authentication {
                Method::Negotiate => Authentication::Negotiate,
                Method::None => Authentication::Nobody,
            },
            rule: Rule {
                users: self.users.clone(),
                realms: self.realms.clone(),
            },
            naming: match self.name {
                Name::Local => Naming::LocalName,
                Name::Principal => Naming::Principal,
            },
            destination,
        })
    }
}
