//! Credentials: the mechglue's, or sealed ones of the daemon.

use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex, PoisonError};

use kerbstone_proxy::wire::{self, Handle, options};

use crate::abi::{
    GivenOidSet, INDEFINITE, InOidSet, InOut, InStore, OidDesc, OidSetDesc, Out, USAGE_ACCEPT,
    USAGE_BOTH, USAGE_INITIATE, Usage, Word, major,
};
use crate::mechglue::{self, LocalCredential, RawCredential, RawName, local};
use crate::name::Name;
use crate::remote::{self, Acquisition, Received};
use crate::settings::Behavior;
use crate::status::{Fault, Outcome};
use crate::stored::{self, Claim};
use crate::{oid, order};

/// What stands behind a `gss_cred_id_t` that we gave out.
#[derive(Debug)]
pub struct Credential {
    held: Mutex<Held>,
    /// The cache where it was found or is to be kept; none is the default one.
    ccache: Option<CString>,
}

/// What a credential is made of. One of the two, as a rule.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The daemon's.
    pub remote: Option<Arc<Received<wire::Credential>>>,
    /// The mechglue's.
    pub local: Option<Arc<LocalCredential>>,
}

/// What an application asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whose credential.
    pub name: Option<&'a Name>,
    /// How long it is to last.
    pub time: Word,
    /// For which mechanisms.
    pub mechs: &'a [Vec<u8>],
    /// What for.
    pub usage: Usage,
    /// Where from.
    pub store: InStore<'a>,
}

/// Where an application wants to know what it got.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The mechanisms.
    pub mechs: Out<'a, GivenOidSet>,
    /// How long it lasts.
    pub time: Out<'a, Word>,
}

impl Told<'_> {
    const NOTHING: Self = Self {
        mechs: Out::none(),
        time: Out::none(),
    };
}

impl Credential {
    /// One of the mechglue.
    pub fn of_local(local: LocalCredential) -> Self {
        Self::new(
            Held {
                local: Some(Arc::new(local)),
                remote: None,
            },
            None,
        )
    }

    /// One of the daemon.
    pub fn of_remote(remote: wire::Credential) -> Self {
        Self::new(
            Held {
                local: None,
                remote: Some(Arc::new(Received::now(remote))),
            },
            None,
        )
    }

    fn new(held: Held, ccache: Option<&CStr>) -> Self {
        Self {
            held: Mutex::new(held),
            ccache: ccache.map(CStr::to_owned),
        }
    }

    /// What it is made of now.
    pub fn held(&self) -> Held {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The mechglue's, for calls that the daemon has none of.
    pub fn local(&self) -> Outcome<Arc<LocalCredential>> {
        self.held().local.ok_or(Fault::plain(major::UNAVAILABLE))
    }

    /// Takes the daemon's changed credential in place of what it gave before, and keeps it where that
    /// was.
    pub fn take_changed(&self, changed: wire::Credential) {
        keep(self.ccache.as_deref(), Claim::Guest, &changed);
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remote = Some(Arc::new(Received::now(changed)));
    }

    /// Puts an option into the first of the daemon's elements that is Kerberos'.
    pub fn set_option(&self, option: wire::RpcOption) -> Outcome<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let remote = held
            .remote
            .as_mut()
            .ok_or(Fault::plain(major::UNAVAILABLE))?;
        let element = Arc::make_mut(remote)
            .value
            .elements
            .iter_mut()
            .find(|element| oid::is_kerberos(&element.mech))
            .ok_or_else(|| Fault::invalid("the credential is not one of Kerberos"))?;
        element
            .options
            .retain(|known| known.option != option.option);
        // gssproxy's daemon reads no further than to the enctypes.
        element.options.push(option);
        element
            .options
            .sort_by_key(|option| option.option == *options::ALLOWED_ENCTYPES);
        Ok(())
    }

    /// Lets the daemon forget it, if it remembers.
    pub fn release(self) {
        let held = self
            .held
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = held.remote.and_then(Arc::into_inner)
            && remote.value.needs_release
        {
            remote::release(Handle::Credential(remote.value));
        }
    }
}

/// Acquires what is wanted. A sealed credential in the cache is an invitation to ask the daemon first.
pub fn acquire(behavior: Behavior, wanted: Wanted<'_>, told: Told<'_>) -> Outcome<Credential> {
    let ccache = wanted.store.value("ccache");
    let mut behavior = behavior;
    let mut input = None;
    if behavior != Behavior::LocalOnly {
        input = find_stored(ccache, wanted.usage).filter(|sealed| {
            wanted
                .name
                .is_none_or(|name| name.may_be_called(&sealed.desired_name))
        });
        if input.is_some() {
            behavior = Behavior::RemoteFirst;
        } else if ccache.is_some() {
            behavior = Behavior::LocalFirst;
        }
    }
    let held = order::ask(
        behavior,
        || acquire_locally(None, wanted, told).map(Held::of_local),
        || acquire_remotely(input.as_ref(), ccache, wanted, told).map(Held::of_remote),
    )?;
    Ok(Credential::new(held, ccache))
}

/// Acquires a credential in somebody else's name, by right of a service's own.
pub fn impersonate(
    behavior: Behavior,
    by: &Held,
    wanted: Wanted<'_>,
    told: Told<'_>,
) -> Outcome<Credential> {
    let behavior = order::of_credential(behavior, by)?;
    let held = order::ask(
        behavior,
        || acquire_locally(by.local.as_deref(), wanted, told).map(Held::of_local),
        || {
            let credential = remote::acquire(Acquisition {
                input: by.remote.as_ref().map(|remote| remote.value.clone()),
                impersonate: true,
                ..asked(wanted)?
            })?;
            tell(&credential, wanted.usage, told)?;
            Ok(Held::of_remote(credential))
        },
    )?;
    Ok(Credential::new(held, None))
}

/// What a call works with that names no credential.
pub fn default(behavior: Behavior, usage: Usage) -> Outcome<Credential> {
    let all: Vec<_> = oid::INTERPOSED
        .iter()
        .map(|(_, mech)| mech.to_vec())
        .collect();
    let wanted = Wanted {
        name: None,
        time: 0,
        mechs: &all,
        usage,
        store: InStore::none(),
    };
    let held = order::ask(
        behavior,
        || acquire_locally(None, wanted, Told::NOTHING).map(Held::of_local),
        || default_remotely(usage).map(Held::of_remote),
    )?;
    Ok(Credential::new(held, None))
}

/// What the daemon has for a call that names no credential.
pub fn default_remotely(usage: Usage) -> Outcome<wire::Credential> {
    let input = find_stored(None, usage);
    let credential = remote::acquire(Acquisition {
        input: input.clone(),
        desired_name: None,
        time: 0,
        mechs: &[],
        usage,
        impersonate: false,
    })?;
    if input.is_some_and(|input| is_changed(Some(&input), &credential)) {
        keep(None, Claim::Default, &credential);
    }
    Ok(credential)
}

/// The sealed credential in a cache. Caches have none for those who only accept, unless a program says
/// so.
fn find_stored(ccache: Option<&CStr>, usage: Usage) -> Option<wire::Credential> {
    if usage == USAGE_ACCEPT && ccache.is_none() {
        return None;
    }
    stored::find(ccache).ok()
}

impl Held {
    fn of_local(local: LocalCredential) -> Self {
        Self {
            local: Some(Arc::new(local)),
            remote: None,
        }
    }

    fn of_remote(remote: wire::Credential) -> Self {
        Self {
            local: None,
            remote: Some(Arc::new(Received::now(remote))),
        }
    }

    /// The mechglue's handle, or none.
    pub fn local_raw(&self) -> RawCredential {
        self.local
            .as_deref()
            .map_or(RawCredential::NONE, LocalCredential::raw)
    }
}

fn acquire_locally(
    by: Option<&LocalCredential>,
    wanted: Wanted<'_>,
    told: Told<'_>,
) -> Outcome<LocalCredential> {
    let glue = mechglue::mechglue()?;
    let name = wanted.name.map_or(Ok(RawName::NONE), Name::local)?;
    with_special_mechs(wanted.mechs, |mechs| {
        acquired(|minor, place| match by {
            Some(by) => (glue.gss_acquire_cred_impersonate_name)(
                minor,
                by.raw(),
                name,
                wanted.time,
                mechs,
                wanted.usage,
                place,
                told.mechs,
                told.time,
            ),
            None => (glue.gss_acquire_cred_from)(
                minor,
                name,
                wanted.time,
                mechs,
                wanted.usage,
                wanted.store,
                place,
                told.mechs,
                told.time,
            ),
        })
    })
}

/// Runs a call with a set of the mechanisms that passes this plugin by.
pub fn with_special_mechs<T>(
    mechs: &[Vec<u8>],
    call: impl FnOnce(InOidSet<'_>) -> Outcome<T>,
) -> Outcome<T> {
    if mechs.is_empty() {
        return Err(Fault::plain(major::BAD_MECH));
    }
    let special: Vec<_> = mechs
        .iter()
        .map(|mech| oid::special_octets(oid::real(mech)))
        .collect();
    let mut members: Vec<_> = special
        .iter()
        .map(|octets| OidDesc::showing(octets))
        .collect();
    let set = OidSetDesc::showing(&mut members);
    call(InOidSet::of(&set))
}

/// Runs a call that makes a credential.
pub fn acquired(
    call: impl FnOnce(Out<'_, Word>, InOut<'_, RawCredential>) -> Word,
) -> Outcome<LocalCredential> {
    let mut raw = RawCredential::NONE;
    let outcome = local(|minor| call(minor, InOut::to(&mut raw)));
    let credential = LocalCredential::of(raw);
    outcome?;
    credential.ok_or(Fault::plain(major::NO_CRED))
}

fn acquire_remotely(
    input: Option<&wire::Credential>,
    ccache: Option<&CStr>,
    wanted: Wanted<'_>,
    told: Told<'_>,
) -> Outcome<wire::Credential> {
    let credential = remote::acquire(Acquisition {
        input: input.cloned(),
        ..asked(wanted)?
    })?;
    tell(&credential, wanted.usage, told)?;
    // An acceptor's credential is of no use to anybody who looks into the cache.
    if wanted.usage != USAGE_ACCEPT && is_changed(input, &credential) {
        let claim = if wanted.name.is_some() {
            Claim::Guest
        } else {
            Claim::Default
        };
        keep(ccache, claim, &credential);
    }
    Ok(credential)
}

fn asked(wanted: Wanted<'_>) -> Outcome<Acquisition<'_>> {
    Ok(Acquisition {
        input: None,
        desired_name: wanted.name.map(Name::remote).transpose()?.cloned(),
        time: wanted.time,
        mechs: wanted.mechs,
        usage: wanted.usage,
        impersonate: false,
    })
}

/// Keeps a credential for the next program; one that cannot be kept is good here all the same.
fn keep(ccache: Option<&CStr>, claim: Claim, credential: &wire::Credential) {
    let claim = if ccache.is_some() {
        Claim::Owner
    } else {
        claim
    };
    let make_primary = claim == Claim::Default;
    let _ = stored::keep(ccache, claim, make_primary, credential);
}

/// Whether the daemon's answer is another credential than the one it was asked with.
fn is_changed(before: Option<&wire::Credential>, after: &wire::Credential) -> bool {
    before.is_none_or(|before| {
        before.desired_name.display != after.desired_name.display
            || before.elements.len() != after.elements.len()
            || before.handle != after.handle
    })
}

fn tell(credential: &wire::Credential, usage: Usage, told: Told<'_>) -> Outcome<()> {
    told.time.put(lifetime(&Received::now(credential), usage));
    if told.mechs.is_wanted() {
        told.mechs.put(mechs(credential)?);
    }
    Ok(())
}

/// The mechanisms of a sealed credential, as a set for the application.
pub fn mechs(credential: &wire::Credential) -> Outcome<GivenOidSet> {
    let mechs = credential
        .elements
        .iter()
        .map(|element| element.mech.as_slice());
    GivenOidSet::of(mechs).ok_or_else(Fault::no_memory)
}

/// For how long all of a sealed credential's elements last.
pub fn lifetime(credential: &Received<&wire::Credential>, usage: Usage) -> Word {
    let elements = credential.value.elements.iter();
    let lives = elements.flat_map(|element| {
        let begins = matches!(element.usage, wire::Usage::Initiate | wire::Usage::Both)
            && usage != USAGE_ACCEPT;
        // A keytab has no end, and some daemons say 0 of that.
        let accepts = matches!(element.usage, wire::Usage::Accept | wire::Usage::Both)
            && usage != USAGE_INITIATE
            && element.acceptor_life != 0;
        [
            begins.then(|| credential.left_of(element.initiator_life)),
            accepts.then(|| credential.left_of(element.acceptor_life)),
        ]
    });
    lives.flatten().min().unwrap_or(INDEFINITE)
}

/// What a sealed credential is good for.
pub fn usage(credential: &wire::Credential) -> Usage {
    let is = |usage| {
        credential
            .elements
            .iter()
            .any(|element| element.usage == usage)
    };
    match (
        is(wire::Usage::Both),
        is(wire::Usage::Initiate),
        is(wire::Usage::Accept),
    ) {
        (true, ..) | (_, true, true) | (_, false, false) => USAGE_BOTH,
        (_, true, false) => USAGE_INITIATE,
        (_, false, true) => USAGE_ACCEPT,
    }
}
