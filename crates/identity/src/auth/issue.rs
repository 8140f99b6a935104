//! Making tokens.

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use jiff::Timestamp;
use rand::Rng;

use super::authenticate::{Place, Shown};
use super::validate::{Known, unexpected, user_by_id};
use super::{Auth, Front};
use crate::http::{ApiError, Visit};
use crate::model::{ApplicationCredential, Model, Trust, User};
use crate::token::{AuditIds, Payload};
use axum::response::Response;

/// What a sign-in comes to.
pub(super) enum Outcome {
    Token {
        text: String,
        known: Arc<Known>,
        model: Arc<Model>,
    },
    /// More has to be shown: the answer says what.
    MoreIsNeeded(Response),
}

impl Auth {
    /// Signs somebody in.
    pub(super) async fn sign_in(&self, visit: &mut Visit) -> Result<Outcome, ApiError> {
        let now = visit.service.now();
        let front = Front::of(&visit.headers, visit.arrival);
        let sign_in = self.read(visit)?;
        let place = self.place(&visit.model, &sign_in, now)?;
        let mut shown = self.shown(visit, &sign_in, &front, now).await?;
        drop(sign_in);
        // Whoever was shown may have been made just now.
        let model = visit.service.directory.read();
        let user_id = shown.user_id.clone().unwrap_or_else(|| "".into());
        let user = user_by_id(&model, &user_id)?;
        let place = match place {
            Place::Unsaid => self.usual_place(&model, &user),
            place => place,
        };
        self.add_receipt(visit, &mut shown, now)?;
        let methods = self.in_order(&shown.methods);
        if !self.is_enough(&user, &methods) {
            return self
                .more_is_needed(visit, &user, &methods, now)
                .map(Outcome::MoreIsNeeded);
        }
        let payload = self.payload(&model, &user, &place, shown, methods, now)?;
        let (text, known) = self.issue(&model, payload, now)?;
        if let Place::Trust(trust) = &place {
            consume(visit, trust).await?;
        }
        Ok(Outcome::Token { text, known, model })
    }

    /// A token with this payload, if its user may have it.
    fn issue(
        &self,
        model: &Model,
        payload: Payload,
        now: Timestamp,
    ) -> Result<(String, Arc<Known>), ApiError> {
        let (text, issued_at) = self
            .seal
            .seal(&payload, now, &mut rand::rng())
            .map_err(unexpected)?;
        let known = self
            .known_as(model, &text, payload, issued_at, now)
            .map_err(|fault| {
                match fault.status.is_server_error() || fault.status == http::StatusCode::FORBIDDEN
                {
                    true => fault,
                    false => ApiError::unauthorized(fault.why.unwrap_or(fault.message)),
                }
            })?;
        self.remember(&text, &known);
        Ok((text, known))
    }

    fn payload(
        &self,
        model: &Model,
        user: &User,
        place: &Place,
        shown: Shown,
        methods: Vec<String>,
        now: Timestamp,
    ) -> Result<Payload, ApiError> {
        let usual = now
            .checked_add(self.settings.expiration)
            .and_then(|end| Timestamp::from_second(end.as_second()))
            .map_err(unexpected)?;
        let of_credential = shown
            .credential_id
            .as_ref()
            .and_then(|id| model.get::<ApplicationCredential>(id))
            .and_then(|credential| credential.expires_at);
        let usual = shown.expires_at.unwrap_or(usual);
        Ok(Payload {
            user_id: user.id.to_string(),
            methods,
            grant: place.grant(shown.credential_id.as_ref()),
            expires_at: of_credential.map_or(usual, |end| end.min(usual)),
            audit: AuditIds {
                own: new_audit_id(),
                chain: shown.chain,
            },
        })
    }

    /// The methods in the order in which tokens tell them.
    fn in_order(&self, methods: &[String]) -> Vec<String> {
        let place = |method: &String| {
            self.settings
                .methods
                .iter()
                .position(|known| known == method)
        };
        let mut methods = methods.to_vec();
        methods.sort_by_key(|method| std::cmp::Reverse(place(method)));
        methods
    }
}

/// One of the uses that a trust has left goes to this token.
async fn consume(visit: &Visit, trust: &Trust) -> Result<(), ApiError> {
    if trust.remaining_uses.is_none() {
        return Ok(());
    }
    let id = trust.id.clone();
    visit
        .change(move |change| {
            let Some(trust) = change.get::<Trust>(&id).cloned() else {
                return Err(ApiError::unauthorized(format!("trust {id} is gone")));
            };
            let left = match trust.remaining_uses {
                None => return Ok(()),
                Some(left) => left.checked_sub(1),
            };
            let used_up = || ApiError::forbidden(format!("No remaining uses for trust: {id}."));
            change.put(Trust {
                remaining_uses: Some(left.ok_or_else(used_up)?),
                ..(*trust).clone()
            });
            Ok(())
        })
        .await
}

fn new_audit_id() -> String {
    let mut octets = [0; 16];
    rand::rng().fill_bytes(&mut octets);
    Base64UrlUnpadded::encode_string(&octets)
}
