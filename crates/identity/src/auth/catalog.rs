//! The catalog of services, written once for each project and kept until the model changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::settings::CatalogView;
use crate::model::{CatalogService, Endpoint, Id, Model};

/// So many written catalogs are kept.
const MOST: usize = 256;

/// Catalogs as JSON text.
#[derive(Debug, Default)]
pub(super) struct Catalogs {
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    generation: u64,
    /// Whether an endpoint's URL names the project, and whether one names the user.
    names: Option<Names>,
    texts: HashMap<Key, Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Names {
    project: bool,
    user: bool,
}

/// For whom a catalog is, as far as it makes a difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    project: Option<Id>,
    user: Option<Id>,
    view: Option<usize>,
}

impl Catalogs {
    /// The catalog as a JSON list: of a project when the token is for one. `view` is the place of the entry's view in
    /// the settings.
    pub(super) fn text(
        &self,
        model: &Model,
        project: Option<&Id>,
        user: &Id,
        view: Option<(usize, &CatalogView)>,
    ) -> Arc<str> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.generation != model.generation {
            *written = Written {
                generation: model.generation,
                ..Written::default()
            };
        }
        let names = *written.names.get_or_insert_with(|| Names::of(model));
        let key = Key {
            project: project.filter(|_| names.project).cloned(),
            user: names.user.then(|| user.clone()),
            view: view.map(|(place, _)| place),
        };
        if let Some(text) = written.texts.get(&key) {
            return Arc::clone(text);
        }
        let leave_out = view.map_or(&[][..], |(_, view)| &view.leave_out);
        let text: Arc<str> = catalog(model, project, user, leave_out).to_string().into();
        if written.texts.len() >= MOST {
            written.texts.clear();
        }
        written.texts.insert(key, Arc::clone(&text));
        text
    }
}

impl Names {
    fn of(model: &Model) -> Self {
        let mut names = Self {
            project: false,
            user: false,
        };
        for endpoint in model.all::<Endpoint>() {
            names.project |=
                endpoint.url.contains("project_id") || endpoint.url.contains("tenant_id");
            names.user |= endpoint.url.contains("user_id");
        }
        names
    }
}

/// The enabled services with their enabled endpoints.
pub(super) fn catalog(
    model: &Model,
    project: Option<&Id>,
    user: &Id,
    leave_out: &[String],
) -> Value {
    let services = model.all::<CatalogService>();
    services
        .into_iter()
        .filter(|service| service.enabled)
        .map(|service| {
            let endpoints: Vec<Value> = model
                .indexes()
                .endpoints_of_service
                .of(&service.id)
                .filter_map(|id| model.get::<Endpoint>(id))
                .filter(|endpoint| endpoint.enabled)
                .filter_map(|endpoint| shown(endpoint, project, user, leave_out))
                .collect();
            json!({
                "endpoints": endpoints,
                "id": service.id,
                "type": service.kind,
                "name": service.name(),
            })
        })
        .collect()
}

/// An endpoint as it stands in a catalog; `None` when its URL cannot be filled in.
fn shown(
    endpoint: &Endpoint,
    project: Option<&Id>,
    user: &Id,
    leave_out: &[String],
) -> Option<Value> {
    let url = filled(&endpoint.url, project, user)?;
    if leave_out.iter().any(|part| url.contains(part.as_str())) {
        return None;
    }
    let region = endpoint.region_id.as_ref();
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(endpoint.id));
    shown.insert("interface".to_owned(), json!(endpoint.interface));
    shown.insert("region_id".to_owned(), json!(region));
    shown.insert("url".to_owned(), json!(url));
    shown.insert("region".to_owned(), json!(region));
    if let Some(name) = endpoint.extra.get("name") {
        shown.insert("name".to_owned(), name.clone());
    }
    Some(Value::Object(shown))
}

/// A URL with `$(project_id)s`, `%(user_id)s` and the like filled in, as Keystone does with Python's `%`. An endpoint
/// that names the project is not for tokens without one; one that names anything else is broken, and left out.
fn filled(url: &str, project: Option<&Id>, user: &Id) -> Option<String> {
    let mut filled = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(place) = rest.find(['$', '%']) {
        let (before, from) = rest.split_at(place);
        filled.push_str(before);
        let Some(named) = from.strip_prefix("$(").or_else(|| from.strip_prefix("%(")) else {
            // Python: %% is a percent sign, and a lone one an error. A dollar sign is nothing special.
            let (sign, after) = match from.strip_prefix("%%") {
                Some(after) => ("%", after),
                None if from.starts_with('%') => return None,
                None => ("$", from.strip_prefix('$').unwrap_or_default()),
            };
            filled.push_str(sign);
            rest = after;
            continue;
        };
        let (name, after) = named.split_once(")s")?;
        filled.push_str(match name {
            "project_id" | "tenant_id" => project?,
            "user_id" => user,
            _ => return None,
        });
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_filled_in_as_keystone_does() {
        let (project, user) = (Id::from("p1"), Id::from("u1"));
        for (url, with, without) in [
            ("http://c/v2/$(project_id)s", Some("http://c/v2/p1"), None),
            (
                "http://c/v2/%(tenant_id)s/x",
                Some("http://c/v2/p1/x"),
                None,
            ),
            (
                "http://c/AUTH_$(user_id)s",
                Some("http://c/AUTH_u1"),
                Some("http://c/AUTH_u1"),
            ),
            ("http://c/$(admin_token)s", None, None),
            ("http://c/$(project_id", None, None),
            ("http://c/100%", None, None),
            (
                "http://c/100%%/$x",
                Some("http://c/100%/$x"),
                Some("http://c/100%/$x"),
            ),
        ] {
            assert_eq!(filled(url, Some(&project), &user).as_deref(), with, "{url}");
            assert_eq!(filled(url, None, &user).as_deref(), without, "{url}");
        }
    }
}
