//! Credentials as they travel: what is known of them, and the sealed handle.

use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_gss::Oid;
use kerbstone_proto::name::Principal;
use kerbstone_xdr::to_bytes;

use super::clerk::{Clerk, Drawn};
use super::failure::{Failure, Outcome};
use super::minor::Minor;
use super::names::{self, Forms};
use super::policy;
use crate::desk::{CacheSource, HeldCredential};
use crate::settings::CredUsage;
use crate::wire::{self, RpcOption, options};

/// For ever, in seconds (GSS_C_INDEFINITE).
const INDEFINITE: u64 = u32::MAX as u64;
/// The longest credential that is sent back unasked (upstream: GPKRB_MAX_CRED_SIZE).
const MAX_SYNC: usize = 512 << 10;

impl From<wire::Usage> for CredUsage {
    fn from(usage: wire::Usage) -> Self {
        match usage {
            wire::Usage::Initiate => Self::Initiate,
            wire::Usage::Accept => Self::Accept,
            wire::Usage::Both => Self::Both,
        }
    }
}

impl From<CredUsage> for wire::Usage {
    fn from(usage: CredUsage) -> Self {
        match usage {
            CredUsage::Initiate => Self::Initiate,
            CredUsage::Accept => Self::Accept,
            CredUsage::Both => Self::Both,
        }
    }
}

impl Clerk<'_> {
    /// A credential, described and sealed.
    pub(super) fn write_credential(&self, drawn: &Drawn) -> Outcome<wire::Credential> {
        let handle = self.desk.seal(&drawn.sources, &drawn.credential)?;
        self.describe(drawn, handle.into())
    }

    /// A credential, described, with a handle that it has already.
    pub(super) fn describe(
        &self,
        drawn: &Drawn,
        handle: wire::Opaque,
    ) -> Outcome<wire::Credential> {
        let usage = drawn.credential.usage();
        let name = match self.name_of(drawn)? {
            Some(principal) => names::write(&principal, Forms::All(None)),
            None => wire::Name::default(),
        };
        let life = seconds(self.desk.life(&drawn.credential, self.now)?);
        let elements = self
            .spoken()
            .map(|mech| wire::CredentialElement {
                name: name.clone(),
                mech: mech.contents().into(),
                usage: usage.into(),
                initiator_life: if policy::initiates(usage) { life } else { 0 },
                acceptor_life: if policy::accepts(usage) { life } else { 0 },
                options: Vec::new(),
            })
            .collect();
        Ok(wire::Credential {
            desired_name: name,
            elements,
            handle,
            needs_release: false,
        })
    }

    /// The mechanisms in which the service's credentials are good.
    fn spoken(&self) -> impl Iterator<Item = Oid> + use<> {
        let spoken = self.service.mechs;
        [(spoken.krb5, Oid::KRB5), (spoken.spnego, Oid::SPNEGO)]
            .into_iter()
            .filter_map(|(is_spoken, mech)| is_spoken.then_some(mech))
    }

    /// Whose it is; of one that accepts for everybody in the keytab, the first in there, as MIT's
    /// `gss_inquire_cred` says.
    fn name_of(&self, drawn: &Drawn) -> Outcome<Option<Principal>> {
        if let Some(name) = drawn.credential.name() {
            return Ok(Some(name.principal.clone()));
        }
        if !policy::accepts(drawn.credential.usage()) {
            return Ok(None);
        }
        let acceptor = self
            .desk
            .acceptor(&drawn.sources, &drawn.credential, self.now)?;
        Ok(acceptor.keys().first().map(|key| key.principal.clone()))
    }

    /// The credential as it is now, for a client that wants to keep what was added to it.
    ///
    /// Where there is a `ccache:`, tickets are kept there.
    pub(super) fn synchronized(
        &self,
        asked: &[RpcOption],
        drawn: &Drawn,
        is_new: bool,
    ) -> Outcome<Option<RpcOption>> {
        let is_wanted = self.service.allow_client_ccache_sync
            && options::find(asked, options::SYNC_MODIFIED_CREDS) == Some(options::DEFAULT)
            && !matches!(drawn.sources.cache, CacheSource::Named(_))
            && (is_new || drawn.credential.has_grown());
        if !is_wanted {
            return Ok(None);
        }
        let credential = to_bytes(&self.write_credential(drawn)?, MAX_SYNC);
        Ok(credential
            .ok()
            .map(|credential| RpcOption::new(options::SYNC_CREDS, &credential)))
    }
}

fn seconds(life: Option<Duration>) -> u64 {
    life.map_or(INDEFINITE, |life| life.as_secs().min(INDEFINITE))
}

/// What a client has set on its credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// The encryption types that session keys may have (`gss_krb5_set_allowable_enctypes`).
    pub(super) enctypes: Option<Vec<Enctype>>,
    /// No confidentiality and integrity unless asked for (`GSS_KRB5_CRED_NO_CI_FLAGS_X`).
    pub(super) no_ci_flags: bool,
}

impl Wishes {
    /// Those that stand in a credential, and those that its handle remembers.
    pub(super) fn of(
        credential: Option<&wire::Credential>,
        held: &HeldCredential,
    ) -> Result<Self, Failure> {
        let elements = credential.map_or(&[][..], |credential| &credential.elements);
        let mut wishes = Self {
            enctypes: held.enctypes().map(known_enctypes),
            no_ci_flags: false,
        };
        for element in elements {
            if let Some(value) = options::find(&element.options, options::ALLOWED_ENCTYPES) {
                wishes.enctypes = Some(read_enctypes(value)?);
            }
            wishes.no_ci_flags |= options::find(&element.options, options::NO_CI_FLAGS).is_some();
        }
        Ok(wishes)
    }
}

fn read_enctypes(value: &[u8]) -> Result<Vec<Enctype>, Failure> {
    let (numbers, rest) = value.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Failure::malformed(
            "krb5_set_allowed_enctype_values is not made of numbers of four bytes",
        ));
    }
    let numbers: Vec<i32> = numbers
        .iter()
        .map(|bytes| i32::from_ne_bytes(*bytes))
        .collect();
    let known = known_enctypes(&numbers);
    if known.is_empty() && !numbers.is_empty() {
        return Err(Failure::of_minor(Minor::NO_ENCTYPE));
    }
    Ok(known)
}

fn known_enctypes(numbers: &[i32]) -> Vec<Enctype> {
    numbers
        .iter()
        .filter_map(|number| Enctype::from_number(*number))
        .collect()
}
