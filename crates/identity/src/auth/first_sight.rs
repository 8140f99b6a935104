//! Users who are made when somebody is proved to be a principal for which there is none.

use std::sync::Arc;

use super::password::is_plain_name;
use super::{Auth, lookup};
use crate::directory::Change;
use crate::http::{ApiError, Visit};
use crate::model::{Actor, Assignment, Extra, Id, Model, Project, Target, User};

/// Somebody for whom a user may be made.
#[derive(Debug, Clone)]
pub(super) struct Newcomer {
    pub(super) principal: String,
    name: String,
    domain_id: Id,
    project: Option<String>,
    roles: Vec<String>,
}

impl Auth {
    /// Whether a user of this name may be made in this domain, and as which principal.
    pub(super) fn newcomer(
        &self,
        model: &Model,
        name: &str,
        domain: &Arc<Project>,
    ) -> Option<Newcomer> {
        let allowed = self.settings.first_sight.as_ref()?;
        let is_domain = |text: &String| {
            lookup::domain_of_settings(model, text).is_some_and(|known| known.id == domain.id)
        };
        let is_open = allowed.domains.is_empty() || allowed.domains.iter().any(is_domain);
        if !is_open || !domain.enabled || !is_plain_name(name) {
            return None;
        }
        let realm = lookup::realm_of_domain(model, &self.settings, &domain.id)?;
        let principal = format!("{name}@{realm}");
        // Who is written with another user is that user.
        if model.user_by_principal(&principal).is_some() {
            return None;
        }
        Some(Newcomer {
            principal,
            name: name.to_owned(),
            domain_id: domain.id.clone(),
            project: allowed.project.clone(),
            roles: allowed.roles.clone(),
        })
    }

    /// Makes the user, with what newcomers get.
    pub(super) async fn welcome(
        &self,
        visit: &Visit,
        newcomer: Newcomer,
    ) -> Result<Arc<User>, ApiError> {
        tracing::info!(principal = %newcomer.principal, domain = %newcomer.domain_id, "a user is made at first sight");
        visit
            .change(move |change| Ok(newcomer.settle(change)))
            .await
    }
}

impl Newcomer {
    fn settle(self, change: &mut Change) -> Arc<User> {
        // Two sign-ins of the same newcomer make one user.
        if let Some(user) = change.user_by_name(&self.domain_id, &self.name) {
            return Arc::clone(user);
        }
        let project = self.project.as_ref().and_then(|text| {
            let by_name = || change.project_by_name(&self.domain_id, text);
            let found = change.get::<Project>(text).or_else(by_name)?;
            Some(found.id.clone())
        });
        let user = change.put(User {
            id: Id::random(),
            name: self.name,
            domain_id: self.domain_id,
            enabled: true,
            principal: None,
            default_project_id: project.clone(),
            options: Extra::new(),
            extra: Extra::new(),
        });
        let Some(project) = project else {
            return user;
        };
        for name in &self.roles {
            match change.role_by_name(None, name).map(|role| role.id.clone()) {
                Some(role_id) => drop(change.put(Assignment {
                    actor: Actor::User(user.id.clone()),
                    target: Target::Project(project.clone()),
                    role_id,
                    inherited: false,
                })),
                None => {
                    tracing::warn!(role = %name, "newcomers are to have a role that does not exist")
                }
            }
        }
        user
    }
}
