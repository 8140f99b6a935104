//! What a token is worth now: whom it names, and what they may be where it counts.

use std::sync::Arc;

use jiff::Timestamp;

use crate::caller::{ApplicationCredentialUsed, Caller, TrustUsed};
use crate::http::ApiError;
use crate::model::{Actor, ApplicationCredential, Id, Model, Project, Role, Target, Trust, User};
use crate::token::{Federation, Grant, Payload};

/// A token's payload, with everything that it names found in the model.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) user: Arc<User>,
    pub(super) user_domain: Arc<Project>,
    pub(super) scope: Scope,
    pub(super) roles: Vec<Arc<Role>>,
    pub(super) trust: Option<TrustStanding>,
    pub(super) credential: Option<Arc<ApplicationCredential>>,
    pub(super) federation: Option<Federation>,
    pub(super) payload: Payload,
    pub(super) issued_at: Timestamp,
}

/// Where a token counts.
#[derive(Debug)]
pub(super) enum Scope {
    Nowhere,
    System,
    Domain(Arc<Project>),
    Project {
        project: Arc<Project>,
        domain: Arc<Project>,
    },
}

/// A trust, and those whom it is about.
#[derive(Debug)]
pub(super) struct TrustStanding {
    pub(super) trust: Arc<Trust>,
    pub(super) trustor: Arc<User>,
    pub(super) trustor_domain: Arc<Project>,
}

impl Standing {
    /// Finds what a payload names.
    ///
    /// # Errors
    /// 401: somebody may no longer be where the token counts. 403: a trust no longer carries it. 404: something is gone
    /// or disabled.
    pub(super) fn of(
        model: &Model,
        payload: Payload,
        issued_at: Timestamp,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let user = model
            .get::<User>(&payload.user_id)
            .ok_or_else(|| ApiError::no_such("user", &payload.user_id))?;
        if !user.enabled {
            return Err(ApiError::unauthorized(format!(
                "user {} is disabled",
                user.id
            )));
        }
        let user_domain = enabled_domain(model, &user.domain_id)?;
        let scope = Scope::of(model, &payload.grant)?;
        let trust = match &payload.grant {
            Grant::Trust { trust_id, .. } => Some(TrustStanding::of(model, trust_id, user, now)?),
            _ => None,
        };
        let credential = match &payload.grant {
            Grant::ApplicationCredential { credential_id, .. } => Some(
                model
                    .get::<ApplicationCredential>(credential_id)
                    .filter(|credential| credential.user_id == user.id)
                    .cloned()
                    .ok_or_else(|| no_credential(credential_id))?,
            ),
            _ => None,
        };
        let federation = match &payload.grant {
            Grant::FederatedUnscoped(federation)
            | Grant::FederatedProject(_, federation)
            | Grant::FederatedDomain(_, federation) => Some(federation.clone()),
            _ => None,
        };
        if matches!(payload.grant, Grant::Oauth1 { .. }) {
            return Err(ApiError::unauthorized("OAuth 1.0 tokens are not kept here"));
        }
        let mut standing = Self {
            user: Arc::clone(user),
            user_domain,
            scope,
            roles: Vec::new(),
            trust,
            credential,
            federation,
            payload,
            issued_at,
        };
        standing.roles = standing.roles_now(model)?;
        standing.must_have_roles()?;
        Ok(standing)
    }

    /// In whose name the token is: a trust may be in the trustor's.
    pub(super) fn named_user(&self) -> (&Arc<User>, &Arc<Project>) {
        match &self.trust {
            Some(by) if by.trust.impersonation => (&by.trustor, &by.trustor_domain),
            _ => (&self.user, &self.user_domain),
        }
    }

    pub(super) fn target(&self) -> Option<Target> {
        match &self.scope {
            Scope::Nowhere => None,
            Scope::System => Some(Target::System),
            Scope::Domain(domain) => Some(Target::Domain(domain.id.clone())),
            Scope::Project { project, .. } => Some(Target::Project(project.id.clone())),
        }
    }

    pub(super) fn project(&self) -> Option<&Arc<Project>> {
        match &self.scope {
            Scope::Project { project, .. } => Some(project),
            _ => None,
        }
    }

    pub(super) fn caller(&self, token: &str) -> Caller {
        let (user, _) = self.named_user();
        Caller {
            user_id: user.id.clone(),
            user_domain_id: user.domain_id.clone(),
            scope: self.target(),
            project_domain_id: self.project().and_then(|project| project.domain_id.clone()),
            roles: self.roles.clone(),
            methods: self.payload.methods.clone(),
            audit_id: self.payload.audit.own.clone(),
            audit_chain_id: self.payload.audit.chain.clone(),
            issued_at: self.issued_at,
            expires_at: self.payload.expires_at,
            trust: self.trust.as_ref().map(|by| TrustUsed {
                id: by.trust.id.clone(),
                trustor_id: by.trust.trustor_user_id.clone(),
                trustee_id: by.trust.trustee_user_id.clone(),
            }),
            application_credential: self.credential.as_ref().map(|credential| {
                ApplicationCredentialUsed {
                    id: credential.id.clone(),
                    unrestricted: credential.unrestricted,
                }
            }),
            token: token.into(),
        }
    }

    fn roles_now(&self, model: &Model) -> Result<Vec<Arc<Role>>, ApiError> {
        let Some(target) = self.target() else {
            return Ok(Vec::new());
        };
        if let Some(by) = &self.trust {
            return by.roles(model, &target);
        }
        let mut held = self.held(model, &target);
        if let Some(credential) = &self.credential {
            held.retain(|role| credential.role_ids.contains(&role.id));
        }
        Ok(held)
    }

    fn held(&self, model: &Model, target: &Target) -> Vec<Arc<Role>> {
        let mut held = model.roles_held(&self.user.id, target);
        let groups = self.federation.iter().flat_map(|from| &from.group_ids);
        for group in groups {
            for role in held_by_group(model, group, target) {
                if !held.iter().any(|known| known.id == role.id) {
                    held.push(role);
                }
            }
        }
        held
    }

    fn must_have_roles(&self) -> Result<(), ApiError> {
        if self.roles.is_empty() && !matches!(self.scope, Scope::Nowhere) {
            return Err(ApiError::unauthorized(format!(
                "user {} has no role at {:?}",
                self.user.id,
                self.target()
            )));
        }
        Ok(())
    }
}

impl Scope {
    fn of(model: &Model, grant: &Grant) -> Result<Self, ApiError> {
        if let Some(id) = grant.project_id() {
            let project = model
                .get::<Project>(id)
                .ok_or_else(|| ApiError::no_such("project", id))?;
            if !project.enabled {
                return Err(ApiError::not_found(format!(
                    "Unable to validate token because project {id} is disabled"
                )));
            }
            // A domain's own project is a project of itself.
            let domain = project.domain_id.as_ref().unwrap_or(&project.id);
            return Ok(Self::Project {
                project: Arc::clone(project),
                domain: enabled_domain(model, domain)?,
            });
        }
        if let Some(id) = grant.domain_id() {
            return Ok(Self::Domain(enabled_domain(model, id)?));
        }
        Ok(match grant {
            Grant::System(_) => Self::System,
            _ => Self::Nowhere,
        })
    }
}

impl TrustStanding {
    fn of(
        model: &Model,
        trust_id: &str,
        trustee: &Arc<User>,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let gone = || ApiError::no_such("trust", trust_id);
        let trust = model.get::<Trust>(trust_id).ok_or_else(gone)?;
        if trust.deleted_at.is_some() || trust.expires_at.is_some_and(|end| end <= now) {
            return Err(gone());
        }
        if trust.trustee_user_id != trustee.id {
            return Err(refused("the user is not the trust's trustee"));
        }
        let trustor = model
            .get::<User>(&trust.trustor_user_id)
            .ok_or_else(|| ApiError::no_such("user", &trust.trustor_user_id))?;
        if !trustor.enabled {
            return Err(refused("the trustor is disabled"));
        }
        Ok(Self {
            trustor_domain: enabled_domain(model, &trustor.domain_id)?,
            trustor: Arc::clone(trustor),
            trust: Arc::clone(trust),
        })
    }

    /// The trust's roles with what they imply, all of which the one who gave it first must still have.
    fn roles(&self, model: &Model, target: &Target) -> Result<Vec<Arc<Role>>, ApiError> {
        let mut wanted = self.trust.role_ids.iter().cloned().collect();
        model.add_implied(&mut wanted);
        let mut held = model.roles_given(&self.origin(model), target);
        model.add_implied(&mut held);
        if !wanted.is_subset(&held) {
            return Err(refused("the trustor has lost a role of the trust"));
        }
        Ok(wanted
            .iter()
            .filter_map(|id| model.get::<Role>(id))
            .filter(|role| role.domain_id.is_none())
            .cloned()
            .collect())
    }

    /// Who gave the trust that this one was passed on from.
    fn origin(&self, model: &Model) -> Id {
        /// Keystone allows three.
        const DEEPEST: usize = 64;
        let before = |trust: &Arc<Trust>| {
            let id = trust.redelegated_trust_id.as_ref()?;
            model.get::<Trust>(id).cloned()
        };
        std::iter::successors(Some(Arc::clone(&self.trust)), before)
            .take(DEEPEST)
            .last()
            .map_or_else(
                || self.trustor.id.clone(),
                |trust| trust.trustor_user_id.clone(),
            )
    }
}

fn held_by_group(model: &Model, group: &str, target: &Target) -> Vec<Arc<Role>> {
    let above = match target {
        Target::Project(id) => model.above(id),
        Target::Domain(_) | Target::System => Vec::new(),
    };
    let mut given = model
        .indexes()
        .assignments_of_actor
        .of(&Actor::Group(Id::from(group)))
        .filter(|assignment| match assignment.inherited {
            true => above.contains(&assignment.target),
            false => assignment.target == *target,
        })
        .map(|assignment| assignment.role_id.clone())
        .collect();
    model.add_implied(&mut given);
    given
        .iter()
        .filter_map(|id| model.get::<Role>(id))
        .filter(|role| role.domain_id.is_none())
        .cloned()
        .collect()
}

fn enabled_domain(model: &Model, id: &str) -> Result<Arc<Project>, ApiError> {
    let domain = model
        .domain(id)
        .ok_or_else(|| ApiError::no_such("domain", id))?;
    match domain.enabled {
        true => Ok(Arc::clone(domain)),
        false => Err(ApiError::not_found(format!(
            "Unable to validate token because domain {id} is disabled"
        ))),
    }
}

pub(super) fn no_credential(id: &str) -> ApiError {
    ApiError::no_such("Application Credential", id)
}

/// 403 in Keystone's words, which tell nobody why.
pub(super) fn refused(why: &str) -> ApiError {
    ApiError::forbidden("You are not authorized to perform the requested action.").because(why)
}
