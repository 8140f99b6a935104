//! Getting a credential, as MIT's `gss_acquire_cred_from` does.

use kerbstone_gss::Name;

use super::Sources;
use crate::settings::CredUsage;

/// Which credential is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// From where.
    pub sources: &'a Sources,
    /// Whose; of whoever the cache or the keytab belongs to, when absent.
    pub name: Option<&'a Name>,
    /// What for.
    pub usage: CredUsage,
}
