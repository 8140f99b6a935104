//! Errors in the words of MIT's programs: `klist: TEXT while ...`.
//!
//! kinit, klist and kvno print the library's message for the case at hand; kdestroy, kswitch and
//! kpasswd the plain text of its error table.

use std::io::{self, ErrorKind};

use kerbstone_client::ClientError;

use crate::compat::Stop;
use crate::console::{Console, err};

/// Which text a program prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// The message for the case at hand.
    Full,
    /// The error table's text.
    Table,
}

/// The voice of one program.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    program: String,
    words: Words,
}

impl Say {
    /// A program of this name.
    pub(crate) fn new(program: &str, words: Words) -> Self {
        Self {
            program: program.to_owned(),
            words,
        }
    }

    /// Prints an error and what it happened in; `doing` may be empty.
    pub(crate) fn error(&self, console: &mut Console, error: &ClientError, doing: &str) {
        let text = match self.words {
            Words::Full => full(error),
            Words::Table => table(error),
        };
        self.text(console, &text, doing);
    }

    /// Prints a text and what it happened in.
    pub(crate) fn text(&self, console: &mut Console, text: &str, doing: &str) {
        let blank = if doing.is_empty() { "" } else { " " };
        err!(console, "{}: {text}{blank}{doing}\n", self.program);
    }

    /// [`error`](Self::error), and the end of the program with exit code 1.
    pub(crate) fn fail<T>(
        &self,
        console: &mut Console,
        error: &ClientError,
        doing: &str,
    ) -> Result<T, Stop> {
        self.error(console, error, doing);
        Err(Stop(1))
    }
}

/// What libkrb5 says when nothing was typed as a new password.
const EMPTY_PASSWORD: &str = "New password cannot be zero length";

/// The message for the case at hand.
pub(crate) fn full(error: &ClientError) -> String {
    match error {
        ClientError::Name { .. }
        | ClientError::UnknownCacheType { .. }
        | ClientError::Configuration { .. } => table(error),
        ClientError::NoServers { realm, .. } if realm.is_empty() => {
            "Cannot find KDC for invalid realm name \"\"".to_owned()
        }
        // A folder opens like a file and then gives no bytes.
        ClientError::CacheIo { name, error } if error.kind() == ErrorKind::IsADirectory => {
            format!("Bad format in credentials cache (filename: {name})")
        }
        ClientError::CacheIo { name, error } => format!("{} (filename: {name})", cache_text(error)),
        ClientError::KeytabIo { error, .. } => system_text(error),
        ClientError::PasswordRefused { reason } if reason == EMPTY_PASSWORD => reason.clone(),
        other => other.mit_text(),
    }
}

/// The error table's text.
fn table(error: &ClientError) -> String {
    let text = match error {
        ClientError::UnknownClient { .. } => "Client not found in Kerberos database",
        ClientError::UnknownService { .. } => "Server not found in Kerberos database",
        ClientError::Unreachable { .. } => "Cannot contact any KDC for requested realm",
        ClientError::NoServers { realm, .. } if realm.is_empty() => {
            "Cannot resolve network address for KDC in requested realm"
        }
        ClientError::NoServers { .. } => "Cannot find KDC for requested realm",
        ClientError::NoTicket { .. } | ClientError::NoCacheFor { .. } => {
            "Matching credential not found"
        }
        ClientError::NoCache { .. } => "No credentials cache found",
        ClientError::UnknownCacheType { .. } => "Unknown credential cache type",
        ClientError::CacheFormat { .. } => "Bad format in credentials cache",
        ClientError::CacheVersion { .. } => "Unsupported credentials cache format version number",
        ClientError::CacheIo { error, .. } => cache_text(error),
        ClientError::KeytabIo { error, .. } => return system_text(error),
        ClientError::Configuration { .. } => "Improper format of Kerberos configuration file",
        ClientError::NoKeytab { .. } => "No such file or directory",
        ClientError::NoKeyInKeytab { .. } => "Key table entry not found",
        ClientError::Name { .. } => "Malformed representation of principal",
        ClientError::Kdc { code, .. } => return code.to_string(),
        other => return other.mit_text(),
    };
    text.to_owned()
}

/// The system's errors as MIT's file caches sort them.
fn cache_text(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "No credentials cache found",
        ErrorKind::PermissionDenied
        | ErrorKind::IsADirectory
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::ResourceBusy
        | ErrorKind::ReadOnlyFilesystem => "Credentials cache permissions incorrect",
        _ => "Credentials cache I/O operation failed",
    }
}

/// The system's own words.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
