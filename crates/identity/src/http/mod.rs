//! The API: paths, bodies and statuses as Keystone has them.
//!
//! A handler takes a [`Call`] (somebody whose token holds) or a [`Visit`] (anybody), and gives an [`Answer`]. The order
//! is Keystone's: the body's form (400), the token (401), the policy (403), then what the body says (400, 404, 409).

mod answers;
mod attributes;
mod call;
mod delegation;
mod discovery;
mod domains;
mod endpoints;
mod error;
mod frame;
mod grants;
mod groups;
mod implied_roles;
mod limits;
mod list;
mod project_making;
mod project_tree;
mod project_updating;
mod projects;
mod python;
mod regions;
mod revocations;
mod role_assignments;
mod roles;
mod schema;
mod services;
mod site;
mod tags;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

pub use answers::{created, json, no_content, ok};
pub use call::{Answer, Call, Visit};
pub use error::ApiError;
pub(crate) use python::repr;
pub use site::Site;

use crate::service::Service;

/// The whole API, at any prefix that the settings name.
pub fn router(service: Arc<Service>) -> Router {
    let api = Router::new()
        .route("/", get(discovery::versions))
        .route("/v3", get(discovery::version_3))
        .route("/v3/OS-REVOKE/events", get(revocations::list))
        .merge(delegation::routes())
        .merge(limits::routes())
        .merge(Arc::clone(&service.tokens).routes())
        .merge(domains::routes())
        .merge(endpoints::routes())
        .merge(grants::routes())
        .merge(groups::routes())
        .merge(implied_roles::routes())
        .merge(projects::routes())
        .merge(regions::routes())
        .merge(role_assignments::routes())
        .merge(roles::routes())
        .merge(services::routes())
        .merge(tags::routes())
        .merge(users::routes())
        .fallback(frame::unknown_path)
        .method_not_allowed_fallback(frame::unknown_method)
        .with_state(Arc::clone(&service));
    Router::new()
        .fallback_service(api)
        .layer(from_fn_with_state(service, frame::frame))
}
