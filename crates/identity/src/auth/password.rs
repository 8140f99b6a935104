//! Passwords, which the KDC checks.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use kerbstone_proto::time::{KerberosTime, Timestamp as WireTime};
use kerbstone_verify::{Blame, PasswordFault};
use serde_json::Value;

use super::first_sight::Newcomer;
use super::lookup::Found;
use super::request::SignIn;
use super::{Auth, lookup};
use crate::http::{ApiError, Visit};
use crate::model::{Model, Project, User};

const METHOD: &str = "password";

/// Who is to be proved.
struct Claimed {
    principal: String,
    who: Who,
}

enum Who {
    Known(Arc<User>),
    /// A user is made for them when the password is right.
    New(Newcomer),
}

impl Auth {
    /// The user whose password was shown.
    pub(super) async fn by_password(
        &self,
        visit: &Visit,
        sign_in: &SignIn,
        now: Timestamp,
    ) -> Result<Arc<User>, ApiError> {
        let shown = sign_in.user(METHOD)?;
        let claimed = self.claimed(&visit.model, shown)?;
        let passwords = self
            .passwords
            .as_ref()
            .ok_or_else(|| ApiError::unauthorized("there is nobody who checks passwords"))?;
        let password = SignIn::secret(shown.get("password").unwrap_or(&Value::Null));
        let verified = passwords
            .check(&claimed.principal, &password, wire_time(now))
            .await
            .map_err(|fault| refused(&fault, &claimed))?;
        let proved = verified.principal.to_string();
        if proved != claimed.principal {
            return Err(ApiError::unauthorized(format!(
                "{} is asked for and {proved} is proved",
                claimed.principal
            )));
        }
        match claimed.who {
            Who::Known(user) => Ok(user),
            Who::New(newcomer) => self.welcome(visit, newcomer).await,
        }
    }

    fn claimed(&self, model: &Model, shown: &Value) -> Result<Claimed, ApiError> {
        let (user, domain) = match lookup::claimed(model, shown)? {
            Found::User { user, domain } => (user, domain),
            Found::Nobody { name, domain } => return self.unknown(model, &name, &domain),
        };
        let user = lookup::usable_user(model, &user)?;
        Ok(Claimed {
            principal: self.principal_of(model, &user, &domain)?,
            who: Who::Known(user),
        })
    }

    fn unknown(
        &self,
        model: &Model,
        name: &str,
        domain: &Arc<Project>,
    ) -> Result<Claimed, ApiError> {
        let newcomer = self
            .newcomer(model, name, domain)
            .ok_or_else(|| ApiError::unauthorized(format!("no user is {name} in {}", domain.id)))?;
        Ok(Claimed {
            principal: newcomer.principal.clone(),
            who: Who::New(newcomer),
        })
    }

    /// The principal whose password is the user's.
    fn principal_of(
        &self,
        model: &Model,
        user: &User,
        domain: &Project,
    ) -> Result<String, ApiError> {
        if let Some(principal) = &user.principal {
            return Ok(principal.clone());
        }
        lookup::realm_of_domain(model, &self.settings, &domain.id)
            .filter(|_| is_plain_name(&user.name))
            .map(|realm| format!("{}@{realm}", user.name))
            .ok_or_else(|| {
                ApiError::unauthorized(format!("user {} is no principal of a realm", user.id))
            })
    }
}

/// Whether a name, with a realm behind it, is a principal of one component.
pub(super) fn is_plain_name(name: &str) -> bool {
    let is_special = |c: char| matches!(c, '@' | '/' | '\\') || c.is_control() || c.is_whitespace();
    !name.is_empty() && name.len() <= 255 && !name.contains(is_special)
}

fn refused(fault: &PasswordFault, claimed: &Claimed) -> ApiError {
    let why = format!("{}: {fault}", claimed.principal);
    match (fault, &claimed.who) {
        (PasswordFault::Expired, Who::Known(user)) => ApiError::new(
            StatusCode::UNAUTHORIZED,
            format!(
                "The password is expired and needs to be changed for user: {}.",
                user.id
            ),
        )
        .because(why),
        _ if fault.blame() == Blame::Visitor => ApiError::unauthorized(why),
        _ => {
            let mut answer =
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, fault.told()).because(why);
            if let Some(after) = fault.retry_after() {
                answer =
                    answer.with_header(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
            }
            answer
        }
    }
}

fn wire_time(now: Timestamp) -> WireTime {
    let micros = u32::try_from(now.subsec_microsecond()).unwrap_or_default();
    WireTime::new(KerberosTime::from_unix(now.as_second()), micros)
}
