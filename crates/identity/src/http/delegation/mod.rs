//! What users hand on: trusts, application credentials with their access rules, credentials.

mod access_rules;
mod application_credentials;
mod credentials;
mod ec2;
mod expiry;
mod role_choice;
mod trusts;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::error::ApiError;
use crate::caller::Caller;
use crate::service::Service;

/// The paths.
pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route(
            "/v3/OS-TRUST/trusts",
            get(trusts::list).post(trusts::create),
        )
        .route(
            "/v3/OS-TRUST/trusts/{trust_id}",
            get(trusts::show).delete(trusts::delete),
        )
        .route("/v3/OS-TRUST/trusts/{trust_id}/roles", get(trusts::roles))
        .route(
            "/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}",
            get(trusts::role),
        )
        .route(
            "/v3/users/{user_id}/application_credentials",
            get(application_credentials::list).post(application_credentials::create),
        )
        .route(
            "/v3/users/{user_id}/application_credentials/{credential_id}",
            get(application_credentials::show).delete(application_credentials::delete),
        )
        .route("/v3/users/{user_id}/access_rules", get(access_rules::list))
        .route(
            "/v3/users/{user_id}/access_rules/{rule_id}",
            get(access_rules::show).delete(access_rules::delete),
        )
        .route(
            "/v3/credentials",
            get(credentials::list).post(credentials::create),
        )
        .route(
            "/v3/credentials/{credential_id}",
            get(credentials::show)
                .patch(credentials::update)
                .delete(credentials::delete),
        )
        .route(
            "/v3/users/{user_id}/credentials/OS-EC2",
            get(ec2::list).post(ec2::create),
        )
        .route(
            "/v3/users/{user_id}/credentials/OS-EC2/{access}",
            get(ec2::show).delete(ec2::delete),
        )
}

/// Whether a token was had by something that was handed on, other than a trust: it holds less than its user does.
fn is_delegated(caller: &Caller) -> bool {
    const PRIMARY: [&str; 8] = [
        "external", "kerberos", "mapped", "openid", "password", "token", "totp", "x509",
    ];
    let primary = |method: &String| PRIMARY.contains(&method.as_str());
    caller.methods.is_empty() || !caller.methods.iter().all(primary)
}

/// Whoever acts by a trust, or by somebody's secret, makes nothing that would outlive it.
fn check_not_handed_on(caller: &Caller, words: &str) -> Result<(), ApiError> {
    match caller.trust.is_some() || is_delegated(caller) {
        true => Err(ApiError::forbidden(words)),
        false => Ok(()),
    }
}
