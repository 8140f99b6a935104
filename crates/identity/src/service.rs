//! The service: its directory, its settings and what it asks others for.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use http::HeaderMap;
use jiff::Timestamp;

use crate::caller::Caller;
use crate::directory::{Change, Directory};
use crate::http::ApiError;
use crate::model::{Id, Model, Target};
use crate::server::Arrival;
use crate::token::BlobSeal;

/// Whoever reads tokens and takes them back.
pub trait Tokens: fmt::Debug + Send + Sync {
    /// What a token says, when it holds now.
    ///
    /// # Errors
    /// 401: it is no token of ours, has ended or was revoked, or what it is about is gone or disabled.
    fn caller(&self, model: &Model, token: &str, now: Timestamp) -> Result<Caller, ApiError>;

    /// Takes back tokens, as part of the change that is the reason.
    fn revoke(&self, change: &mut Change, which: &Revoked, now: Timestamp);

    /// Whoever needs no token: what the front says about their certificate is enough. `None`: a token is needed.
    fn without_token(
        &self,
        _model: &Model,
        _headers: &HeaderMap,
        _arrival: Option<Arrival>,
        _now: Timestamp,
    ) -> Option<Result<Caller, ApiError>> {
        None
    }

    /// The calls by which tokens are had.
    fn routes(self: Arc<Self>) -> Router<Arc<Service>> {
        Router::new()
    }
}

/// Which tokens are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// All of a user's, whatever they are good for.
    User(Id),
    /// A user's that are good at one place.
    UserAt(Id, Target),
    /// All that are good at one place; for a domain also its users' and those for its projects.
    At(Target),
    /// All that have a role.
    Role(Id),
    /// All by a trust.
    Trust(Id),
    /// All by an application credential.
    ApplicationCredential(Id),
}

/// How the service is reached and what it allows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients reach it, without `/v3`: `https://cloud.example.org/main`. `None`: as the request says.
    pub public_endpoint: Option<String>,
    /// The path at which it stands behind a front that does not say so: `/main`, or nothing.
    pub prefix: String,
    /// The longest list that is given; `None`: as long as it is.
    pub list_limit: Option<usize>,
    /// The largest body that is read.
    pub largest_body: usize,
    /// How many projects may stand one below the other, the domain counted.
    pub deepest_project_tree: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_endpoint: None,
            prefix: String::new(),
            list_limit: None,
            // Keystone's `max_request_body_size`.
            largest_body: 114_688,
            deepest_project_tree: 5,
        }
    }
}

/// The service behind the API.
#[derive(Debug)]
pub struct Service {
    /// What it knows.
    pub directory: Directory,
    /// How it is reached and what it allows.
    pub settings: Settings,
    /// Whoever reads tokens.
    pub tokens: Arc<dyn Tokens>,
    /// What seals credentials in the store; without it none are taken.
    pub blobs: Option<BlobSeal>,
    /// The time.
    pub clock: fn() -> Timestamp,
}

impl Service {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
