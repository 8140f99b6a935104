//! Why there is no credential.

use kerbstone_client::ClientError;
use kerbstone_gss::GssError;

use crate::settings::SubstitutionError;

/// Why the desk has no credential, or cannot use it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// A KDC or a name service has to be asked, and the caller must not wait
    /// ([`Patience::Never`](super::Patience::Never)).
    #[error("a server has to be asked first")]
    WouldWait,
    /// A cache, a keytab, krb5.conf or a KDC is in the way.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The GSS mechanism says no.
    #[error(transparent)]
    Gss(#[from] GssError),
    /// The cache is another principal's (MIT: `KG_CCACHE_NOMATCH`).
    #[error("Principal in credential cache does not match desired name")]
    CacheOfAnother,
    /// The keytab has no key of the name (MIT: `KG_KEYTAB_NOMATCH`).
    #[error("No principal in keytab matches desired name")]
    NoKeyOf,
    /// There is no ticket, and no key to get one with (MIT: `KG_EMPTY_CCACHE`).
    #[error("Credential cache is empty")]
    EmptyCache,
    /// A value of the service's `cred_store` cannot be filled in.
    #[error(transparent)]
    Substitution(#[from] SubstitutionError),
    /// The service has a `cred_store` without `keytab:` and `client_keytab:`, so that it has no key
    /// of its own.
    #[error("the service's cred_store names no keytab")]
    NoKeytab,
    /// MIT's library knows no replay cache of this type, or we do not have it.
    #[error("Unknown replay cache type {0}")]
    ReplayCacheType(String),
    /// The credential is for accepting only, or for initiating only.
    #[error("the credential is not for {0}")]
    WrongUsage(&'static str),
    /// A credential was acquired in another's name already, and cannot be used for it again.
    #[error("a credential of an impersonated user cannot impersonate")]
    Impersonated,
    /// The content of a handle is not what MIT's library exports.
    #[error("the content of the handle is malformed: {0}")]
    Handle(&'static str),
    /// Something is too large for where it has to go.
    #[error("the {0} is too large")]
    TooLarge(&'static str),
}
