//! Credential caches as FILE and DIR keep them, versions 1 to 4, and the single principals and
//! credentials in version 4 that KEYRING and KCM caches store.
//!
//! A cache written by MIT's programs and read here is written again byte for byte. Locking, and
//! the appending of one credential to a file, are the business of the caller.
//!
//! ```text
//! 05 04, u16 header length, { u16 tag, u16 length, value }*, principal, credential*
//! principal:  u32 name type, u32 components, realm, components (u32 length + bytes each)
//! credential: client, server, u16 enctype, key, u32 authtime, starttime, endtime, renew_till,
//!             u8 is_skey, u32 flags, addresses, authdata (u32 count, u16 type + bytes each),
//!             ticket, second ticket
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod config_entry;
mod matching;
mod wire;

use zeroize::Zeroizing;

pub use self::config_entry::{config_server, is_config_principal};
pub use self::matching::{CredentialQuery, FlagsMatch, NoCredential, Times, TimesMatch, retrieve};
use self::wire::{HeaderError, Parsed};
use crate::flags::TicketFlags;
use crate::key_block::KeyBlock;
use crate::message::{AuthorizationDataElement, HostAddress};
use crate::name::Principal;
use crate::time::KerberosTime;

/// The layouts of a cache file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CacheVersion {
    /// Native byte order; no name types, the realm counted as a component.
    V1 = 1,
    /// Native byte order.
    V2 = 2,
    /// Network byte order; enctypes written twice.
    V3 = 3,
    /// With a header of tagged fields.
    #[default]
    V4 = 4,
}

/// Why a credential cache cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// It does not begin with 05 01 to 05 04: another kind of file, or another format.
    #[error("not a credential cache of versions 1 to 4: it begins with {0:02x?}")]
    UnknownVersion(Vec<u8>),
    /// A length inside is larger than the whole file. Sign in again to write a new one.
    #[error("the credential cache is damaged: bad format at byte {offset}")]
    BadFormat {
        /// Where the value begins that cannot be right.
        offset: usize,
    },
    /// The file ends before the name of its owner: it was reserved, but nobody signed in to it.
    #[error("the credential cache is empty: nobody has signed in to it yet")]
    NoPrincipal,
}

/// A field of the header of a version 4 cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField {
    /// What it is; 1 is the clock offset.
    pub tag: u16,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// How far the KDC's clock was ahead of ours at sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// Whole seconds; negative when the KDC was behind.
    pub seconds: i32,
    /// Microseconds on top.
    pub microseconds: i32,
}

/// A ticket with what its owner must know to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose ticket it is.
    pub client: Principal,
    /// The service it is for.
    pub server: Principal,
    /// The session key.
    pub key: KeyBlock,
    /// When the owner proved who they are.
    pub authtime: KerberosTime,
    /// From when the ticket can be used; zero means from `authtime`.
    pub starttime: KerberosTime,
    /// Until when it can be used; zero in config entries and in removed ones.
    pub endtime: KerberosTime,
    /// Until when it can be renewed; zero if it cannot.
    pub renew_till: KerberosTime,
    /// Whether the ticket is sealed with the session key in `second_ticket` (user to user).
    pub is_skey: bool,
    /// The ticket's flags.
    pub flags: TicketFlags,
    /// The addresses that it can be used from; none means from anywhere.
    pub addresses: Vec<HostAddress>,
    /// Authorization data that the owner asked for.
    pub authdata: Vec<AuthorizationDataElement>,
    /// The ticket in DER; the value, in a config entry.
    pub ticket: Vec<u8>,
    /// The other user's ticket, for user to user.
    pub second_ticket: Vec<u8>,
}

impl Credential {
    /// Whether this is not a ticket but a note that programs leave in the cache.
    #[must_use]
    pub fn is_config(&self) -> bool {
        is_config_principal(&self.server)
    }

    /// Whether it was overwritten because someone removed it.
    #[must_use]
    pub const fn is_removed(&self) -> bool {
        self.endtime.is_zero() && !self.authtime.is_zero()
    }

    /// Reads one credential and nothing behind it, as KEYRING and KCM hold it in version 4.
    ///
    /// # Errors
    /// [`CacheError::BadFormat`] when it is truncated or followed by something.
    pub fn decode(bytes: &[u8], version: CacheVersion) -> Result<Self, CacheError> {
        wire::decode_single(bytes, version, wire::read_credential)
    }

    /// The bytes to append to a FILE cache of `version`, or to store under one key.
    #[must_use]
    pub fn encode(&self, version: CacheVersion) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(wire::credential_length(self, version)));
        wire::write_credential(&mut out, self, version);
        out
    }

    /// What MIT overwrites this credential with, in place, to remove it from a file.
    #[must_use]
    pub fn removed(&self) -> Self {
        let mut removed = self.clone();
        removed.endtime = KerberosTime::ZERO;
        removed.authtime = KerberosTime::from_unix(u32::MAX.into());
        config_entry::mark_removed(&mut removed.server);
        removed
    }
}

/// Reads a principal and nothing behind it, as KEYRING and KCM hold it in version 4.
///
/// # Errors
/// [`CacheError::BadFormat`] when it is truncated or followed by something.
pub fn decode_principal(bytes: &[u8], version: CacheVersion) -> Result<Principal, CacheError> {
    wire::decode_single(bytes, version, wire::read_principal)
}

/// The bytes of a principal in a cache of `version`.
#[must_use]
pub fn encode_principal(principal: &Principal, version: CacheVersion) -> Vec<u8> {
    let mut out = Vec::new();
    wire::write_principal(&mut out, principal, version);
    out
}

/// The contents of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialCache {
    /// The layout that [`CredentialCache::to_bytes`] writes.
    pub version: CacheVersion,
    /// The header's fields; versions before 4 do not keep them.
    pub header: Vec<HeaderField>,
    /// Whose cache it is.
    pub principal: Principal,
    /// Tickets, config entries and removed entries in the order of the file.
    pub credentials: Vec<Credential>,
    unfinished: Zeroizing<Vec<u8>>,
}

impl CredentialCache {
    /// A cache of version 4 in which `principal` has no tickets yet.
    #[must_use]
    pub fn new(principal: Principal) -> Self {
        Self {
            version: CacheVersion::default(),
            header: Vec::new(),
            principal,
            credentials: Vec::new(),
            unfinished: Zeroizing::default(),
        }
    }

    /// Reads a whole file.
    ///
    /// A credential that the file breaks off in is being appended right now: it is left out, as MIT
    /// does; see [`CredentialCache::unfinished`].
    ///
    /// # Errors
    /// The version is unknown, there is no principal, or a length is impossible.
    pub fn parse(bytes: &[u8]) -> Result<Self, CacheError> {
        let Parsed {
            version,
            header,
            principal,
            credentials,
            unfinished,
        } = wire::parse(bytes)?;
        Ok(Self {
            version,
            header,
            principal,
            credentials,
            unfinished: Zeroizing::new(unfinished.to_vec()),
        })
    }

    /// Reads the version of a file from its first two bytes, for appending to it.
    ///
    /// # Errors
    /// [`CacheError::UnknownVersion`].
    pub fn version_of(bytes: &[u8]) -> Result<CacheVersion, CacheError> {
        wire::version(bytes)
    }

    /// The file's bytes, without an unfinished credential at the end.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = self.header_bytes();
        let credentials = self
            .credentials
            .iter()
            .map(|credential| wire::credential_length(credential, self.version))
            .fold(0, usize::saturating_add);
        // Sized first: growing would leave copies of keys in freed memory.
        let mut sized = Vec::with_capacity(out.len().saturating_add(credentials));
        sized.append(&mut out);
        let mut out = Zeroizing::new(sized);
        for credential in &self.credentials {
            wire::write_credential(&mut out, credential, self.version);
        }
        out
    }

    /// What a new file begins with: version, header and principal.
    #[must_use]
    pub fn header_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        wire::write_header(&mut out, self.version, &self.header);
        wire::write_principal(&mut out, &self.principal, self.version);
        out
    }

    /// The bytes behind the last whole credential.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.unfinished
    }

    /// The credentials that are tickets and have not been removed.
    pub fn tickets(&self) -> impl Iterator<Item = &Credential> {
        self.present().filter(|credential| !credential.is_config())
    }

    /// Tickets and config entries that have not been removed.
    pub fn present(&self) -> impl Iterator<Item = &Credential> + Clone {
        self.credentials
            .iter()
            .filter(|credential| !credential.is_removed())
    }

    /// The KDC's clock offset from the header.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.header.iter().find_map(wire::clock_offset)
    }

    /// Puts the KDC's clock offset into the header, or takes it out.
    pub fn set_clock_offset(&mut self, offset: Option<ClockOffset>) {
        self.header
            .retain(|field| field.tag != wire::TAG_CLOCK_OFFSET);
        self.header.extend(offset.map(wire::clock_offset_field));
    }
}

impl From<HeaderError> for CacheError {
    fn from(error: HeaderError) -> Self {
        Self::BadFormat {
            offset: error.offset,
        }
    }
}
