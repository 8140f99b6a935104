//! What a process is told from outside.

use std::path::PathBuf;

use kerbstone_proto::krb5_conf::{Tokens, expand_tokens};

use crate::error::ClientError;

/// The variables that Kerberos programs obey, and who runs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `KRB5_CONFIG`: configuration files, separated by colons.
    pub krb5_config: Option<String>,
    /// `KRB5CCNAME`.
    pub ccname: Option<String>,
    /// `KRB5_KTNAME`.
    pub keytab: Option<String>,
    /// `KRB5_CLIENT_KTNAME`.
    pub client_keytab: Option<String>,
    /// `KRB5_TRACE`.
    pub trace: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `TMPDIR`.
    pub tmpdir: Option<String>,
    /// The real user.
    pub uid: u32,
    /// The effective user.
    pub euid: u32,
}

impl Default for Environment {
    /// No variable is set; the users are those of the process.
    fn default() -> Self {
        Self {
            krb5_config: None,
            ccname: None,
            keytab: None,
            client_keytab: None,
            trace: None,
            home: None,
            tmpdir: None,
            uid: nix::unistd::getuid().as_raw(),
            euid: nix::unistd::geteuid().as_raw(),
        }
    }
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let ours = Self::default();
        // A program with another user's rights does not let its caller choose files.
        if ours.uid != ours.euid {
            return ours;
        }
        Self {
            krb5_config: variable("KRB5_CONFIG"),
            ccname: variable("KRB5CCNAME"),
            keytab: variable("KRB5_KTNAME"),
            client_keytab: variable("KRB5_CLIENT_KTNAME"),
            trace: variable("KRB5_TRACE").map(PathBuf::from),
            home: variable("HOME").map(PathBuf::from),
            tmpdir: variable("TMPDIR"),
            ..ours
        }
    }

    /// Puts in what `%{uid}` and its like stand for.
    pub(super) fn expand(&self, text: &str) -> Result<String, ClientError> {
        // Asking a name service may take long, and hardly any name has it in it.
        let user = match text.contains("%{username}") {
            true => nix::unistd::User::from_uid(self.euid.into()).ok().flatten(),
            false => None,
        };
        let tokens = Tokens {
            uid: self.uid,
            euid: self.euid,
            username: user.as_ref().map(|user| user.name.as_str()),
            temp: self.tmpdir.as_deref().unwrap_or("/tmp"),
            libdir: "/usr/lib",
            bindir: "/usr/bin",
            sbindir: "/usr/sbin",
        };
        expand_tokens(text, &tokens).map_err(|error| ClientError::Configuration {
            why: error.to_string(),
        })
    }
}
