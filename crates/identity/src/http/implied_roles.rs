use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::Method;
use serde_json::{Value, json};

use super::answers::{created, no_content, ok};
use super::call::{Answer, Call};
use super::error::ApiError;
use super::roles::find;
use super::site::Site;
use crate::model::{Implication, Model, Role};
use crate::policy::{Action, Facts};
use crate::service::Service;

/// The role that nothing may imply.
const ADMIN: &str = "admin";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/roles/{prior_role_id}/implies", get(list))
        .route(
            "/v3/roles/{prior_role_id}/implies/{implied_role_id}",
            get(show).put(add).delete(remove),
        )
        .route("/v3/role_inferences", get(list_all))
}

async fn list(call: Call) -> Answer {
    let prior = find(&call.model, call.path("prior_role_id"))?;
    call.enforce(Action::ListImpliedRoles, &Facts::none())?;
    let implied: Vec<Value> = implied_by(&call.model, prior)
        .map(|role| brief(role, &call.site))
        .collect();
    let inference = json!({ "prior_role": brief(prior, &call.site), "implies": implied });
    let url = call.site.url(&format!("/roles/{}/implies", prior.id));
    Ok(ok(
        &json!({ "role_inference": inference, "links": { "self": url } }),
    ))
}

fn implied_by<'a>(model: &'a Model, prior: &Role) -> impl Iterator<Item = &'a Arc<Role>> {
    let ids = model.indexes().implied.of(&prior.id);
    ids.filter_map(|id| model.get::<Role>(id))
}

async fn show(call: Call) -> Answer {
    let (prior, implied) = ends(&call, &call.model)?;
    let is_head = call.method == Method::HEAD;
    if is_head {
        call.enforce(Action::CheckImpliedRole, &Facts::none())?;
    }
    call.enforce(Action::GetImpliedRole, &Facts::none())?;
    must_imply(&call.model, prior, implied)?;
    // Keystone's HEAD has a status of its own here.
    Ok(if is_head {
        no_content()
    } else {
        ok(&inference(&call, prior, implied))
    })
}

async fn add(call: Call) -> Answer {
    let (prior, implied) = ends(&call, &call.model)?;
    call.enforce(Action::CreateImpliedRole, &Facts::none())?;
    if implied.name == ADMIN || (prior.domain_id.is_none() && implied.domain_id.is_some()) {
        let words = format!("{} cannot be an implied roles.", implied.id);
        return Err(ApiError::forbidden(words));
    }
    let implication = Implication {
        prior_role_id: prior.id.clone(),
        implied_role_id: implied.id.clone(),
    };
    call.change(move |change| {
        let (prior, implied) = (&implication.prior_role_id, &implication.implied_role_id);
        find(change, prior)?;
        find(change, implied)?;
        if change.indexes().implied.has(prior, implied) {
            return Err(ApiError::conflict("implied_role", "Duplicate entry"));
        }
        change.put(implication);
        Ok(())
    })
    .await?;
    Ok(created(&inference(&call, prior, implied)))
}

async fn remove(call: Call) -> Answer {
    let (prior, implied) = ends(&call, &call.model)?;
    call.enforce(Action::DeleteImpliedRole, &Facts::none())?;
    let (prior, implied) = (Arc::clone(prior), Arc::clone(implied));
    call.change(move |change| {
        must_imply(change, &prior, &implied)?;
        change.remove::<Implication>(&Implication::key_of(&prior.id, &implied.id));
        Ok(())
    })
    .await?;
    Ok(no_content())
}

async fn list_all(call: Call) -> Answer {
    call.enforce(Action::ListRoleInferenceRules, &Facts::none())?;
    let mut rules: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for implication in call.model.all::<Implication>() {
        if let Some(implied) = call.model.get::<Role>(&implication.implied_role_id) {
            let implied = brief(implied, &call.site);
            rules
                .entry(&implication.prior_role_id)
                .or_default()
                .push(implied);
        }
    }
    let rules = rules.into_iter().filter_map(|(prior, implied)| {
        let prior = brief(call.model.get::<Role>(prior)?, &call.site);
        Some(json!({ "prior_role": prior, "implies": implied }))
    });
    let rules: Vec<Value> = rules.collect();
    Ok(list_answer(&rules))
}

fn list_answer(rules: &[Value]) -> Response {
    ok(&json!({ "role_inferences": rules }))
}

fn ends<'a>(call: &Call, model: &'a Model) -> Result<(&'a Arc<Role>, &'a Arc<Role>), ApiError> {
    let prior = find(model, call.path("prior_role_id"))?;
    let implied = find(model, call.path("implied_role_id"))?;
    Ok((prior, implied))
}

fn must_imply(model: &Model, prior: &Role, implied: &Role) -> Result<(), ApiError> {
    if model.indexes().implied.has(&prior.id, &implied.id) {
        Ok(())
    } else {
        let words = format!("{} does not imply {}.", prior.id, implied.id);
        Err(ApiError::not_found(words))
    }
}

fn inference(call: &Call, prior: &Role, implied: &Role) -> Value {
    let site = &call.site;
    let url = site.url(&format!("/roles/{}/implies/{}", prior.id, implied.id));
    json!({
        "role_inference": { "prior_role": brief(prior, site), "implies": brief(implied, site) },
        "links": { "self": url },
    })
}

fn brief(role: &Role, site: &Site) -> Value {
    let url = site.url(&format!("/roles/{}", role.id));
    json!({ "id": role.id, "name": role.name, "links": { "self": url } })
}
