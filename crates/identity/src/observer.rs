//! What whoever runs the service sees of a request: one event for each, when its answer is ready.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::server::Arrival;

/// A request that was answered. Nothing in it is secret: tokens travel in headers, passwords in bodies.
#[derive(Debug)]
pub struct Event<'a> {
    /// Where it came from.
    pub arrival: Arrival,
    /// Its method.
    pub method: &'a Method,
    /// Its path, without a query.
    pub path: &'a str,
    /// The answer's status.
    pub status: StatusCode,
    /// The id by which the client can ask about it.
    pub request_id: Option<&'a str>,
    /// What the one who answered wants to have written down.
    pub note: Option<&'a Note>,
    /// From the whole head to the head of the answer.
    pub took: Duration,
}

/// What the one who answers wants to have written down; it goes into the answer's extensions.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// The id of the user who asked, or who got a token.
    pub user: Option<String>,
    /// The audit id of the token that was shown or made.
    pub audit_id: Option<String>,
    /// How a token was earned, methods separated by commas.
    pub methods: Option<String>,
    /// Why it was refused: more than the client is told.
    pub why: Option<String>,
}

/// Is told what happened.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request was answered.
    fn answered(&self, event: &Event<'_>);
    /// A connection was turned away, because there are too many.
    fn turned_away(&self);
}
