//! The text that MIT's library exports a credential as, and imports it from.
//!
//! ```text
//! ["K5C1", [usage, name, impersonator, default identity, iakerb, keytab, rcache, ccache,
//!           client keytab, have tgt, expire, refresh time, [enctype..], password]]
//! name       [principal, service, host]
//! ccache     "TYPE:residual", or of MEMORY its content: [principal, credential..]
//! credential [client, server, [enctype, key], authtime, starttime, endtime, renew till, is skey,
//!             flags, [[type, address]..], ticket, second ticket, [[type, authdata]..]]
//! ```
//! Whatever may be missing is `null`; bytes are in base 64.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod reader;
mod writer;

use std::fmt;

use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use zeroize::Zeroizing;

pub(super) use self::reader::read;
pub(super) use self::writer::write;
use super::HeldName;
use crate::settings::CredUsage;

/// What the text begins with.
const MAGIC: &str = "K5C1";
/// The longest text that is read: a message of the protocol holds no longer one.
pub(super) const MAX_LENGTH: usize = 1 << 20;

/// An exported credential.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exported<C> {
    pub(super) usage: CredUsage,
    pub(super) name: Option<HeldName>,
    pub(super) impersonator: Option<Principal>,
    pub(super) default_identity: bool,
    pub(super) iakerb: bool,
    pub(super) keytab: Option<String>,
    pub(super) replay_cache: Option<String>,
    pub(super) cache: Option<ExportedCache<C>>,
    pub(super) client_keytab: Option<String>,
    pub(super) has_tgt: bool,
    pub(super) expires: KerberosTime,
    pub(super) refreshes: KerberosTime,
    pub(super) enctypes: Option<Vec<i32>>,
    pub(super) password: Option<Password>,
}

/// Where an exported credential's tickets are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExportedCache<C> {
    /// Here, in a form of the caller's choice.
    Content(C),
    /// In the cache of this name.
    Named(String),
}

/// A password that MIT's library would sign in with. We only carry it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A credential as it is read.
pub(super) type Imported = Exported<CredentialCache>;

#[cfg(test)]
mod tests;
