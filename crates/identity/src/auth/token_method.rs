//! A token for a token.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Auth;
use super::authenticate::Shown;
use super::request::{SignIn, Wanted};
use super::standing::{Scope, Standing};
use super::validate::user_by_id;
use crate::http::{ApiError, Visit};

/// Methods by which somebody authenticates themselves. A token by any other was given for something narrower than all
/// that its user may do, and is not exchanged for another.
const PRIMARY: [&str; 9] = [
    "external", "kerberos", "mapped", "openid", "password", "saml2", "token", "totp", "x509",
];

impl Auth {
    /// The token that was shown: its user, its methods, its end and its chain go over to the new one.
    pub(super) fn by_token(
        &self,
        visit: &Visit,
        sign_in: &SignIn,
        shown: &mut Shown,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let id = sign_in.shown("token").get("id").and_then(Value::as_str);
        let token = id.ok_or_else(|| ApiError::expected("id", "token"))?;
        let known = self.validate(&visit.model, token, SignedDuration::ZERO, now)?;
        let standing = &known.standing;
        self.may_be_exchanged(standing, &sign_in.scope)?;
        shown.add("token", &*user_by_id(&visit.model, &standing.user.id)?)?;
        let payload = &standing.payload;
        for method in &payload.methods {
            shown.add_method(method);
        }
        shown.expires_at = shown
            .expires_at
            .into_iter()
            .chain([payload.expires_at])
            .min();
        let audit = &payload.audit;
        shown.chain = Some(audit.chain.as_ref().unwrap_or(&audit.own).clone());
        Ok(())
    }

    fn may_be_exchanged(&self, standing: &Standing, wanted: &Wanted) -> Result<(), ApiError> {
        let narrows = matches!(wanted, Wanted::Project(_) | Wanted::Domain(_));
        let methods = &standing.payload.methods;
        let is_primary = |method: &String| PRIMARY.contains(&method.as_str());
        let action = if standing.trust.is_some() {
            "Using trust-scoped token to create another token. Create a new trust-scoped token instead"
        } else if matches!(standing.scope, Scope::System) && narrows {
            "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."
        } else if methods.is_empty() || !methods.iter().all(is_primary) {
            "Using a delegated token to create another token is not allowed."
        } else if !self.settings.allow_rescope_scoped_token
            && matches!(standing.scope, Scope::Project { .. } | Scope::Domain(_))
        {
            "rescope a scoped token"
        } else {
            return Ok(());
        };
        Err(ApiError::forbidden_action(action))
    }
}
