//! `/v3/auth/*`.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::issue::Outcome;
use super::validate::{Known, failed};
use super::{Auth, authenticate, revocation};
use crate::http::{Answer, ApiError, Call, Visit, no_content, ok};
use crate::model::{Id, Model, Project, Revocation, Target};
use crate::observer::Note;
use crate::policy::{Action, Fact, Facts};
use crate::service::Service;

const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
const ACCESS_RULES: HeaderName = HeaderName::from_static("openstack-identity-access-rules");
/// What a service that asks about a token has to understand of access rules.
const ACCESS_RULES_VERSION: f64 = 1.0;

pub(super) fn routes(auth: Arc<Auth>) -> Router<Arc<Service>> {
    Router::new()
        .route(
            "/v3/auth/tokens",
            get(token).post(sign_in).delete(revoke_token),
        )
        .route("/v3/auth/catalog", get(catalog))
        .route("/v3/auth/projects", get(projects))
        .route("/v3/auth/domains", get(domains))
        .route("/v3/auth/system", get(system))
        .layer(Extension(auth))
}

async fn sign_in(Extension(auth): Extension<Arc<Auth>>, mut visit: Visit) -> Answer {
    match auth.sign_in(&mut visit).await? {
        Outcome::MoreIsNeeded(answer) => Ok(answer),
        Outcome::Token { text, known, model } => {
            let body = auth.described(
                &model,
                &known,
                visit.query("nocatalog").is_none(),
                auth.view_of(&visit),
            );
            described(StatusCode::CREATED, &text, &known, body)
        }
    }
}

async fn token(Extension(auth): Extension<Arc<Auth>>, call: Call) -> Answer {
    let action = match call.method {
        Method::HEAD => Action::CheckToken,
        _ => Action::ValidateToken,
    };
    let (text, known) = subject(&auth, &call, action)?;
    let body = auth.described(
        &call.model,
        &known,
        call.query("nocatalog").is_none(),
        auth.view_of(&call),
    );
    described(StatusCode::OK, &text, &known, body)
}

async fn revoke_token(Extension(auth): Extension<Arc<Auth>>, call: Call) -> Answer {
    let (_, known) = subject(&auth, &call, Action::RevokeToken)?;
    let event = Revocation {
        audit_id: Some(known.caller.audit_id.clone()),
        ..Revocation::default()
    };
    let now = call.service.now();
    let life = auth.longest_life();
    call.change(move |change| {
        revocation::record(change, event, now, life);
        Ok(())
    })
    .await?;
    Ok(noted(no_content(), &known))
}

async fn catalog(Extension(auth): Extension<Arc<Auth>>, call: Call) -> Answer {
    call.enforce(Action::GetAuthCatalog, &Facts::none())?;
    let Some(Target::Project(_)) = &call.caller.scope else {
        return Err(
            ApiError::forbidden("You are not authorized to perform the requested action.")
                .because("a catalog is for a project"),
        );
    };
    let now = call.service.now();
    let known = auth.validate(&call.model, &call.caller.token, SignedDuration::ZERO, now)?;
    let view = auth.view_of(&call);
    let catalog = auth.catalog(&call.model, &known.standing, view);
    let links = json!({ "self": call.site.url("/auth/catalog") });
    let body = [
        "{\"catalog\":",
        &catalog,
        ",\"links\":",
        &links.to_string(),
        "}",
    ]
    .concat();
    Ok(of_json(StatusCode::OK, body))
}

async fn projects(call: Call) -> Answer {
    call.enforce(Action::GetAuthProjects, &Facts::none())?;
    let found = call
        .model
        .all::<Project>()
        .into_iter()
        .filter(|project| !project.is_domain && project.enabled)
        .filter(|project| {
            may_be_at(
                &call.model,
                &call.caller.user_id,
                Target::Project(project.id.clone()),
            )
        })
        .map(|project| project_shown(&call, project))
        .collect();
    Ok(ok(&list(&call, "projects", found)))
}

async fn domains(call: Call) -> Answer {
    call.enforce(Action::GetAuthDomains, &Facts::none())?;
    let found = call
        .model
        .all::<Project>()
        .into_iter()
        .filter(|domain| domain.is_domain && domain.enabled)
        .filter(|domain| {
            may_be_at(
                &call.model,
                &call.caller.user_id,
                Target::Domain(domain.id.clone()),
            )
        })
        .map(|domain| domain_shown(&call, domain))
        .collect();
    Ok(ok(&list(&call, "domains", found)))
}

async fn system(call: Call) -> Answer {
    call.enforce(Action::GetAuthSystem, &Facts::none())?;
    let system = match may_be_at(&call.model, &call.caller.user_id, Target::System) {
        true => json!([{ "all": true }]),
        false => json!([]),
    };
    let links = json!({ "self": call.site.url("/auth/system") });
    Ok(ok(&json!({ "system": system, "links": links })))
}

fn may_be_at(model: &Model, user: &Id, target: Target) -> bool {
    !model.roles_given(user, &target).is_empty()
}

fn list(call: &Call, key: &str, found: Vec<Value>) -> Value {
    json!({
        key: found,
        "links": { "next": null, "self": call.site.asked(&call.uri), "previous": null },
    })
}

fn project_shown(call: &Call, project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "description": project.description.as_deref().unwrap_or_default(),
        "enabled": project.enabled,
        "parent_id": project.parent_id,
        "is_domain": project.is_domain,
        "tags": project.tags,
        "options": project.options,
        "links": { "self": call.site.url(&format!("/projects/{}", project.id)) },
    })
}

fn domain_shown(call: &Call, domain: &Project) -> Value {
    json!({
        "id": domain.id,
        "name": domain.name,
        "description": domain.description.as_deref().unwrap_or_default(),
        "enabled": domain.enabled,
        "tags": domain.tags,
        "options": domain.options,
        "links": { "self": call.site.url(&format!("/domains/{}", domain.id)) },
    })
}

/// The token that a call is about, if the caller may ask.
fn subject(auth: &Auth, call: &Call, action: Action) -> Result<(String, Arc<Known>), ApiError> {
    let text = call
        .headers
        .get(SUBJECT_TOKEN)
        .and_then(|text| text.to_str().ok());
    let now = call.service.now();
    let is_late_allowed =
        action != Action::RevokeToken && call.query("allow_expired").is_some_and(is_true);
    let window = match is_late_allowed {
        true => auth.settings().allow_expired_window,
        false => SignedDuration::ZERO,
    };
    let found = match text {
        Some(text) if !text.is_empty() => auth.validate(&call.model, text, window, now),
        _ => Err(ApiError::not_found("No token in the request")),
    };
    // Keystone tells everybody who has a token whether another is one.
    let known = found?;
    let owner = Facts::none().with(Fact::TokenUser, known.caller.user_id.clone());
    call.enforce(action, &owner)?;
    let has_rules = known
        .standing
        .credential
        .as_ref()
        .is_some_and(|credential| credential.access_rule_ids.is_some());
    if has_rules && action != Action::RevokeToken && !understands_access_rules(call) {
        return Err(failed(
            "the service that asks does not know of access rules",
        ));
    }
    Ok((text.unwrap_or_default().to_owned(), known))
}

fn understands_access_rules(call: &Call) -> bool {
    let version = call.headers.get(ACCESS_RULES);
    version
        .and_then(|version| version.to_str().ok()?.trim().parse::<f64>().ok())
        .is_some_and(|version| version >= ACCESS_RULES_VERSION)
}

/// As Keystone reads it.
fn is_true(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(text.as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

fn described(status: StatusCode, text: &str, known: &Known, body: String) -> Answer {
    let mut answer = of_json(status, body);
    answer
        .headers_mut()
        .insert(SUBJECT_TOKEN, authenticate::header(text)?);
    Ok(noted(answer, known))
}

fn of_json(status: StatusCode, body: String) -> Response {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

fn noted(mut answer: Response, known: &Known) -> Response {
    answer.extensions_mut().insert(Note {
        user: Some(known.caller.user_id.to_string()),
        audit_id: Some(known.caller.audit_id.clone()),
        methods: Some(known.caller.methods.join(",")),
        why: None,
    });
    answer
}
