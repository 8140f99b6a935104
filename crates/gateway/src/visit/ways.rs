//! The ways in, one after the other.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use kerbstone_gss::{Context, GssError, Oid, Step};
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_verify::Blame;

use super::Visit;
use crate::basic;
use crate::certificate::ClientCertificate;
use crate::entry_point::EntryPoint;
use crate::identity::{Identity, Proof, SessionProof};
use crate::negotiate::{self, Offer};
use crate::notice::Notice;
use crate::observer::SessionStep;
use crate::session::Scope;
use crate::variables::Variable;
use crate::way::Way;

/// Keystone's, which its services and clients read as well.
const X_AUTH_TOKEN: &str = "x-auth-token";

impl Visit<'_> {
    /// Takes the first way for which the request carries a proof. A bad proof is refused, whatever ways come after.
    pub(super) async fn enter(
        &mut self,
        entry_point: &EntryPoint,
        head: &Parts,
    ) -> Result<(), Notice> {
        for way in &entry_point.ways {
            self.way = Some(*way);
            let is_taken = match way {
                Way::Negotiate => self.negotiate(entry_point, head).await?,
                Way::Token => carries_token(&head.headers),
                Way::Nobody => true,
                Way::Certificate => self.certificate()?,
                Way::Basic => self.basic(entry_point, head).await?,
                Way::Session => self.session(entry_point, head),
                Way::Form => false,
            };
            if is_taken {
                return Ok(());
            }
        }
        self.way = None;
        self.asking = self.form(entry_point, head);
        Err(Notice::SignIn)
    }

    /// Finds out who comes, by the token of this very request; false if there is none.
    async fn negotiate(&mut self, entry_point: &EntryPoint, head: &Parts) -> Result<bool, Notice> {
        let most = self.table.limits.authorization_octets;
        let token = match negotiate::offer(&head.headers, most) {
            Offer::Token(token) => token,
            Offer::Nothing => return Ok(false),
            Offer::Ntlm => return Err(Notice::Ntlm),
            Offer::TooLong => return Err(Notice::TooLong),
            Offer::Malformed => return Err(Notice::NotAToken),
        };
        let (source, began) = (self.source(), Instant::now());
        let rates = &self.table.rates;
        rates
            .may_try(source, None, began)
            .map_err(Notice::TooMany)?;
        let mut negotiation = self.connection.negotiation(&self.table.acceptors, &token);
        match negotiation.step(&token, self.now).await {
            Ok(Step::Established { token, context }) => {
                rates.succeeded(source, None, began);
                self.token = token;
                let identity = self.identify(&context);
                if let Some(delegated) = negotiation.delegated(&context, self.now) {
                    self.keep_delegated(entry_point, &identity, &delegated.cache);
                }
                self.identity = Some(identity);
                Ok(true)
            }
            Ok(Step::Continue { token }) => {
                self.token = Some(token);
                self.connection.keep(negotiation);
                Err(Notice::SignIn)
            }
            Err(refused) => {
                // Its token stays here: Chromium takes one on a 401 for an invitation to go on, cannot, and comes back
                // without any, so that nobody would ever see the page that says what is wrong.
                let notice = match refused.error {
                    GssError::Mechanism(mech) if mech == Oid::NTLMSSP => Notice::Ntlm,
                    error => Notice::NotAccepted(Box::new(error)),
                };
                if notice.status() == StatusCode::UNAUTHORIZED {
                    rates.failed(source, None, began);
                }
                Err(notice)
            }
        }
    }

    fn identify(&self, context: &Context) -> Identity {
        let principal = context.initiator_name();
        Identity::of(context, self.table.local_names.of(principal))
    }

    /// Takes the certificate of the connection; false if there is none.
    fn certificate(&mut self) -> Result<bool, Notice> {
        let Some(certificate) = self.shown_certificate()? else {
            return Ok(false);
        };
        let principal = self.table.certificates.principal(&certificate);
        let principal = principal.map_err(Notice::Unmapped)?;
        self.identity = Some(Identity {
            local_name: self.table.local_names.of(&principal),
            principal,
            groups: Vec::new(),
            authenticated_at: self.now.time,
            ends_at: certificate.not_after,
            proof: Proof::Certificate(certificate),
        });
        Ok(true)
    }

    /// The certificate that came with the connection, if it is still to be believed.
    pub(super) fn shown_certificate(&self) -> Result<Option<Arc<ClientCertificate>>, Notice> {
        let shown = self.connection.certificate(self.now.time);
        shown
            .map(Option::<&Arc<_>>::cloned)
            .map_err(|why| Notice::Distrusted(why.to_string()))
    }

    /// Has the KDC asked about the password of this very request; false if there is none.
    async fn basic(&mut self, entry_point: &EntryPoint, head: &Parts) -> Result<bool, Notice> {
        let (name, password) = match basic::offer(&head.headers) {
            basic::Offer::Login { name, password } => (name, password),
            basic::Offer::Nothing => return Ok(false),
            basic::Offer::TooLong => return Err(Notice::TooLong),
            basic::Offer::Malformed => return Err(Notice::NotALogin),
        };
        let passwords = self.table.passwords.as_ref().ok_or(Notice::NoPasswords)?;
        let (source, began) = (self.source(), Instant::now());
        let rates = &self.table.rates;
        rates
            .may_try(source, Some(&name), began)
            .map_err(Notice::TooMany)?;
        let checked = passwords.check(&name, &password, self.now).await;
        let verified = checked.map_err(|fault| {
            if fault.blame() == Blame::Visitor {
                rates.failed(source, Some(&name), began);
            }
            Notice::Password(Box::new(fault))
        })?;
        rates.succeeded(source, Some(&name), began);
        let identity = Identity {
            local_name: self.table.local_names.of(&verified.principal),
            principal: verified.principal,
            groups: Vec::new(),
            authenticated_at: verified.authenticated_at,
            ends_at: verified.ends_at,
            proof: Proof::Password,
        };
        self.keep_delegated(entry_point, &identity, &verified.tickets);
        self.identity = Some(identity);
        Ok(true)
    }

    /// Keeps a ticket for the back end to go on with, where it is told of such.
    fn keep_delegated(
        &mut self,
        entry_point: &EntryPoint,
        identity: &Identity,
        cache: &CredentialCache,
    ) {
        let Some(delegation) = &self.table.delegation else {
            return;
        };
        if !entry_point.tell.contains(&Variable::DelegatedCache) {
            return;
        }
        let local_name = identity.local_name.as_deref();
        match delegation.keep(&identity.principal, local_name, cache) {
            Ok(name) => self.delegated_cache = Some(name),
            Err(error) => tracing::error!(%error, "a ticket is not passed on"),
        }
    }

    /// Goes on with a session; false if there is none, or none that opens: that counts as absent, and is forgotten.
    fn session(&mut self, entry_point: &EntryPoint, head: &Parts) -> bool {
        let Some(sessions) = &self.table.sessions else {
            return false;
        };
        let scope = Scope {
            host: self.host.as_str(),
            ways: &entry_point.ways,
        };
        match sessions.read(&head.headers, &scope, self.now.time) {
            Ok(Some(facts)) => {
                self.cookies
                    .extend(sessions.renew(&facts, &scope, self.now.time));
                self.session = Some(SessionStep::Used);
                self.delegated_cache = facts.delegated_cache;
                self.identity = Some(Identity {
                    local_name: self.table.local_names.of(&facts.principal),
                    principal: facts.principal,
                    groups: Vec::new(),
                    authenticated_at: facts.authenticated_at,
                    ends_at: facts.ends_at,
                    proof: Proof::Session(SessionProof {
                        method: facts.method,
                        began: facts.began,
                    }),
                });
                true
            }
            Ok(None) => false,
            Err(fault) => {
                self.session_fault = Some(fault);
                if fault.is_suspicious() {
                    let source = self.source();
                    self.table.rates.failed(source, None, Instant::now());
                }
                self.session = Some(SessionStep::Void);
                self.cookies.extend(sessions.forget());
                false
            }
        }
    }

    /// Lets the proof that has been shown stand for those to come, where the entry point goes on with sessions.
    pub(super) fn begin_session(&mut self, entry_point: &EntryPoint) {
        let (Some(sessions), Some(identity)) = (&self.table.sessions, &self.identity) else {
            return;
        };
        if !entry_point.has(Way::Session) || matches!(identity.proof, Proof::Session(_)) {
            return;
        }
        let scope = Scope {
            host: self.host.as_str(),
            ways: &entry_point.ways,
        };
        let begun = sessions.begin(
            identity,
            identity.proof.method(),
            self.delegated_cache.clone(),
            &scope,
            self.now.time,
        );
        if let Some(cookie) = begun {
            // Whatever was to be forgotten is replaced.
            self.cookies = vec![cookie];
            self.session = Some(SessionStep::Begun);
        }
    }
}

/// Whether there is a token that the back end can judge.
fn carries_token(headers: &HeaderMap) -> bool {
    let is_bearer = |value: &HeaderValue| {
        let scheme = value.as_bytes().trim_ascii_start();
        scheme
            .split(u8::is_ascii_whitespace)
            .next()
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    headers.contains_key(X_AUTH_TOKEN)
        || headers.get_all(header::AUTHORIZATION).iter().any(is_bearer)
}
