//! What came of a step.

use serde::Serialize;

use crate::up::{GATEWAY, GSS, IDENTITY, KDC};

/// A way into a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// Signing in, service tickets, passwords.
    Kdc,
    /// Contexts and protected messages.
    Gss,
    /// Web pages.
    Gateway,
    /// Tokens for the cloud, behind the gateway.
    Identity,
}

impl Way {
    /// As a heading.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Kdc => "The KDC",
            Self::Gss => "The GSS service",
            Self::Gateway => "The gateway",
            Self::Identity => "The identity service",
        }
    }

    /// The kind of service that is at its end, and of its keytab.
    pub(super) const fn service(self) -> &'static str {
        match self {
            Self::Kdc | Self::Gss => "host",
            Self::Gateway | Self::Identity => "HTTP",
        }
    }

    /// The role that is at its end.
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Kdc => KDC,
            Self::Gss => GSS,
            Self::Gateway => GATEWAY,
            Self::Identity => IDENTITY,
        }
    }
}

/// Why a step has not passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotPassed {
    /// It went wrong.
    Failed {
        /// Why, in words.
        why: String,
        /// What to do; empty when there is nothing to say.
        help: String,
    },
    /// It could not be tried.
    LeftOut {
        /// Why not, and what would make it possible.
        why: String,
    },
}

/// What came of a step.
pub(super) type Outcome = Result<(), NotPassed>;

/// A step that went wrong.
pub(super) fn failed(why: impl Into<String>) -> NotPassed {
    NotPassed::Failed {
        why: why.into(),
        help: String::new(),
    }
}

/// A step that could not be tried.
pub(super) fn left_out(why: impl Into<String>) -> NotPassed {
    NotPassed::LeftOut { why: why.into() }
}

impl NotPassed {
    /// The same with another line that says what to do.
    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        match self {
            Self::Failed { why, .. } => Self::Failed {
                why,
                help: help.into(),
            },
            other => other,
        }
    }

    /// The same with a line that says what to do, unless there is one.
    pub(super) fn or_help(self, line: impl Into<String>) -> Self {
        match self {
            Self::Failed { why, help } if help.is_empty() => Self::Failed {
                why,
                help: line.into(),
            },
            other => other,
        }
    }
}
