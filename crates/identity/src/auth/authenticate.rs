//! Showing who one is: every method that was named must succeed, and all for the same user.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::request::{SignIn, Wanted};
use super::{Auth, Front, lookup};
use crate::http::{ApiError, Visit};
use crate::model::{Id, Model, Project, Trust, User};
use crate::token::Grant;

/// What was shown so far.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) user_id: Option<Id>,
    pub(super) methods: Vec<String>,
    /// The end of the token that was shown.
    pub(super) expires_at: Option<Timestamp>,
    /// Where the chain of the token that was shown began.
    pub(super) chain: Option<String>,
    /// The application credential that was shown.
    pub(super) credential_id: Option<Id>,
}

/// Where a token is to count, found in the model.
#[derive(Debug)]
pub(super) enum Place {
    /// Nothing was said.
    Unsaid,
    Nowhere,
    System,
    Project(Arc<Project>),
    Domain(Arc<Project>),
    Trust(Arc<Trust>),
}

impl Auth {
    /// Reads a sign-in, and makes sure that its methods are allowed.
    pub(super) fn read(&self, visit: &mut Visit) -> Result<SignIn, ApiError> {
        let sign_in = SignIn::read(std::mem::take(&mut visit.body))?;
        match sign_in
            .methods
            .iter()
            .all(|method| self.settings.allows(method))
        {
            true => Ok(sign_in),
            false => Err(self.unsupported_method()),
        }
    }

    /// Where the token is to count.
    pub(super) fn place(
        &self,
        model: &Model,
        sign_in: &SignIn,
        now: Timestamp,
    ) -> Result<Place, ApiError> {
        if sign_in
            .methods
            .iter()
            .any(|method| method == "application_credential")
        {
            if sign_in.names_scope {
                return Err(scope_of_credential());
            }
            let credential = self.credential_named(model, sign_in)?;
            let project = lookup::project(model, &lookup::by_id(&credential.project_id))?;
            return Ok(Place::Project(project));
        }
        Ok(match &sign_in.scope {
            Wanted::Default => Place::Unsaid,
            Wanted::Unscoped => Place::Nowhere,
            Wanted::System => Place::System,
            Wanted::Project(named) => Place::Project(lookup::project(model, named)?),
            Wanted::Domain(named) => Place::Domain(lookup::domain(model, named)?),
            Wanted::Trust(id) => {
                let trust = usable_trust(model, id, now)?;
                if let Some(project) = &trust.project_id {
                    lookup::project(model, &lookup::by_id(project))?;
                }
                Place::Trust(trust)
            }
        })
    }

    /// Asks every method.
    pub(super) async fn shown(
        &self,
        visit: &Visit,
        sign_in: &SignIn,
        front: &Front,
        now: Timestamp,
    ) -> Result<Shown, ApiError> {
        let mut shown = Shown::default();
        // Whoever the front has let in is let in, whatever methods are named; but it may fail without harm.
        if front.user.is_some() && self.settings.allows("external") {
            match self.external(visit, front, "external", now).await {
                Ok(user) => shown.add("external", &user)?,
                Err(fault) if fault.status == StatusCode::UNAUTHORIZED => {
                    tracing::debug!(why = ?fault.why, "the front's user is not used");
                }
                Err(fault) => return Err(fault),
            }
        }
        for method in &sign_in.methods {
            self.show(visit, sign_in, front, method, &mut shown, now)
                .await?;
        }
        match shown.user_id {
            Some(_) => Ok(shown),
            None => Err(ApiError::unauthorized("nothing was shown")),
        }
    }

    async fn show(
        &self,
        visit: &Visit,
        sign_in: &SignIn,
        front: &Front,
        method: &str,
        shown: &mut Shown,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        match method {
            "password" => {
                let user = self.by_password(visit, sign_in, now).await?;
                shown.add(method, &user)
            }
            "external" | "kerberos" | "x509" | "mapped" => {
                let user = self.external(visit, front, method, now).await?;
                shown.add(method, &user)
            }
            "totp" => {
                let user = self.by_totp(visit, sign_in, now)?;
                shown.add(method, &user)
            }
            "token" => self.by_token(visit, sign_in, shown, now),
            "application_credential" => {
                let credential = self.by_credential(&visit.model, sign_in, now).await?;
                let user = super::validate::user_by_id(&visit.model, &credential.user_id)?;
                shown.credential_id = Some(credential.id.clone());
                shown.add(method, &user)
            }
            _ => Err(self.unsupported_method()),
        }
    }

    /// Where the user's tokens usually count, when nothing was said: their default project, if they may be there.
    pub(super) fn usual_place(&self, model: &Model, user: &User) -> Place {
        let usual = user
            .default_project_id
            .as_ref()
            .and_then(|id| lookup::project(model, &lookup::by_id(id)).ok())
            .filter(|project| {
                let target = crate::model::Target::Project(project.id.clone());
                !model.roles_held(&user.id, &target).is_empty()
            });
        match usual {
            Some(project) => Place::Project(project),
            None => Place::Nowhere,
        }
    }

    pub(super) fn unsupported_method(&self) -> ApiError {
        let mut fault = ApiError::new(
            StatusCode::UNAUTHORIZED,
            "Attempted to authenticate with an unsupported method.",
        );
        fault.identity = Some(Box::new(json!({ "methods": self.settings.methods })));
        fault
    }
}

impl Shown {
    /// A method has shown that it is this user.
    pub(super) fn add(&mut self, method: &str, user: &User) -> Result<(), ApiError> {
        match &self.user_id {
            Some(before) if *before != user.id => {
                return Err(ApiError::unauthorized(format!(
                    "{method} shows user {}, another method user {before}",
                    user.id
                )));
            }
            _ => self.user_id = Some(user.id.clone()),
        }
        self.add_method(method);
        Ok(())
    }

    pub(super) fn add_method(&mut self, method: &str) {
        if !self.methods.iter().any(|known| known == method) {
            self.methods.push(method.to_owned());
        }
    }
}

impl Place {
    pub(super) fn grant(&self, credential_id: Option<&Id>) -> Grant {
        match self {
            Self::Unsaid | Self::Nowhere => Grant::Unscoped,
            Self::System => Grant::System("all".to_owned()),
            Self::Domain(domain) => Grant::Domain(domain.id.to_string()),
            Self::Trust(trust) => Grant::Trust {
                project_id: trust.project_id.as_ref().map(ToString::to_string),
                trust_id: trust.id.to_string(),
            },
            Self::Project(project) => match credential_id {
                Some(credential) => Grant::ApplicationCredential {
                    project_id: project.id.to_string(),
                    credential_id: credential.to_string(),
                },
                None => Grant::Project(project.id.to_string()),
            },
        }
    }
}

fn usable_trust(model: &Model, id: &str, now: Timestamp) -> Result<Arc<Trust>, ApiError> {
    let trust = model
        .get::<Trust>(id)
        .filter(|trust| trust.deleted_at.is_none())
        .filter(|trust| trust.expires_at.is_none_or(|end| now < end))
        .ok_or_else(|| ApiError::unauthorized(format!("no trust is {id}")))?;
    match trust.remaining_uses {
        Some(0) => Err(ApiError::forbidden(format!(
            "No remaining uses for trust: {id}."
        ))),
        _ => Ok(Arc::clone(trust)),
    }
}

fn scope_of_credential() -> ApiError {
    let mut fault = ApiError::new(
        StatusCode::UNAUTHORIZED,
        "Error authenticating with application credential: Application credentials cannot request a scope.",
    );
    fault.identity = Some(Box::new(json!({})));
    fault
}

/// The value of a header that carries a token.
pub(super) fn header(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(super::validate::unexpected)
}
