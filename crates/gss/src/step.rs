//! What a step of establishing a context ends in.

use std::fmt;

use crate::{Context, GssError};

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send the token, and bring the answer.
    Continue {
        /// For the other side.
        token: Vec<u8>,
    },
    /// The context stands.
    Established {
        /// For the other side, if there is anything to send.
        token: Option<Vec<u8>>,
        /// The context.
        context: Box<Context>,
    },
}

/// No context will come of it.
#[derive(Debug, thiserror::Error)]
pub struct Refused {
    /// Why.
    #[source]
    pub error: GssError,
    /// A token that tells the other side, if it may know.
    pub token: Option<Vec<u8>>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl From<GssError> for Refused {
    fn from(error: GssError) -> Self {
        Self { error, token: None }
    }
}
