//! Users who must show more than one thing: what they have shown so far is given back as a receipt.

use std::collections::BTreeSet;

use axum::response::Response;
use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Auth;
use super::authenticate::{Shown, header};
use super::body::{described_user, time_text};
use super::validate::unexpected;
use crate::http::{self as api, ApiError, Visit};
use crate::model::User;
use crate::token::{Receipt, TokenSeal};

const RECEIPT: HeaderName = HeaderName::from_static("openstack-auth-receipt");

impl Auth {
    /// Adds what an earlier attempt has shown, by the receipt that it got.
    pub(super) fn add_receipt(
        &self,
        visit: &Visit,
        shown: &mut Shown,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(text) = visit.headers.get(RECEIPT) else {
            return Ok(());
        };
        let text = text.to_str().unwrap_or_default();
        let no_such = |why: &str| {
            ApiError::new(
                StatusCode::UNAUTHORIZED,
                format!("Could not find auth receipt: {text}."),
            )
            .because(format!("receipt: {why}"))
        };
        let receipt = self
            .receipts()
            .open_receipt(text, now)
            .map_err(|fault| no_such(&fault.to_string()))?
            .content;
        if receipt.expires_at <= now {
            return Err(no_such("it has expired"));
        }
        if shown.user_id.as_deref() != Some(receipt.user_id.as_str()) {
            return Err(no_such("it is another user's"));
        }
        for method in &receipt.methods {
            shown.add_method(method);
        }
        Ok(())
    }

    /// Whether what was shown is enough for this user.
    pub(super) fn is_enough(&self, user: &User, methods: &[String]) -> bool {
        let rules = self.rules(user);
        let has = |method: &String| methods.contains(method);
        rules.is_empty() || rules.iter().any(|rule| rule.iter().all(has))
    }

    /// 401 with a receipt.
    pub(super) fn more_is_needed(
        &self,
        visit: &Visit,
        user: &User,
        methods: &[String],
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let expires_at = now
            .checked_add(self.settings().receipt_expiration)
            .map_err(unexpected)?;
        let receipt = Receipt {
            user_id: user.id.to_string(),
            methods: methods.to_vec(),
            expires_at: Timestamp::from_second(expires_at.as_second()).map_err(unexpected)?,
        };
        let (text, issued_at) = self
            .receipts()
            .seal_receipt(&receipt, now, &mut rand::rng())
            .map_err(unexpected)?;
        let domain = visit
            .model
            .domain(&user.domain_id)
            .ok_or_else(|| ApiError::unauthorized(format!("user {} has no domain", user.id)))?;
        let begun: Vec<BTreeSet<String>> = self
            .rules(user)
            .into_iter()
            .filter(|rule| rule.iter().any(|method| methods.contains(method)))
            .collect();
        let body = json!({
            "receipt": {
                "methods": methods,
                "user": described_user(user, domain),
                "expires_at": time_text(receipt.expires_at),
                "issued_at": time_text(issued_at),
            },
            "required_auth_methods": begun,
        });
        let mut answer = api::json(StatusCode::UNAUTHORIZED, &body);
        answer.headers_mut().insert(RECEIPT, header(&text)?);
        Ok(answer)
    }

    /// The user's rules, each of which names methods that are enough together. Methods that are not allowed here are
    /// left out, so that taking one away locks nobody out; rules of the wrong form are none.
    fn rules(&self, user: &User) -> Vec<BTreeSet<String>> {
        let options = &user.options;
        if options.get("multi_factor_auth_enabled") == Some(&Value::Bool(false)) {
            return Vec::new();
        }
        let rules = options
            .get("multi_factor_auth_rules")
            .and_then(Value::as_array);
        rules
            .into_iter()
            .flatten()
            .filter_map(|rule| {
                let rule = rule.as_array().filter(|rule| !rule.is_empty())?;
                let names: Option<Vec<&str>> = rule.iter().map(Value::as_str).collect();
                let allowed = names?
                    .into_iter()
                    .filter(|name| self.settings().allows(name));
                Some(allowed.map(str::to_owned).collect())
            })
            .collect()
    }

    fn receipts(&self) -> &TokenSeal {
        self.receipts.as_ref().unwrap_or(&self.seal)
    }
}
