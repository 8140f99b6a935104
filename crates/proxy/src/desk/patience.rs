//! How long a call may wait.

use std::time::Instant;

/// How long a call may wait for a KDC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: [`DeskError::WouldWait`](super::DeskError::WouldWait) comes instead.
    Never,
    /// Until then.
    Until(Instant),
}
