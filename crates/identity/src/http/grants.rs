use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get};

use super::answers::no_content;
use super::call::{Answer, Call};
use super::error::ApiError;
use super::list::collection;
use super::{domains, groups, projects, roles, users};
use crate::directory::Change;
use crate::model::{Actor, Assignment, Id, Model, Project, Record, Role, Target};
use crate::policy::{Action, Fact, Facts};
use crate::service::Service;

pub(super) fn routes() -> Router<Arc<Service>> {
    let mut routes = Router::new();
    for target in ["/projects/{project_id}", "/domains/{domain_id}", "/system"] {
        for actor in ["/users/{user_id}", "/groups/{group_id}"] {
            let list = format!("/v3{target}{actor}/roles");
            let one = format!("/v3{target}{actor}/roles/{{role_id}}");
            routes = routes.route(&list, get(list_plain)).route(&one, plain());
            if target != "/system" {
                let below = format!("/v3/OS-INHERIT{target}{actor}/roles");
                let list = format!("{below}/inherited_to_projects");
                let one = format!("{below}/{{role_id}}/inherited_to_projects");
                routes = routes
                    .route(&list, get(list_inherited))
                    .route(&one, inherited());
            }
        }
    }
    routes
}

fn plain() -> MethodRouter<Arc<Service>> {
    get(|call: Call| check(call, false))
        .put(|call: Call| add(call, false))
        .delete(|call: Call| remove(call, false))
}

fn inherited() -> MethodRouter<Arc<Service>> {
    get(|call: Call| check(call, true))
        .put(|call: Call| add(call, true))
        .delete(|call: Call| remove(call, true))
}

/// Who is given roles where, as the path says.
struct Ends {
    actor: Actor,
    target: Target,
    facts: Facts,
}

/// Whether somebody who is gone may still be named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gone {
    IsUnknown,
    IsAllowed,
}

fn ends(call: &Call, gone: Gone) -> Result<Ends, ApiError> {
    let mut facts = Facts::none();
    let actor = if call.path("user_id").is_empty() {
        let id = call.path("group_id");
        match groups::find(&call.model, id) {
            Ok(group) => facts = facts.with(Fact::GroupDomain, group.domain_id.clone()),
            Err(unknown) if gone == Gone::IsUnknown => return Err(unknown),
            Err(_) => {}
        }
        Actor::Group(Id::from(id))
    } else {
        let id = call.path("user_id");
        match users::find(&call.model, id) {
            Ok(user) => facts = facts.with(Fact::UserDomain, user.domain_id.clone()),
            Err(unknown) if gone == Gone::IsUnknown => return Err(unknown),
            Err(_) => {}
        }
        Actor::User(Id::from(id))
    };
    let target = target(call)?;
    facts = match &target {
        Target::Project(id) => {
            let project = call.model.get::<Project>(id);
            let domain = project.and_then(|project| project.domain_id.as_ref());
            facts.with_any(Fact::ProjectDomain, domain)
        }
        Target::Domain(id) => facts.with(Fact::Domain, id.clone()),
        Target::System => facts,
    };
    Ok(Ends {
        actor,
        target,
        facts,
    })
}

fn target(call: &Call) -> Result<Target, ApiError> {
    let (project, domain) = (call.path("project_id"), call.path("domain_id"));
    if !project.is_empty() {
        let project = projects::find(&call.model, project)?;
        Ok(Target::Project(project.id.clone()))
    } else if !domain.is_empty() {
        let domain = domains::find(&call.model, domain)?;
        Ok(Target::Domain(domain.id.clone()))
    } else {
        Ok(Target::System)
    }
}

impl Ends {
    /// The action that a policy is asked about: one for grants on projects and domains, others for the system.
    fn action(&self, plain: Action, for_user: Action, for_group: Action) -> Action {
        match (&self.target, &self.actor) {
            (Target::Project(_) | Target::Domain(_), _) => plain,
            (Target::System, Actor::User(_)) => for_user,
            (Target::System, Actor::Group(_)) => for_group,
        }
    }

    fn assignment(&self, role: &Role, inherited: bool) -> Assignment {
        Assignment {
            actor: self.actor.clone(),
            target: self.target.clone(),
            role_id: role.id.clone(),
            inherited,
        }
    }
}

async fn list_plain(call: Call) -> Answer {
    list(&call, false)
}

async fn list_inherited(call: Call) -> Answer {
    list(&call, true)
}

fn list(call: &Call, inherited: bool) -> Answer {
    let ends = ends(call, Gone::IsUnknown)?;
    let action = ends.action(
        Action::ListGrants,
        Action::ListSystemGrantsForUser,
        Action::ListSystemGrantsForGroup,
    );
    call.enforce(action, &ends.facts)?;
    let given = call.model.indexes().assignments_of_actor.of(&ends.actor);
    let meant = given.filter(|one| one.target == ends.target && one.inherited == inherited);
    let given = meant.filter_map(|one| call.model.get::<Role>(&one.role_id));
    let shown = given.map(|role| roles::render(role, &call.site)).collect();
    Ok(collection(call, "roles", shown))
}

async fn check(call: Call, inherited: bool) -> Answer {
    let role = roles::find(&call.model, call.path("role_id"))?;
    let ends = ends(&call, Gone::IsUnknown)?;
    let action = ends.action(
        Action::CheckGrant,
        Action::CheckSystemGrantForUser,
        Action::CheckSystemGrantForGroup,
    );
    call.enforce(action, &with_role(ends.facts.clone(), role))?;
    must_be_there(&call.model, &ends.assignment(role, inherited))?;
    Ok(no_content())
}

async fn add(call: Call, inherited: bool) -> Answer {
    let role = roles::find(&call.model, call.path("role_id"))?;
    let ends = ends(&call, Gone::IsUnknown)?;
    let action = ends.action(
        Action::CreateGrant,
        Action::CreateSystemGrantForUser,
        Action::CreateSystemGrantForGroup,
    );
    call.enforce(action, &with_role(ends.facts.clone(), role))?;
    let assignment = ends.assignment(role, inherited);
    call.change(move |change| {
        check_ends(change, &assignment)?;
        if change.get::<Assignment>(&assignment.key()).is_none() {
            change.put(assignment);
        }
        Ok(())
    })
    .await?;
    Ok(no_content())
}

/// What is named must still be there, and a role of a domain stays in it.
fn check_ends(change: &Change, assignment: &Assignment) -> Result<(), ApiError> {
    let role = roles::find(change, &assignment.role_id)?;
    match &assignment.actor {
        Actor::User(id) => drop(users::find(change, id)?),
        Actor::Group(id) => drop(groups::find(change, id)?),
    }
    match &assignment.target {
        Target::Project(id) => {
            let project = projects::find(change, id)?;
            if role.domain_id.is_some() && role.domain_id != project.domain_id {
                return Err(ApiError::forbidden(format!(
                    "Project {id} must be in the same domain as the role {} being assigned.",
                    role.id
                )));
            }
        }
        Target::Domain(id) => drop(domains::find(change, id)?),
        Target::System if role.domain_id.is_some() => {
            return Err(ApiError::bad_request(format!(
                "Role {} is a domain-specific role. Unable to use a domain-specific role in a system assignment.",
                role.id
            )));
        }
        Target::System => {}
    }
    Ok(())
}

async fn remove(call: Call, inherited: bool) -> Answer {
    let role = roles::find(&call.model, call.path("role_id"))?;
    let ends = ends(&call, Gone::IsAllowed)?;
    let action = ends.action(
        Action::RevokeGrant,
        Action::RevokeSystemGrantForUser,
        Action::RevokeSystemGrantForGroup,
    );
    call.enforce(action, &with_role(ends.facts.clone(), role))?;
    let assignment = ends.assignment(role, inherited);
    call.change(move |change| {
        must_be_there(change, &assignment)?;
        change.remove::<Assignment>(&assignment.key());
        Ok(())
    })
    .await?;
    Ok(no_content())
}

fn with_role(facts: Facts, role: &Role) -> Facts {
    facts.with_any(Fact::RoleDomain, role.domain_id.as_ref())
}

fn must_be_there(model: &Model, assignment: &Assignment) -> Result<(), ApiError> {
    if model.get::<Assignment>(&assignment.key()).is_some() {
        return Ok(());
    }
    let (Actor::User(actor) | Actor::Group(actor)) = &assignment.actor;
    let target = match &assignment.target {
        Target::Project(id) | Target::Domain(id) => id.as_str(),
        Target::System => "system",
    };
    let role = &assignment.role_id;
    Err(ApiError::not_found(format!(
        "Could not find role assignment with role: {role}, user or group: {actor}, project, domain, or system: {target}."
    )))
}
