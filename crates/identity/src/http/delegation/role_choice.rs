use serde_json::{Map, Value, json};

use crate::http::error::ApiError;
use crate::http::python::repr;
use crate::http::schema::{self, Form};
use crate::http::site::Site;
use crate::model::{Id, Model, Role};

/// The roles that somebody wants to hand on: `[{"id": ..}, {"name": ..}]`.
///
/// # Errors
/// 400: it is of another form; 404: there is no role of that name.
pub(super) fn chosen(value: Option<&Value>, model: &Model) -> Result<Vec<Id>, ApiError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    schema::check(value, Form::List)?;
    let named = value.as_array().into_iter().flatten();
    named.map(|one| role(one, model)).collect()
}

fn role(value: &Value, model: &Model) -> Result<Id, ApiError> {
    let members = value.as_object().filter(|members| members.len() == 1);
    let text = |name: &str| members.and_then(|members| members.get(name)?.as_str());
    if let Some(id) = text("id") {
        return Ok(Id::from(id));
    }
    let Some(name) = text("name") else {
        return Err(ApiError::bad_request(format!(
            "{} has to have an 'id' or a 'name'",
            repr(value)
        )));
    };
    match model.role_by_name(None, name) {
        Some(role) => Ok(role.id.clone()),
        None => Err(ApiError::not_found(format!("Role {name} is not defined"))),
    }
}

/// A role as Keystone shows it; with a link where a site is given.
pub(super) fn view(role: &Role, site: Option<&Site>) -> Value {
    let mut view: Map<String, Value> = role.extra.clone();
    view.insert("id".to_owned(), json!(role.id));
    view.insert("name".to_owned(), json!(role.name));
    view.insert("domain_id".to_owned(), json!(role.domain_id));
    view.insert("description".to_owned(), json!(role.description));
    view.insert("options".to_owned(), json!(role.options));
    if let Some(site) = site {
        let url = site.url(&format!("/roles/{}", role.id));
        view.insert("links".to_owned(), json!({ "self": url }));
    }
    Value::Object(view)
}

/// Those that are there.
pub(super) fn views(ids: &[Id], model: &Model, site: Option<&Site>) -> Vec<Value> {
    let roles = ids.iter().filter_map(|id| model.get::<Role>(id));
    roles.map(|role| view(role, site)).collect()
}
