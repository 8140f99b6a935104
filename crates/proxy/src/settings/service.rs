//! A service: whom it serves, with which keys, and what it lets them do.

use std::path::PathBuf;
use std::time::Duration;

use super::substitution::{self, SubstitutionError};

/// The GSS flag for delegating credentials, which `filter_flags` takes away unless told otherwise.
pub const DELEGATE: u32 = 1;

/// `min_lifetime` where the file has none.
pub(super) const MIN_LIFETIME: Duration = Duration::from_secs(15);

/// A section `[service/NAME]`, or one credential of a section `[directory/NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The section's name without `service/`; `NAME/STEM` for one of a directory.
    pub name: String,
    /// Where the section begins.
    pub location: super::Location,
    /// The uid that it serves, and that [`trusted`](Self::trusted) is about.
    pub euid: u32,
    /// Whether it serves every uid.
    pub allow_any_uid: bool,
    /// The only program that it serves.
    pub program: Option<PathBuf>,
    /// Its own socket; the default one when absent.
    pub socket: Option<PathBuf>,
    /// Who may connect to [`socket`](Self::socket).
    pub socket_access: SocketAccess,
    /// The only SELinux context that it serves.
    pub selinux_context: Option<String>,
    /// Mechanisms that it speaks.
    pub mechs: Mechs,
    /// Where its credentials are, `%U` and `%u` not yet filled in, in the file's order.
    pub cred_store: Vec<CredStoreElement>,
    /// The initiator's name where the caller wishes none.
    pub krb5_principal: Option<String>,
    /// What its credentials may be used for.
    pub cred_usage: CredUsage,
    /// Whether a caller whose uid is [`euid`](Self::euid) may act for any uid.
    pub trusted: bool,
    /// Whether callers of other uids initiate by S4U2Self and S4U2Proxy.
    pub impersonate: bool,
    /// Whether callers may ask for S4U2Self.
    pub allow_protocol_transition: bool,
    /// Whether callers may use impersonated credentials towards others than the service itself.
    pub allow_constrained_delegation: bool,
    /// Whether callers that ask for it are sent credentials with the tickets that were added.
    pub allow_client_ccache_sync: bool,
    /// Flags of `init_sec_context` that are taken away, after the enforced ones were added.
    pub filter_flags: u32,
    /// Flags that are added to every `init_sec_context`.
    pub enforce_flags: u32,
    /// Tickets with less life left are as good as expired.
    pub min_lifetime: Duration,
    /// Whether the kernel's NFS server is told that a proxy is there.
    pub kernel_nfsd: bool,
}

impl Service {
    /// The first value of `key` in the credential store, with `%U` and `%u` filled in.
    ///
    /// Nothing when the key is absent or the value cannot be filled in; whoever must tell these
    /// apart (they differ in what a caller then gets) asks [`stored`](Self::stored).
    pub fn store_value(
        &self,
        key: &str,
        caller_uid: u32,
        user_name: Option<&str>,
    ) -> Option<String> {
        self.stored(key, caller_uid, user_name).ok().flatten()
    }

    /// The first value of `key` in the credential store, with `%U` and `%u` filled in; `None` when
    /// the key is absent.
    ///
    /// # Errors
    /// The value has `%u` and the uid no name, or it has another letter behind `%`: no credential
    /// may be used, above all not a default one.
    pub fn stored(
        &self,
        key: &str,
        caller_uid: u32,
        user_name: Option<&str>,
    ) -> Result<Option<String>, SubstitutionError> {
        self.cred_store
            .iter()
            .find(|element| element.key == key)
            .map(|element| substitution::fill_in(&element.value, caller_uid, user_name))
            .transpose()
    }

    /// Whether a name service must be asked for the caller's name first, because some value has
    /// `%u`.
    pub fn needs_user_name(&self) -> bool {
        self.cred_store
            .iter()
            .any(|element| substitution::wants_user_name(&element.value))
    }
}

/// What a service speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mechs {
    /// Kerberos 5, RFC 4121.
    pub krb5: bool,
    /// SPNEGO around it, RFC 4178.
    pub spnego: bool,
}

/// One `cred_store = key:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredStoreElement {
    /// `keytab`, `client_keytab`, `ccache`, or another key of MIT's credential stores.
    pub key: String,
    /// The value as it stands in the file.
    pub value: String,
}

/// What a service's credentials may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredUsage {
    /// Initiating and accepting.
    #[default]
    Both,
    /// Initiating only.
    Initiate,
    /// Accepting only.
    Accept,
}

/// Who may connect to a socket, as the file system says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketAccess {
    /// Owner; the daemon's uid when absent.
    pub owner: Option<u32>,
    /// Group; the daemon's when absent.
    pub group: Option<u32>,
    /// Permission bits.
    pub mode: u32,
}

impl Default for SocketAccess {
    fn default() -> Self {
        Self {
            owner: None,
            group: None,
            mode: 0o666,
        }
    }
}
