//! Why a password does not let somebody in.

use std::time::Duration;

use kerbstone_client::ClientError;
use kerbstone_gss::GssError;

/// Why a check did not end with somebody who is known. `Display` is the whole reason, for logs; the person gets
/// [`told`](Self::told), which gives away nothing that a stranger may not know.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordFault {
    /// The password is not this principal's.
    #[error("the password is not right")]
    Wrong,
    /// No realm whose people may come here has such a principal, or the name cannot be read.
    #[error("the name is not known: {0}")]
    Unknown(String),
    /// The password is right and too old. It has to be changed first (`kpasswd`).
    #[error("the password is right, and has expired")]
    Expired,
    /// The account is locked, disabled or past its end.
    #[error("the account is locked: {0}")]
    Locked(ClientError),
    /// No KDC answers, or none did a moment ago.
    #[error("no KDC answers: {0}")]
    KdcSilent(String),
    /// So many checks wait already that this one would not come to its turn in time.
    #[error("too many passwords are being checked")]
    Busy,
    /// The KDC did not prove that it is ours: its ticket for our own service cannot be opened with our key.
    #[error("the KDC that took the password cannot make tickets for us: {0}")]
    Unproved(GssError),
    /// The check failed for a reason that lies with the realm or with us: no key of our service in the KDC, clocks that
    /// disagree, a kind of pre-authentication that a password does not do.
    #[error("the password cannot be checked: {0}")]
    Unable(ClientError),
}

/// Who is to blame, and so what to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Whoever typed name and password: 401, and it counts as a failure.
    Visitor,
    /// Whoever runs the realm or this service: 503, and it counts for nothing.
    House,
}

impl PasswordFault {
    /// Who is to blame.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Wrong | Self::Unknown(_) | Self::Expired | Self::Locked(_) => Blame::Visitor,
            Self::KdcSilent(_) | Self::Busy | Self::Unproved(_) | Self::Unable(_) => Blame::House,
        }
    }

    /// In one word, for counting.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Wrong => "wrong_password",
            Self::Unknown(_) => "unknown_name",
            Self::Expired => "password_expired",
            Self::Locked(_) => "account_locked",
            Self::KdcSilent(_) => "kdc_silent",
            Self::Busy => "too_many_passwords",
            Self::Unproved(_) => "kdc_unproved",
            Self::Unable(_) => "password_unchecked",
        }
    }

    /// One plain sentence for the person.
    pub const fn told(&self) -> &'static str {
        match self {
            Self::Wrong | Self::Unknown(_) | Self::Locked(_) => {
                "The name or the password is not right, or the account is locked."
            }
            Self::Expired => "Your password has expired: change it with kpasswd, then come back.",
            Self::KdcSilent(_) => {
                "Nobody can be signed in now: the realm's server does not answer."
            }
            Self::Busy => "Too many people are signing in at this moment.",
            Self::Unproved(_) | Self::Unable(_) => {
                "Passwords cannot be checked here now; whoever looks after this server has been told why."
            }
        }
    }

    /// When to try again, where that helps.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KdcSilent(_) | Self::Busy => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}
