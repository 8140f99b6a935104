//! The sealed credential in a user's credential cache: a ticket that is none, for
//! `Encrypted/Credentials/v1@X-GSSPROXY:`, whose bytes are the credential as it goes over the wire.
//!
//! What else is in the cache stays there. gssproxy's plugin empties a FILE cache to put its own in,
//! and a user's ticket-granting ticket is lost with the rest.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use kerbstone_proxy::wire;
use kerbstone_xdr::{from_bytes, to_bytes};

use crate::abi::InCcache;
use crate::krb5::{Ccache, Entry, Kerberos, Principal, file_of};
use crate::status::{Fault, Outcome};

/// The server of the ticket that is none.
const SERVER: &CStr = c"Encrypted/Credentials/v1@X-GSSPROXY:";
/// The longest credential that is kept.
const LONGEST: usize = 512 * 1024;

/// What of somebody else's may go from a cache to make room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// All: the caller named the cache.
    Owner,
    /// A sealed credential of another principal, and no tickets: it is the default cache, and this
    /// the credential that one has by default.
    Default,
    /// Nothing: it is the default cache, and this the credential of a name that was asked for.
    Guest,
}

/// The sealed credential in a cache, the default one unless named.
pub fn find(ccache: Option<&CStr>) -> Outcome<wire::Credential> {
    let kerberos = Kerberos::open()?;
    let default = kerberos.default_ccache_name();
    let Some(name) = ccache.or(default.as_deref()) else {
        return Err(Fault::internal(
            libc::ENOENT,
            "there is no default credential cache",
        ));
    };
    let ccache = kerberos.ccache(name)?;
    let ticket = ccache.ticket(&ccache.principal()?, &kerberos.principal(SERVER)?)?;
    from_bytes(&ticket).map_err(|error| Fault::internal(libc::EIO, &error.to_string()))
}

/// Keeps a sealed credential in a cache, the default one unless named.
pub fn keep(
    ccache: Option<&CStr>,
    claim: Claim,
    make_primary: bool,
    credential: &wire::Credential,
) -> Outcome<()> {
    let kerberos = Kerberos::open()?;
    if let Some(name) = ccache {
        kerberos.set_default_ccache(name)?;
    }
    let sealed = Sealed::new(&kerberos, credential)?;
    let Some(name) = kerberos.default_ccache_name() else {
        return Err(Fault::internal(
            libc::ENOENT,
            "there is no default credential cache",
        ));
    };
    match file_of(name.to_bytes()) {
        Some(path) => sealed.keep_in_file(&kerberos, &path, claim),
        None if name.to_bytes().starts_with(b"MEMORY:") => {
            sealed.keep_in_place(&kerberos.ccache(&name)?, claim)
        }
        None => sealed.keep_in_collection(&kerberos, &name, make_primary),
    }
}

/// Puts a sealed credential into a cache that the caller has open and made somebody's.
pub fn copy(ccache: InCcache<'_>, credential: &wire::Credential) -> Outcome<()> {
    let kerberos = Kerberos::open()?;
    let ccache = kerberos.lent_ccache(ccache);
    let mut sealed = Sealed::new(&kerberos, credential)?;
    sealed.client = ccache.principal()?;
    sealed.replace(&ccache)
}

/// Whom the credential is for, as a principal.
fn owner(credential: &wire::Credential) -> Outcome<CString> {
    let elements = credential
        .elements
        .iter()
        .map(|element| &element.name.display);
    let name = std::iter::once(&credential.desired_name.display)
        .chain(elements)
        .find(|display| !display.is_empty())
        .ok_or_else(|| Fault::internal(libc::EINVAL, "the proxy's credential has no name"))?;
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    CString::new(name).map_err(|_| {
        Fault::internal(
            libc::EINVAL,
            "the proxy's credential has a name with a NUL in it",
        )
    })
}

struct Sealed<'k> {
    client: Principal<'k>,
    server: Principal<'k>,
    ticket: Vec<u8>,
}

impl<'k> Sealed<'k> {
    fn new(kerberos: &'k Kerberos, credential: &wire::Credential) -> Outcome<Self> {
        Ok(Self {
            client: kerberos.principal(&owner(credential)?)?,
            server: kerberos.principal(SERVER)?,
            ticket: to_bytes(credential, LONGEST)
                .map_err(|error| Fault::internal(libc::ENOSPC, &error.to_string()))?
                .into_vec(),
        })
    }

    /// In a collection every principal has a cache of its own.
    fn keep_in_collection(
        &self,
        kerberos: &Kerberos,
        name: &CStr,
        make_primary: bool,
    ) -> Outcome<()> {
        let ccache = match kerberos.ccache_of(&self.client) {
            Ok(ccache) => ccache,
            Err(_) => {
                let kind = name
                    .to_bytes()
                    .split(|byte| *byte == b':')
                    .next()
                    .unwrap_or_default();
                let kind = CString::new(kind)
                    .map_err(|_| Fault::invalid("a credential cache without a type"))?;
                let ccache = kerberos.new_ccache(&kind)?;
                ccache.initialize(&self.client)?;
                ccache
            }
        };
        self.replace(&ccache)?;
        if make_primary {
            ccache.make_primary()?;
        }
        Ok(())
    }

    fn keep_in_place(&self, ccache: &Ccache<'_>, claim: Claim) -> Outcome<()> {
        match self.what_stays(ccache, claim) {
            Stays::All(_) => self.replace(ccache),
            Stays::Nothing => {
                ccache.initialize(&self.client)?;
                self.replace(ccache)
            }
            Stays::Untouched => Ok(()),
        }
    }

    /// A file only grows when credentials are replaced in it. So it is written anew beside itself,
    /// and takes its own place: at no time is it without the user's tickets.
    fn keep_in_file(&self, kerberos: &Kerberos, path: &Path, claim: Claim) -> Outcome<()> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let here = kerberos.ccache(&ccache_name(&path)?)?;
        let entries = match self.what_stays(&here, claim) {
            Stays::All(entries) => entries,
            Stays::Nothing => Vec::new(),
            Stays::Untouched => return Ok(()),
        };
        let beside = beside(&path);
        let new = kerberos.ccache(&ccache_name(&beside)?)?;
        let written = self.fill(&new, &entries);
        if written.is_ok() && fs::rename(&beside, &path).is_ok() {
            return Ok(());
        }
        new.destroy();
        // The folder takes no new files: then in the old one.
        self.fill(&here, &entries)
    }

    fn fill(&self, ccache: &Ccache<'_>, entries: &[Entry<'_>]) -> Outcome<()> {
        ccache.initialize(&self.client)?;
        for entry in entries {
            ccache.add(entry)?;
        }
        ccache.add_ticket(&self.client, &self.server, &self.ticket)
    }

    fn replace(&self, ccache: &Ccache<'_>) -> Outcome<()> {
        // A kind of cache that cannot do this keeps the old one, and finds whichever it finds.
        let _ = ccache.remove(&self.client, &self.server);
        ccache.add_ticket(&self.client, &self.server, &self.ticket)
    }

    fn what_stays<'c>(&self, ccache: &Ccache<'c>, claim: Claim) -> Stays<'c> {
        let (Ok(principal), Ok(mut entries)) = (ccache.principal(), ccache.entries()) else {
            return Stays::Nothing;
        };
        let is_own = principal == self.client;
        let is_occupied = entries.iter().any(|entry| match claim {
            Claim::Owner => false,
            Claim::Default => !entry.is_setting() && !entry.is_for(&self.server),
            Claim::Guest => !entry.is_setting(),
        });
        if is_own {
            entries.retain(|entry| !entry.is_for(&self.server));
            Stays::All(entries)
        } else if is_occupied {
            Stays::Untouched
        } else {
            Stays::Nothing
        }
    }
}

/// What becomes of what a cache holds already.
enum Stays<'c> {
    /// These stay beside the sealed credential.
    All(Vec<Entry<'c>>),
    /// Nothing is there, or nothing that may stay.
    Nothing,
    /// Somebody else's tickets: the cache is not ours.
    Untouched,
}

fn ccache_name(path: &Path) -> Outcome<CString> {
    CString::new([b"FILE:", path.as_os_str().as_bytes()].concat())
        .map_err(|_| Fault::invalid("a credential cache with a NUL in its name"))
}

fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned().into_vec();
    name.extend_from_slice(format!(".{}.{count}", process::id()).as_bytes());
    PathBuf::from(OsStr::from_bytes(&name))
}
