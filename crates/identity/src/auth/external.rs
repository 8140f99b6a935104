//! Whoever the front has let in: by Kerberos, by a certificate, or by whatever it does.

use std::sync::Arc;

use jiff::Timestamp;

use super::lookup::Found;
use super::{Auth, Front, lookup};
use crate::http::{ApiError, Visit};
use crate::model::{Model, Project, User};

impl Auth {
    /// The user whom the front names, when it has let them in by what the method asks for.
    pub(super) async fn external(
        &self,
        visit: &Visit,
        front: &Front,
        method: &str,
        _now: Timestamp,
    ) -> Result<Arc<User>, ApiError> {
        let name = front
            .user
            .as_deref()
            .ok_or_else(|| ApiError::unauthorized("the front names no user"))?;
        match method {
            "kerberos" if front.auth_type.as_deref() != Some("Negotiate") => {
                return Err(ApiError::unauthorized("AUTH_TYPE is not Negotiate"));
            }
            "x509" | "mapped"
                if front.certificate_subject.is_none() && front.certificate_issuer.is_none() =>
            {
                return Err(ApiError::unauthorized("the front tells of no certificate"));
            }
            _ => {}
        }
        let model = &visit.model;
        match self.user_of_front(model, front, name)? {
            Found::User { user, .. } => lookup::usable_user(model, &user),
            Found::Nobody { name, domain } => match self.newcomer(model, &name, &domain) {
                Some(newcomer)
                    if front
                        .principal
                        .as_ref()
                        .is_none_or(|p| *p == newcomer.principal) =>
                {
                    self.welcome(visit, newcomer).await
                }
                _ => Err(ApiError::unauthorized(format!(
                    "no user is {name} in {}",
                    domain.id
                ))),
            },
        }
    }

    /// By the principal that is written with a user; else by the name and the domain that the front says, else the
    /// realm's domain, else the default domain.
    pub(super) fn user_of_front(
        &self,
        model: &Model,
        front: &Front,
        name: &str,
    ) -> Result<Found, ApiError> {
        let principal = front
            .principal
            .as_deref()
            .or(name.contains('@').then_some(name));
        if let Some(principal) = principal
            && let Some(user) = model.user_by_principal(principal)
        {
            let domain = lookup::domain(model, &lookup::by_id(&user.domain_id))?;
            let user = Arc::clone(user);
            return Ok(Found::User { user, domain });
        }
        let (local, realm) = match name.rsplit_once('@') {
            Some((local, realm)) => (local, Some(realm)),
            None => (name, None),
        };
        let realm = realm.or_else(|| {
            let (_, realm) = front.principal.as_deref()?.rsplit_once('@')?;
            Some(realm)
        });
        let (name, domain) = match (&front.domain, realm) {
            (Some(domain), _) => (name, model.domain_by_name(domain)),
            // Where realms have domains, a principal of another realm is nobody here, whatever the front calls it.
            (None, Some(realm)) if !self.settings.realms.is_empty() => {
                (local, lookup::domain_of_realm(model, &self.settings, realm))
            }
            (None, _) => (name, self.default_domain(model)),
        };
        let domain = domain.ok_or_else(|| {
            ApiError::unauthorized(format!("{name} is of no domain that is known"))
        })?;
        let Some(user) = model.user_by_name(&domain.id, name) else {
            return Ok(Found::Nobody {
                name: name.to_owned(),
                domain: Arc::clone(domain),
            });
        };
        // A user who is somebody else's principal is not found by a name that happens to be the same.
        match (&user.principal, principal) {
            (Some(theirs), Some(shown)) if theirs != shown => Err(ApiError::unauthorized(format!(
                "user {} is {theirs}, not {shown}",
                user.id
            ))),
            _ => Ok(Found::User {
                user: Arc::clone(user),
                domain: Arc::clone(domain),
            }),
        }
    }

    fn default_domain<'m>(&self, model: &'m Model) -> Option<&'m Arc<Project>> {
        lookup::domain_of_settings(model, &self.settings.default_domain)
    }
}
