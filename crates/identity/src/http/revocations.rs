use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answers::ok;
use super::call::{Answer, Call};
use super::error::ApiError;
use crate::model::Revocation;
use crate::policy::{Action, Facts};

/// `GET /OS-REVOKE/events`
pub(super) async fn list(call: Call) -> Answer {
    call.enforce(Action::ListRevokeEvents, &Facts::none())?;
    let since = call.query("since").map(moment).transpose()?;
    let events: Vec<Value> = call
        .model
        .all::<Revocation>()
        .into_iter()
        .filter(|event| since.is_none() || event.revoked_at >= since)
        .map(|event| view(event))
        .collect();
    let links = json!({
        "next": null,
        "self": call.site.url("/OS-REVOKE/events"),
        "previous": null,
    });
    Ok(ok(&json!({ "events": events, "links": links })))
}

fn moment(text: &str) -> Result<Timestamp, ApiError> {
    text.parse()
        .map_err(|_| ApiError::bad_request(format!("invalidate date format {text}")))
}

fn view(event: &Revocation) -> Value {
    let Revocation {
        number: _,
        audit_id,
        audit_chain_id,
        user_id,
        project_id,
        domain_id,
        role_id,
        trust_id,
        application_credential_id: _,
        issued_before,
        expires_at,
        revoked_at,
        extra: _,
    } = event;
    let text = |id: &Option<crate::model::Id>| id.as_deref().map(str::to_owned);
    let time =
        |time: &Option<Timestamp>, form: &str| time.map(|time| time.strftime(form).to_string());
    // A domain with an end is that of tokens for a domain, not one of users.
    let (domain, domain_scope) = match expires_at {
        Some(_) => (None, text(domain_id)),
        None => (text(domain_id), None),
    };
    let members = [
        ("audit_id", audit_id.clone()),
        ("audit_chain_id", audit_chain_id.clone()),
        ("user_id", text(user_id)),
        ("project_id", text(project_id)),
        ("domain_id", domain),
        ("domain_scope_id", domain_scope),
        ("role_id", text(role_id)),
        ("OS-TRUST:trust_id", text(trust_id)),
        ("expires_at", time(expires_at, "%Y-%m-%dT%H:%M:%SZ")),
        (
            "issued_before",
            time(issued_before, "%Y-%m-%dT%H:%M:%S.%6fZ"),
        ),
        ("revoked_at", time(revoked_at, "%Y-%m-%dT%H:%M:%S.%6fZ")),
    ];
    let given = members
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), Value::String(value))));
    Value::Object(given.collect::<Map<String, Value>>())
}
