//! How a command of `kerb` fails: what, why, and one line of help.

use std::fmt;
use std::process::ExitCode;

use kerbstone_client::ClientError;

/// Exit codes of `kerb`; its help lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The KDC or the system said no.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no cache or no usable ticket.
    NoTicket = 3,
    /// No server of the realm is known, or none answered.
    NoAnswer = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::NoTicket => 3,
            Exit::NoAnswer => 4,
        })
    }
}

/// A command that did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What could not be done.
    pub(crate) what: String,
    /// Why not.
    pub(crate) why: String,
    /// What to do about it; empty when there is nothing to say.
    pub(crate) help: String,
    /// What the process ends with.
    pub(crate) exit: Exit,
}

impl Failure {
    /// A failure of the client's library while doing `what`.
    pub(crate) fn of(what: impl Into<String>, error: &ClientError) -> Self {
        Self {
            what: what.into(),
            why: error.to_string(),
            help: advice(error),
            exit: exit(error),
        }
    }

    /// A refusal of our own.
    pub(crate) fn refused(
        what: impl Into<String>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            help: help.into(),
            exit: Exit::Refused,
        }
    }

    /// A command line that makes no sense.
    pub(crate) fn misused(
        what: impl Into<String>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::refused(what, why, help)
        }
    }

    /// An exit code without words.
    pub(crate) const fn silent(exit: Exit) -> Self {
        Self {
            what: String::new(),
            why: String::new(),
            help: String::new(),
            exit,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what.is_empty() {
            return Ok(());
        }
        writeln!(f, "kerb: {}: {}", self.what, self.why)?;
        if !self.help.is_empty() {
            writeln!(f, "help: {}", self.help)?;
        }
        Ok(())
    }
}

fn exit(error: &ClientError) -> Exit {
    match error {
        ClientError::Unreachable { .. } | ClientError::NoServers { .. } => Exit::NoAnswer,
        ClientError::NoCache { .. }
        | ClientError::NoCacheFor { .. }
        | ClientError::NoTicket { .. }
        | ClientError::TicketExpired { .. } => Exit::NoTicket,
        _ => Exit::Refused,
    }
}

/// The library's help, in the words of `kerb` where it names a program.
pub(crate) fn advice(error: &ClientError) -> String {
    match error {
        ClientError::PasswordExpired { client } => {
            format!("choose a new one: kerb password {client}")
        }
        ClientError::NoTicket { wanted, .. } => {
            format!("there is no usable ticket for {wanted}; sign in: kerb login")
        }
        ClientError::TicketExpired { .. } => "sign in again: kerb login".to_owned(),
        ClientError::NoCache { .. } => {
            "sign in: kerb login, or point KRB5CCNAME to the cache".to_owned()
        }
        ClientError::NoCacheFor { client } => format!("sign in: kerb login {client}"),
        ClientError::CacheFormat { why, .. } => {
            format!("{why}; kerb logout removes the cache, kerb login makes a new one")
        }
        ClientError::PromptInterrupted => {
            "type it on a terminal, or put it on the standard input".to_owned()
        }
        other => other.help(),
    }
}
