//! What other services may ask for and this one does not keep: limits and policies. The lists are there and empty, so
//! that those who read them go on; whoever writes is told that it is not done.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use serde_json::json;

use super::answers::ok;
use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::collection;
use crate::policy::{Action, Facts};
use crate::service::Service;

/// The paths.
pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/v3/limits", get(limits).post(not_done))
        .route("/v3/limits/model", get(model))
        .route("/v3/limits/{id}", get(no_limit))
        .route(
            "/v3/registered_limits",
            get(registered_limits).post(not_done),
        )
        .route("/v3/registered_limits/{id}", get(no_registered_limit))
        .route("/v3/policies", get(policies).post(not_done))
        .route("/v3/policies/{id}", get(no_policy))
}

async fn limits(call: Call) -> Answer {
    call.enforce(Action::ListLimits, &Facts::none())?;
    Ok(collection(&call, "limits", Vec::new()))
}

async fn model(call: Call) -> Answer {
    call.enforce(Action::GetLimitModel, &Facts::none())?;
    Ok(ok(&json!({ "model": {
        "name": "flat",
        "description":
            "Limit enforcement and validation does not take project hierarchy into consideration.",
    }})))
}

async fn registered_limits(call: Call) -> Answer {
    call.enforce(Action::ListRegisteredLimits, &Facts::none())?;
    Ok(collection(&call, "registered_limits", Vec::new()))
}

async fn policies(call: Call) -> Answer {
    check_administrator(&call, "list_policies")?;
    Ok(collection(&call, "policies", Vec::new()))
}

async fn no_limit(call: Call) -> Answer {
    let id = call.path("id");
    Err(ApiError::not_found(format!(
        "Could not find limit for {id}."
    )))
}

async fn no_registered_limit(call: Call) -> Answer {
    let id = call.path("id");
    Err(ApiError::not_found(format!(
        "Could not find registered limit for {id}."
    )))
}

async fn no_policy(call: Call) -> Answer {
    check_administrator(&call, "get_policy")?;
    Err(ApiError::no_such("policy", call.path("id")))
}

async fn not_done(call: Call) -> Answer {
    check_administrator(&call, "create")?;
    Err(ApiError::new(
        StatusCode::NOT_IMPLEMENTED,
        "The action you have requested has not been implemented.",
    ))
}

fn check_administrator(call: &Call, action: &str) -> Result<(), ApiError> {
    match call.caller.has_role("admin") {
        true => Ok(()),
        false => Err(ApiError::forbidden_action(&format!("identity:{action}"))),
    }
}
