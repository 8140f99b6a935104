//! Signing in with the form: a name and a password arrive, the KDC is asked, a session begins.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap};
use http::{Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use kerbstone_proto::time::Timestamp;
use kerbstone_verify::{Blame, PasswordFault, Passwords, Verified};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::body::Body;
use crate::delegation::Delegation;
use crate::identity::{Identity, Method, Proof};
use crate::local_names::LocalNames;
use crate::rate::{Rates, TooMany};
use crate::session::{Scope, Sessions};
use crate::sign_in_form::{self, Form, FormFault, MOST_BODY, Typed};

/// What it takes to sign somebody in.
pub(crate) struct Desk<'a> {
    pub(crate) sessions: &'a Sessions,
    pub(crate) passwords: &'a Passwords,
    pub(crate) rates: &'a Rates,
    pub(crate) local_names: &'a LocalNames,
    /// Where tickets go that back ends may use.
    pub(crate) delegation: Option<&'a Delegation>,
    /// Where the person comes from.
    pub(crate) source: Option<IpAddr>,
    pub(crate) scope: Scope<'a>,
    pub(crate) now: Timestamp,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The way back, or the form once more.
    pub(crate) response: Response<Body>,
    /// Who it is, if it is somebody.
    pub(crate) identity: Option<Identity>,
    /// Why it is nobody, for the audit log and for counting.
    pub(crate) fault: Option<SignInFault>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInFault {
    /// What came is not our form.
    #[error(transparent)]
    Form(#[from] FormFault),
    /// The rest of it did not come.
    #[error("the form did not come through")]
    Lost,
    /// They have failed too often.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The name and the password are nobody's, or nobody knows.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// No cookie can be made for them.
    #[error("no session can begin for this person at this host")]
    NoSession,
}

impl SignInFault {
    /// In one word, for counting.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Form(FormFault::Foreign) => "foreign_form",
            Self::Form(FormFault::Stale(_)) => "stale_form",
            Self::Form(FormFault::Malformed) => "no_form",
            Self::Lost => "body_lost",
            Self::TooMany(many) => many.excess.word(),
            Self::Password(fault) => fault.word(),
            Self::NoSession => "no_session",
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Form(FormFault::Malformed) => StatusCode::BAD_REQUEST,
            Self::Form(_) => StatusCode::FORBIDDEN,
            Self::Lost => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Password(fault) => match fault.blame() {
                Blame::Visitor => StatusCode::FORBIDDEN,
                Blame::House => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::NoSession => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// One plain sentence for the person.
    const fn told(&self) -> &'static str {
        match self {
            Self::Form(FormFault::Foreign) => {
                "Another site has sent the form. Type into this one if you want to sign in."
            }
            Self::Form(FormFault::Stale(_)) => {
                "The form had lain too long, or your browser keeps no cookies for this site. Please type once more."
            }
            Self::Form(FormFault::Malformed) | Self::Lost => {
                "The form did not come through. Please type once more."
            }
            Self::TooMany(_) => "There were too many attempts. Wait a little, then try again.",
            Self::Password(fault) => fault.told(),
            Self::NoSession => "You are known, but no session can begin at this address.",
        }
    }
}

impl Desk<'_> {
    /// Takes what was sent to [`sign_in_form::place`].
    pub(crate) async fn sign_in(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        patience: Duration,
    ) -> SignedIn {
        let typed = match timeout(patience, collect(body)).await {
            Ok(Some(body)) => self.read(headers, &body),
            _ => Err(SignInFault::Lost),
        };
        let typed = match typed {
            Ok(typed) => typed,
            Err(fault) => return self.once_more(headers, None, fault),
        };
        match self.check(&typed).await {
            Ok(verified) => self.begin(headers, &typed, verified),
            Err(fault) => self.once_more(headers, Some(&typed), fault),
        }
    }

    fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Typed, SignInFault> {
        let now = self.now.time;
        Ok(sign_in_form::read(
            self.sessions,
            &self.scope,
            headers,
            body,
            now,
        )?)
    }

    async fn check(&self, typed: &Typed) -> Result<Verified, SignInFault> {
        let (name, began) = (Some(typed.name.as_str()), Instant::now());
        self.rates.may_try(self.source, name, began)?;
        let checked = self
            .passwords
            .check(&typed.name, &typed.password, self.now)
            .await;
        match &checked {
            Ok(_) => self.rates.succeeded(self.source, name, Instant::now()),
            Err(fault) if fault.blame() == Blame::Visitor => {
                self.rates.failed(self.source, name, Instant::now());
            }
            Err(_) => {}
        }
        Ok(checked?)
    }

    fn begin(&self, headers: &HeaderMap, typed: &Typed, verified: Verified) -> SignedIn {
        let identity = Identity {
            local_name: self.local_names.of(&verified.principal),
            principal: verified.principal,
            groups: Vec::new(),
            authenticated_at: verified.authenticated_at,
            ends_at: verified.ends_at,
            proof: Proof::Password,
        };
        let cache = self.delegation.and_then(|delegation| {
            let local_name = identity.local_name.as_deref();
            let kept = delegation.keep(&identity.principal, local_name, &verified.tickets);
            kept.inspect_err(|error| tracing::error!(%error, "a ticket is not passed on"))
                .ok()
        });
        let now = self.now.time;
        let session = self
            .sessions
            .begin(&identity, Method::Form, cache, &self.scope, now);
        match session {
            Some(session) => SignedIn {
                response: sign_in_form::back(self.sessions, &typed.return_to, session),
                identity: Some(identity),
                fault: None,
            },
            None => self.once_more(headers, Some(typed), SignInFault::NoSession),
        }
    }

    fn once_more(
        &self,
        headers: &HeaderMap,
        typed: Option<&Typed>,
        fault: SignInFault,
    ) -> SignedIn {
        let return_to = match (&fault, typed) {
            (_, Some(typed)) => &typed.return_to,
            (SignInFault::Form(FormFault::Stale(return_to)), None) => return_to,
            (_, None) => "/",
        };
        let form = Form {
            return_to,
            name: typed.map_or("", |typed| &typed.name),
            trouble: Some(fault.told()),
        };
        let (status, now) = (fault.status(), self.now.time);
        let mut response =
            sign_in_form::show(self.sessions, &self.scope, headers, status, &form, now);
        let retry_after = match &fault {
            SignInFault::TooMany(many) => Some(*many),
            _ => None,
        };
        if let Some(many) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, many.header());
        }
        SignedIn {
            response,
            identity: None,
            fault: Some(fault),
        }
    }
}

/// A body that is no longer than a form; nothing when it is, or does not come to its end.
async fn collect(mut body: Incoming) -> Option<Zeroizing<Vec<u8>>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(MOST_BODY));
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let data = frame.ok()?.into_data().unwrap_or_default();
        if whole.len().saturating_add(data.len()) > MOST_BODY {
            return None;
        }
        whole.extend_from_slice(&data);
    }
    Some(whole)
}
