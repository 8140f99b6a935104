use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{expiry, is_delegated, role_choice};
use crate::caller::Caller;
use crate::directory::Change;
use crate::http::answers::{created, no_content, ok};
use crate::http::attributes::{take_flag, take_id};
use crate::http::call::{Answer, Call};
use crate::http::error::ApiError;
use crate::http::list::collection;
use crate::http::python::repr;
use crate::http::schema::{self, Field, Form};
use crate::http::site::Site;
use crate::model::{Extra, Id, Model, Project, Role, Target, Trust, User};
use crate::policy::{Action, Fact, Facts};
use crate::service::{Revoked, Service};

/// How often a trust may be passed on at most, and is when nothing else is said.
const MOST_REDELEGATIONS: u32 = 3;
/// So many trusts may come one of the other; more is a loop in what was stored.
const LONGEST_CHAIN: usize = 16;

const FIELDS: &[Field] = &[
    ("trustor_user_id", Form::Text),
    ("trustee_user_id", Form::Text),
    ("impersonation", Form::Flag),
    ("project_id", Form::IdOrNull),
    ("expires_at", Form::TextOrNull),
    ("roles", Form::List),
];
const REQUIRED: &[&str] = &["trustor_user_id", "trustee_user_id", "impersonation"];

/// `POST /OS-TRUST/trusts`
pub(super) async fn create(call: Call) -> Answer {
    let wanted = call.member("trust");
    let trustor = wanted.get("trustor_user_id").and_then(Value::as_str);
    let facts = match trustor {
        Some(trustor) => Facts::none().with(Fact::Trustor, trustor),
        None => Facts::none(),
    };
    call.enforce(Action::CreateTrust, &facts)?;
    let wanted = Wanted::read(wanted, &call.model, call.service.now())?;
    check_own_token(&call.caller)?;
    let (caller, now) = (call.caller.clone(), call.service.now());
    let trust = call
        .change(move |change| make(change, wanted, &caller, now))
        .await?;
    let model = call.service.directory.read();
    Ok(created(
        &json!({ "trust": whole(&trust, &model, &call.site) }),
    ))
}

/// `GET /OS-TRUST/trusts`
pub(super) async fn list(call: Call) -> Answer {
    let (trustor, trustee) = (call.query("trustor_user_id"), call.query("trustee_user_id"));
    let (action, facts) = match (trustor, trustee) {
        (Some(trustor), _) => (
            Action::ListTrustsForTrustor,
            Facts::none().with(Fact::Trustor, trustor),
        ),
        (None, Some(trustee)) => (
            Action::ListTrustsForTrustee,
            Facts::none().with(Fact::Trustee, trustee),
        ),
        (None, None) => (Action::ListTrusts, Facts::none()),
    };
    call.enforce(action, &facts)?;
    check_own_token(&call.caller)?;
    let is_meant = |trust: &Trust| match (trustor, trustee) {
        (Some(trustor), _) => trust.trustor_user_id == *trustor,
        (None, Some(trustee)) => trust.trustee_user_id == *trustee,
        (None, None) => true,
    };
    let trusts = call.model.all::<Trust>().into_iter();
    let views = trusts
        .filter(|trust| trust.deleted_at.is_none() && is_meant(trust))
        .map(|trust| Value::Object(view(trust, &call.site)))
        .collect();
    Ok(collection(&call, "trusts", views))
}

/// `GET /OS-TRUST/trusts/{trust_id}`
pub(super) async fn show(call: Call) -> Answer {
    let trust = asked_for(&call, Action::GetTrust)?;
    Ok(ok(
        &json!({ "trust": whole(&trust, &call.model, &call.site) }),
    ))
}

/// `DELETE /OS-TRUST/trusts/{trust_id}`
pub(super) async fn delete(call: Call) -> Answer {
    let trust = asked_for(&call, Action::DeleteTrust)?;
    let service = Arc::clone(&call.service);
    call.change(move |change| {
        take_back(change, &service, &trust.id, service.now());
        Ok(())
    })
    .await?;
    Ok(no_content())
}

/// `GET /OS-TRUST/trusts/{trust_id}/roles`
pub(super) async fn roles(call: Call) -> Answer {
    let trust = asked_for(&call, Action::ListRolesForTrust)?;
    let views = role_choice::views(&trust.role_ids, &call.model, Some(&call.site));
    Ok(collection(&call, "roles", views))
}

/// `GET /OS-TRUST/trusts/{trust_id}/roles/{role_id}`
pub(super) async fn role(call: Call) -> Answer {
    let trust = asked_for(&call, Action::GetRoleForTrust)?;
    let id = call.path("role_id");
    let role = call
        .model
        .get::<Role>(id)
        .filter(|role| trust.role_ids.contains(&role.id))
        .ok_or_else(|| ApiError::no_such("role", id))?;
    let view = role_choice::view(role, Some(&call.site));
    Ok(ok(&json!({ "role": view })))
}

/// The trust of the path, when it can still be used and the caller may do this with it.
fn asked_for(call: &Call, action: Action) -> Result<Arc<Trust>, ApiError> {
    let trust = usable(&call.model, call.path("trust_id"), call.service.now())?;
    let facts = Facts::none()
        .with(Fact::Trustor, trust.trustor_user_id.clone())
        .with(Fact::Trustee, trust.trustee_user_id.clone());
    call.enforce(action, &facts)?;
    check_own_token(&call.caller)?;
    Ok(trust)
}

fn usable(model: &Model, id: &str, now: Timestamp) -> Result<Arc<Trust>, ApiError> {
    let trust = model.get::<Trust>(id).filter(|trust| {
        trust.deleted_at.is_none()
            && trust.expires_at.is_none_or(|end| end >= now)
            && trust.remaining_uses != Some(0)
    });
    trust.cloned().ok_or_else(|| ApiError::no_such("trust", id))
}

/// An application credential, which holds less than its user does, cannot have itself trusted with more.
fn check_own_token(caller: &Caller) -> Result<(), ApiError> {
    match is_delegated(caller) {
        true => Err(ApiError::forbidden_action(
            "Delegated tokens cannot manage trusts.",
        )),
        false => Ok(()),
    }
}

/// A trust that somebody wants to give.
struct Wanted {
    trust: Trust,
    may_redelegate: bool,
    redelegations: Option<u32>,
}

impl Wanted {
    fn read(value: Value, model: &Model, now: Timestamp) -> Result<Self, ApiError> {
        let mut wanted = schema::for_create(value, FIELDS, REQUIRED)?;
        let remaining_uses = number(&wanted, "remaining_uses", 1)?;
        let redelegations = number(&wanted, "redelegation_count", 0)?;
        let project_id = take_id(&mut wanted, "project_id");
        let role_ids = role_choice::chosen(wanted.get("roles"), model)?;
        if project_id.is_some() && role_ids.is_empty() {
            return Err(ApiError::forbidden_action(
                "At least one role should be specified",
            ));
        }
        Ok(Self {
            may_redelegate: take_flag(&mut wanted, "allow_redelegation").unwrap_or(false)
                && redelegations != Some(0),
            redelegations,
            trust: Trust {
                id: Id::random(),
                trustor_user_id: take_id(&mut wanted, "trustor_user_id").unwrap_or("".into()),
                trustee_user_id: take_id(&mut wanted, "trustee_user_id").unwrap_or("".into()),
                project_id,
                impersonation: take_flag(&mut wanted, "impersonation").unwrap_or(false),
                role_ids,
                expires_at: expiry::read(wanted.get("expires_at"), now)?,
                remaining_uses,
                redelegation_count: 0,
                redelegated_trust_id: None,
                deleted_at: None,
                extra: Extra::new(),
            },
        })
    }
}

fn number(wanted: &Map<String, Value>, name: &str, least: u64) -> Result<Option<u32>, ApiError> {
    let value = match wanted.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let refused =
        |words: String| ApiError::bad_request(format!("Invalid input for field '{name}': {words}"));
    if !value.is_i64() && !value.is_u64() {
        let words = format!("{} is not of type 'integer', 'null'", repr(value));
        return Err(refused(words));
    }
    match value.as_u64().filter(|number| *number >= least) {
        Some(number) => Ok(Some(u32::try_from(number).unwrap_or(u32::MAX))),
        None => {
            let words = format!("{} is less than the minimum of {least}", repr(value));
            Err(refused(words))
        }
    }
}

fn make(
    change: &mut Change,
    wanted: Wanted,
    caller: &Caller,
    now: Timestamp,
) -> Result<Arc<Trust>, ApiError> {
    let Wanted {
        mut trust,
        may_redelegate,
        redelegations,
    } = wanted;
    let trustee = &trust.trustee_user_id;
    if change.get::<User>(trustee).is_none() {
        return Err(ApiError::no_such("user", trustee));
    }
    check_roles(change, &trust)?;
    if may_redelegate {
        if redelegations.is_some_and(|count| count > MOST_REDELEGATIONS) {
            return Err(forbidden("more redelegations were asked for than may be"));
        }
        if trust.remaining_uses.is_some() {
            return Err(ApiError::bad_request(
                "remaining_uses must not be set if redelegation is allowed",
            ));
        }
    }
    trust.redelegation_count = match may_redelegate {
        true => redelegations.unwrap_or(MOST_REDELEGATIONS),
        false => 0,
    };
    if let Some(used) = &caller.trust {
        let parent = usable(change, &used.id, now)?;
        if may_redelegate {
            let left = parent.redelegation_count.saturating_sub(1);
            if redelegations.is_some_and(|count| count != left && count != 0) {
                return Err(forbidden("the count of redelegations is not the next one"));
            }
            trust.redelegation_count = left;
        }
        trust.redelegated_trust_id = Some(parent.id.clone());
        for above in pedigree(change, parent, now)? {
            check_redelegation(&above, &mut trust)?;
        }
    }
    Ok(change.put(trust))
}

/// Nobody hands on roles that they have not themselves; those of one domain may be handed on too.
fn check_roles(model: &Model, trust: &Trust) -> Result<(), ApiError> {
    let Some(project) = &trust.project_id else {
        return Ok(());
    };
    let is_project = |project: &&Arc<Project>| !project.is_domain;
    if model.get::<Project>(project).filter(is_project).is_none() {
        return Err(ApiError::no_such("project", project));
    }
    let target = Target::Project(project.clone());
    let mut held: BTreeSet<Id> = model.roles_given(&trust.trustor_user_id, &target);
    model.add_implied(&mut held);
    match trust.role_ids.iter().find(|role| !held.contains(*role)) {
        Some(role) => Err(ApiError::no_such("role", role)),
        None => Ok(()),
    }
}

/// A trust and those that it was passed on from, nearest first; each must hold.
fn pedigree(model: &Model, trust: Arc<Trust>, now: Timestamp) -> Result<Vec<Arc<Trust>>, ApiError> {
    let mut chain = vec![trust];
    while let Some(above) = chain
        .last()
        .and_then(|last| last.redelegated_trust_id.clone())
    {
        if chain.len() >= LONGEST_CHAIN {
            return Err(forbidden("the trust's pedigree has no end"));
        }
        chain.push(usable(model, &above, now)?);
    }
    Ok(chain)
}

/// What is passed on is no more than what was given.
fn check_redelegation(above: &Trust, below: &mut Trust) -> Result<(), ApiError> {
    let fault = if above.redelegation_count == 0 {
        "the trust must not be passed on"
    } else if below.remaining_uses.is_some() {
        "a trust that is passed on has no limit of uses"
    } else if !below
        .role_ids
        .iter()
        .all(|role| above.role_ids.contains(role))
    {
        "some of the roles are not in the trust that is passed on"
    } else if below.impersonation && !above.impersonation {
        "the trust that is passed on does not impersonate"
    } else if below.project_id != above.project_id {
        "the trust that is passed on is for another project"
    } else {
        match (above.expires_at, below.expires_at) {
            (Some(end), Some(wanted)) if wanted > end => {
                "it would outlive the trust that is passed on"
            }
            (Some(end), None) => {
                below.expires_at = Some(end);
                return Ok(());
            }
            _ => return Ok(()),
        }
    };
    Err(forbidden(fault))
}

/// Keystone says this much and no more.
fn forbidden(why: &str) -> ApiError {
    ApiError::forbidden("You are not authorized to perform the requested action.").because(why)
}

/// Takes a trust back, with those that it was passed on as, and every token by them.
fn take_back(change: &mut Change, service: &Service, id: &str, now: Timestamp) {
    let mut open = vec![Id::from(id)];
    while let Some(id) = open.pop() {
        let below = change.all::<Trust>().into_iter();
        let below = below.filter(|trust| trust.redelegated_trust_id.as_ref() == Some(&id));
        open.extend(below.map(|trust| trust.id.clone()));
        if change.remove::<Trust>(&id).is_some() {
            service.tokens.revoke(change, &Revoked::Trust(id), now);
        }
    }
}

fn view(trust: &Trust, site: &Site) -> Map<String, Value> {
    let view = json!({
        "id": trust.id,
        "trustor_user_id": trust.trustor_user_id,
        "trustee_user_id": trust.trustee_user_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "expires_at": expiry::zoned(trust.expires_at),
        "deleted_at": expiry::zoned(trust.deleted_at),
        "remaining_uses": trust.remaining_uses,
        "redelegation_count": trust.redelegation_count,
        "redelegated_trust_id": trust.redelegated_trust_id,
        "links": { "self": site.url(&format!("/OS-TRUST/trusts/{}", trust.id)) },
    });
    match view {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn whole(trust: &Trust, model: &Model, site: &Site) -> Value {
    let mut view = view(trust, site);
    let roles = role_choice::views(&trust.role_ids, model, Some(site));
    view.insert("roles".to_owned(), Value::Array(roles));
    let url = site.url(&format!("/OS-TRUST/trusts/{}/roles", trust.id));
    let links = json!({ "self": url, "next": null, "previous": null });
    view.insert("roles_links".to_owned(), links);
    Value::Object(view)
}
