//! Who gets what: services in words for people.

use std::fmt;
use std::sync::Arc;

use super::caller::Caller;
use super::service::{CredUsage, DELEGATE, Service};
use super::substitution::{self, SubstitutionError};
use super::{Settings, flags};

/// Why a service does not serve a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The caller came in by another socket.
    Socket,
    /// It is for another uid.
    Uid,
    /// It is for another program.
    Program,
    /// It is for another SELinux context.
    SelinuxContext,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "is at another socket",
            Self::Uid => "is for another uid",
            Self::Program => "is for another program",
            Self::SelinuxContext => "is for another SELinux context",
        })
    }
}

/// What becomes of a caller at one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This one serves it.
    Serves,
    /// It would, but an earlier one does.
    ServedEarlier,
    /// It does not.
    Not(Mismatch),
}

/// What a caller may do with a service's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Accept contexts.
    Accept,
    /// Initiate contexts.
    Initiate,
    /// Initiate contexts in the name of its own user, whose ticket the service gets itself.
    InitiateAsItsUser,
    /// Do all of this for any uid that it names.
    ActForAnyUid,
    /// Get tickets to the service in any user's name.
    Impersonate,
    /// Take such tickets to other services.
    DelegateOnwards,
    /// Delegate its credentials to whom it meets.
    Delegate,
    /// Get its credential back with the tickets that were added.
    KeepTickets,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accept",
            Self::Initiate => "initiate",
            Self::InitiateAsItsUser => "initiate as the caller's user (S4U2Self and S4U2Proxy)",
            Self::ActForAnyUid => "act for any uid",
            Self::Impersonate => "impersonate any user (S4U2Self)",
            Self::DelegateOnwards => "take impersonated users to other services (S4U2Proxy)",
            Self::Delegate => "delegate",
            Self::KeepTickets => "keep added tickets",
        })
    }
}

impl Right {
    /// A word or two, for tables.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Initiate => "initiate",
            Self::InitiateAsItsUser => "initiate as its user",
            Self::ActForAnyUid => "act for any uid",
            Self::Impersonate => "S4U2Self",
            Self::DelegateOnwards => "S4U2Proxy",
            Self::Delegate => "delegate",
            Self::KeepTickets => "keep tickets",
        }
    }
}

impl Settings {
    /// Every service, in their order, with what becomes of this caller there.
    pub fn explain<'a>(&'a self, caller: &Caller) -> Vec<(&'a Arc<Service>, Verdict)> {
        let mut is_served = false;
        let explain = |service: &'a Arc<Service>| {
            let verdict = match service.mismatch(caller) {
                Some(mismatch) => Verdict::Not(mismatch),
                None if is_served => Verdict::ServedEarlier,
                None => {
                    is_served = true;
                    Verdict::Serves
                }
            };
            (service, verdict)
        };
        self.services.iter().map(explain).collect()
    }
}

impl Service {
    /// What a caller of this uid may do.
    pub fn rights(&self, uid: u32) -> Vec<Right> {
        let is_own = uid == self.euid;
        let is_trusted = self.trusted && is_own;
        let accepts = self.cred_usage != CredUsage::Initiate;
        let initiates = self.cred_usage != CredUsage::Accept;
        let for_others = initiates && self.impersonate && !is_own;
        let delegates = (self.filter_flags & DELEGATE) == 0;
        [
            (accepts, Right::Accept),
            (initiates && (!self.impersonate || is_own), Right::Initiate),
            (for_others, Right::InitiateAsItsUser),
            (is_trusted, Right::ActForAnyUid),
            (
                initiates && (self.allow_protocol_transition || is_trusted),
                Right::Impersonate,
            ),
            (
                initiates && (self.allow_constrained_delegation || is_trusted || self.impersonate),
                Right::DelegateOnwards,
            ),
            (initiates && delegates, Right::Delegate),
            (self.allow_client_ccache_sync, Right::KeepTickets),
        ]
        .into_iter()
        .filter_map(|(has, right)| has.then_some(right))
        .collect()
    }

    /// The names of `krb5` and `spnego`, as far as they are spoken.
    pub fn mechanisms(&self) -> &'static str {
        match (self.mechs.krb5, self.mechs.spnego) {
            (true, true) => "krb5, spnego",
            (true, false) => "krb5",
            (false, true) => "spnego",
            (false, false) => "none",
        }
    }

    /// Names of the flags that are added to and taken from every `init_sec_context`.
    pub fn flag_names(&self) -> (String, String) {
        (
            flags::names(self.enforce_flags),
            flags::names(self.filter_flags),
        )
    }

    /// The credential store with `%U` and `%u` filled in, in its order.
    pub fn filled_store(
        &self,
        uid: u32,
        user_name: Option<&str>,
    ) -> Vec<(&str, Result<String, SubstitutionError>)> {
        self.cred_store
            .iter()
            .map(|element| {
                let value = substitution::fill_in(&element.value, uid, user_name);
                (element.key.as_str(), value)
            })
            .collect()
    }
}
