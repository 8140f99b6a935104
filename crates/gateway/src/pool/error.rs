//! Why a request has no answer from a pool, or a pool cannot be.

use std::time::Duration;

use http::StatusCode;

use crate::body::BodyError;
use crate::notice::Words;
use crate::transport::BadAnswer;

/// Why a request has no answer from a pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Every member is down, or kept out by command.
    #[error("no member of {pool} is up")]
    NobodyUp {
        /// Which pool.
        pool: String,
        /// When to come again.
        retry_after: Duration,
    },
    /// As many requests wait already as may.
    #[error("the queue of {pool} is full")]
    QueueFull {
        /// Which pool.
        pool: String,
        /// When to come again.
        retry_after: Duration,
    },
    /// No place was free in time.
    #[error("no place at {pool} in {} ms", waited.as_millis())]
    QueuedTooLong {
        /// Which pool.
        pool: String,
        /// How long it was waited.
        waited: Duration,
        /// When to come again.
        retry_after: Duration,
    },
    /// A member cannot be reached.
    #[error("{member} cannot be reached: {why}")]
    Unreachable {
        /// Which.
        member: String,
        /// What the system or TLS says.
        why: String,
    },
    /// A member does not take a connection in time.
    #[error("{member} takes no connection in {} ms", limit.as_millis())]
    ConnectSlow {
        /// Which.
        member: String,
        /// How long it had.
        limit: Duration,
    },
    /// A member does not begin to answer in time.
    #[error("{member} has not begun to answer in {} ms", limit.as_millis())]
    AnswerSlow {
        /// Which.
        member: String,
        /// How long it had.
        limit: Duration,
    },
    /// A member closed the connection without an answer.
    #[error("{member} closed the connection without an answer: {why}")]
    Closed {
        /// Which.
        member: String,
        /// What the system says.
        why: String,
    },
    /// A member's answer is none.
    #[error("{member} sent no proper answer: {why}")]
    Malformed {
        /// Which.
        member: String,
        /// What is wrong with it.
        why: BadAnswer,
    },
    /// What the request says is more than the uwsgi protocol can carry.
    #[error("the headers come to {octets} octets, and uwsgi carries 65535")]
    HeadTooLong {
        /// How many there are.
        octets: usize,
    },
    /// Something in the request cannot stand in a header of HTTP/1.1.
    #[error("the request cannot be written down: {0}")]
    Unspeakable(&'static str),
    /// A body of unknown length is longer than what is held back for a member that must know its length.
    #[error("{member} must be told the length of a body first")]
    LengthRequired {
        /// Which.
        member: String,
    },
    /// The client did not send the rest.
    #[error("the rest of the request did not come: {0}")]
    BodyLost(#[source] BodyError),
}

impl PoolError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NobodyUp { .. } | Self::QueueFull { .. } | Self::QueuedTooLong { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Unreachable { .. } | Self::Closed { .. } | Self::Malformed { .. } => {
                StatusCode::BAD_GATEWAY
            }
            Self::ConnectSlow { .. } | Self::AnswerSlow { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::HeadTooLong { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Unspeakable(_) => StatusCode::BAD_REQUEST,
            Self::LengthRequired { .. } => StatusCode::LENGTH_REQUIRED,
            Self::BodyLost(error) if error.is_malformed() => StatusCode::BAD_REQUEST,
            Self::BodyLost(_) => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// What `Retry-After` says.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NobodyUp { retry_after, .. }
            | Self::QueueFull { retry_after, .. }
            | Self::QueuedTooLong { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// For the person. No address of a member is in it.
    pub fn words(&self) -> Words {
        const AGAIN: &str =
            "Try again in a moment; if it stays so, tell whoever looks after the application.";
        let (title, why, advice) = match self {
            Self::NobodyUp { .. } => (
                "The application is not there",
                "You are let in, but none of the servers behind this address works at present.",
                AGAIN,
            ),
            Self::QueueFull { .. } | Self::QueuedTooLong { .. } => (
                "The application is busy",
                "You are let in, but more people ask than the application can answer at once.",
                "Try again in a moment.",
            ),
            Self::Unreachable { .. } | Self::ConnectSlow { .. } => (
                "The application does not answer",
                "You are let in, but nothing listens where the application should be.",
                AGAIN,
            ),
            Self::AnswerSlow { .. } => (
                "The application takes too long",
                "You are let in, but the application has not begun to answer in time.",
                AGAIN,
            ),
            Self::Closed { .. } => (
                "The application gave no answer",
                "You are let in, but the application hung up before it had answered.",
                AGAIN,
            ),
            Self::Malformed { .. } => (
                "The application's answer makes no sense",
                "You are let in, but what the application sent is no proper answer, and is not passed on.",
                AGAIN,
            ),
            Self::HeadTooLong { .. } => (
                "The request's headers are too long",
                "They are longer than what the application can be sent.",
                "Delete this site's cookies, and load the page again.",
            ),
            Self::Unspeakable(_) => (
                "The request cannot be passed on",
                "Something in it cannot stand in a request.",
                "Ask for the page by its plain address.",
            ),
            Self::LengthRequired { .. } => (
                "The request must say how long it is",
                "The application takes no long body of unknown length.",
                "Send a Content-Length.",
            ),
            Self::BodyLost(error) if error.is_malformed() => (
                "The request cannot be read",
                "Its body is not in the form that it says.",
                "Send it again, with another program if it stays so.",
            ),
            Self::BodyLost(_) => (
                "The request did not come through",
                "The rest of it never arrived.",
                "Send it again.",
            ),
        };
        Words {
            title,
            why: why.to_owned(),
            advice: vec![advice.to_owned()],
        }
    }
}

/// Why pools are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPool {
    /// Two pools have one name.
    #[error("two pools are called {0}")]
    Twice(String),
    /// Nobody is in it.
    #[error("the pool {0} has no member")]
    Empty(String),
    /// Two members have one name.
    #[error("the pool {pool} has two members called {member}")]
    MemberTwice {
        /// Which pool.
        pool: String,
        /// Which name.
        member: String,
    },
    /// Something about a member cannot be meant so.
    #[error("the pool {pool}, member {member}: {why}")]
    Member {
        /// Which pool.
        pool: String,
        /// Which member.
        member: String,
        /// What.
        why: String,
    },
    /// Something about the pool cannot be meant so.
    #[error("the pool {pool}: {why}")]
    Settings {
        /// Which pool.
        pool: String,
        /// What.
        why: String,
    },
}

/// A command names what is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pool {pool} has no member called {member}; it has {known}")]
pub struct NoSuchMember {
    /// Which pool.
    pub pool: String,
    /// Which name.
    pub member: String,
    /// The names that there are.
    pub known: String,
}
