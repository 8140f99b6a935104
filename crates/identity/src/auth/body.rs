//! The body of an answer that describes a token.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::settings::AuthSettings;
use super::standing::{Scope, Standing};
use crate::model::{AccessRule, Model, Project, User};

/// A token as JSON text without its end, to which a catalog may be added.
#[derive(Debug, Clone)]
pub(super) struct TokenText(String);

impl TokenText {
    pub(super) fn of(model: &Model, settings: &AuthSettings, standing: &Standing) -> Self {
        let mut text = json!({ "token": described(model, settings, standing) }).to_string();
        // "}}" is put back with or without a catalog before it.
        text.truncate(text.len().saturating_sub(2));
        Self(text)
    }

    /// The whole body.
    pub(super) fn with_catalog(&self, catalog: Option<&str>) -> String {
        let catalog = catalog.map(|catalog| [",\"catalog\":", catalog]);
        let parts = catalog.iter().flatten().copied();
        let mut body = String::with_capacity(
            self.0
                .len()
                .saturating_add(16)
                .saturating_add(parts.clone().map(str::len).sum()),
        );
        body.push_str(&self.0);
        body.extend(parts);
        body.push_str("}}");
        body
    }
}

/// `2026-01-31T12:00:00.000000Z`: Keystone never tells fractions.
pub(super) fn time_text(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    format!("{whole:.6}")
}

fn described(model: &Model, settings: &AuthSettings, standing: &Standing) -> Value {
    let payload = &standing.payload;
    let mut token = Map::new();
    let mut add = |key: &str, value: Value| drop(token.insert(key.to_owned(), value));
    add("methods", json!(payload.methods));
    add("user", user(standing));
    let audit_ids: Vec<&str> = std::iter::once(payload.audit.own.as_str())
        .chain(payload.audit.chain.as_deref())
        .collect();
    add("audit_ids", json!(audit_ids));
    add("expires_at", json!(time_text(payload.expires_at)));
    add("issued_at", json!(time_text(standing.issued_at)));
    match &standing.scope {
        Scope::Nowhere => {}
        Scope::System => add("system", json!({ "all": true })),
        Scope::Domain(domain) => add("domain", named(domain)),
        Scope::Project { project, domain } => {
            let domain_of = named(domain);
            add(
                "project",
                json!({ "domain": domain_of, "id": project.id, "name": project.name }),
            );
            if standing.trust.is_none() {
                add("is_domain", json!(project.is_domain));
                if let Some((name, domain_name)) = &settings.admin_project {
                    let is_it = project.name == *name && domain.name == *domain_name;
                    add("is_admin_project", json!(is_it));
                }
            }
        }
    }
    if !matches!(standing.scope, Scope::Nowhere) {
        let roles: Value = standing
            .roles
            .iter()
            .map(|role| json!({ "id": role.id, "name": role.name }))
            .collect();
        add("roles", roles);
    }
    if let Some(by) = &standing.trust {
        add(
            "OS-TRUST:trust",
            json!({
                "id": by.trust.id,
                "trustor_user": { "id": by.trust.trustor_user_id },
                "trustee_user": { "id": by.trust.trustee_user_id },
                "impersonation": by.trust.impersonation,
            }),
        );
    }
    if let Some(credential) = &standing.credential {
        let mut described = json!({
            "id": credential.id,
            "name": credential.name,
            "restricted": !credential.unrestricted,
        });
        if let Some(rules) = &credential.access_rule_ids
            && !rules.is_empty()
        {
            described["access_rules"] = rules
                .iter()
                .filter_map(|id| model.get::<AccessRule>(id))
                .map(|rule| access_rule(rule))
                .collect();
        }
        add("application_credential", described);
    }
    Value::Object(token)
}

fn user(standing: &Standing) -> Value {
    let (user, domain) = standing.named_user();
    let mut described = described_user(user, domain);
    match &standing.federation {
        Some(federation) => {
            let groups: Vec<Value> = federation
                .group_ids
                .iter()
                .map(|id| json!({ "id": id }))
                .collect();
            described["OS-FEDERATION"] = json!({
                "groups": groups,
                "identity_provider": { "id": federation.identity_provider_id },
                "protocol": { "id": federation.protocol_id },
            });
        }
        // Passwords are the KDC's affair, and so is their end.
        None => described["password_expires_at"] = Value::Null,
    }
    described
}

pub(super) fn described_user(user: &User, domain: &Project) -> Value {
    json!({ "domain": named(domain), "id": user.id, "name": user.name })
}

fn named(project: &Project) -> Value {
    json!({ "id": project.id, "name": project.name })
}

fn access_rule(rule: &AccessRule) -> Value {
    json!({ "id": rule.id, "service": rule.service, "path": rule.path, "method": rule.method })
}
