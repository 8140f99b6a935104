//! Credentials.

use kerbstone_proxy::wire::{self, RpcOption, options};
use kerbstone_xdr::{from_bytes, to_bytes};

use super::mechanisms::special;
use super::{enter, fill, given};
use crate::abi::{
    Buffer, GivenBufferSet, GivenOidSet, Handle, InBuffer, InOid, InOidSet, InOut, InStore, Out,
    OutBuffer, Slot, USAGE_ACCEPT, USAGE_BOTH, USAGE_INITIATE, Usage, Word, major,
};
use crate::context::{unwrap, wrap};
use crate::credential::{self, Credential, Told, Wanted, acquired, with_special_mechs};
use crate::mechglue::{LocalName, RawName, filled, local, mechglue};
use crate::name::Name;
use crate::oid;
use crate::settings::{self, Behavior};
use crate::status::{Fault, Outcome};
use crate::stored::{self, Claim};

/// What a sealed credential begins with when it is exported.
const SEALED: &[u8] = b"\0kerbstone-proxy-credential-1\0";
/// The longest sealed credential that is exported.
const LONGEST: usize = 512 * 1024;

/// Acquires a credential from where it is by default.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_acquire_cred(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    time: Word,
    mechs: InOidSet<'_>,
    usage: Usage,
    credential: Slot<'_, Credential>,
    actual_mechs: Out<'_, GivenOidSet>,
    time_left: Out<'_, Word>,
) -> Word {
    let store = InStore::none();
    gssi_acquire_cred_from(
        minor,
        name,
        time,
        mechs,
        usage,
        store,
        credential,
        actual_mechs,
        time_left,
    )
}

/// Acquires a credential.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_acquire_cred_from(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    time: Word,
    mechs: InOidSet<'_>,
    usage: Usage,
    store: InStore<'_>,
    credential: Slot<'_, Credential>,
    actual_mechs: Out<'_, GivenOidSet>,
    time_left: Out<'_, Word>,
) -> Word {
    enter(minor, || {
        needs_place(credential)?;
        let mechs = owned(mechs);
        let wanted = Wanted {
            name: name.get(),
            time,
            mechs: &mechs,
            usage,
            store,
        };
        let told = Told {
            mechs: actual_mechs,
            time: time_left,
        };
        credential.put(Box::new(credential::acquire(
            settings::behavior(),
            wanted,
            told,
        )?));
        Ok(major::COMPLETE)
    })
}

/// Acquires a credential of one mechanism. The mechglue adds it to others itself.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_add_cred(
    minor: Out<'_, Word>,
    input: Handle<'_, Credential>,
    name: Handle<'_, Name>,
    mech: InOid<'_>,
    usage: Usage,
    initiator_time: Word,
    acceptor_time: Word,
    credential: Slot<'_, Credential>,
    actual_mechs: Out<'_, GivenOidSet>,
    initiator_left: Out<'_, Word>,
    acceptor_left: Out<'_, Word>,
) -> Word {
    gssi_add_cred_from(
        minor,
        input,
        name,
        mech,
        usage,
        initiator_time,
        acceptor_time,
        InStore::none(),
        credential,
        actual_mechs,
        initiator_left,
        acceptor_left,
    )
}

/// Acquires a credential of one mechanism. The mechglue adds it to others itself.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_add_cred_from(
    minor: Out<'_, Word>,
    _input: Handle<'_, Credential>,
    name: Handle<'_, Name>,
    mech: InOid<'_>,
    usage: Usage,
    initiator_time: Word,
    acceptor_time: Word,
    store: InStore<'_>,
    credential: Slot<'_, Credential>,
    actual_mechs: Out<'_, GivenOidSet>,
    initiator_left: Out<'_, Word>,
    acceptor_left: Out<'_, Word>,
) -> Word {
    enter(minor, || {
        needs_place(credential)?;
        let mut left = 0;
        let wanted = Wanted {
            name: name.get(),
            time: match usage {
                USAGE_ACCEPT => acceptor_time,
                USAGE_INITIATE => initiator_time,
                _ => acceptor_time.max(initiator_time),
            },
            mechs: &[mech.octets().unwrap_or(oid::KRB5).to_vec()],
            usage,
            store,
        };
        let told = Told {
            mechs: actual_mechs,
            time: Out::to(&mut left),
        };
        credential.put(Box::new(credential::acquire(
            settings::behavior(),
            wanted,
            told,
        )?));
        if usage != USAGE_ACCEPT {
            initiator_left.put(left);
        }
        if usage != USAGE_INITIATE {
            acceptor_left.put(left);
        }
        Ok(major::COMPLETE)
    })
}

/// Acquires a credential with a password, which the daemon is never told.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_acquire_cred_with_password(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    password: InBuffer<'_>,
    time: Word,
    mechs: InOidSet<'_>,
    usage: Usage,
    credential: Slot<'_, Credential>,
    actual_mechs: Out<'_, GivenOidSet>,
    time_left: Out<'_, Word>,
) -> Word {
    enter(minor, || {
        needs_place(credential)?;
        let name = name.get().ok_or(Fault::plain(major::BAD_NAME))?;
        if settings::behavior() == Behavior::RemoteOnly {
            return Err(Fault::invalid("the proxy takes no passwords"));
        }
        let (glue, raw) = (mechglue()?, name.local()?);
        let got = with_special_mechs(&owned(mechs), |mechs| {
            acquired(|minor, place| {
                (glue.gss_acquire_cred_with_password)(
                    minor,
                    raw,
                    password,
                    time,
                    mechs,
                    usage,
                    place,
                    actual_mechs,
                    time_left,
                )
            })
        })?;
        credential.put(Box::new(Credential::of_local(got)));
        Ok(major::COMPLETE)
    })
}

/// Acquires a credential in somebody else's name (S4U2Self).
#[unsafe(no_mangle)]
pub extern "C" fn gssi_acquire_cred_impersonate_name(
    minor: Out<'_, Word>,
    by: Handle<'_, Credential>,
    name: Handle<'_, Name>,
    time: Word,
    mechs: InOidSet<'_>,
    usage: Usage,
    credential: Slot<'_, Credential>,
    actual_mechs: Out<'_, GivenOidSet>,
    time_left: Out<'_, Word>,
) -> Word {
    enter(minor, || {
        let by = by.get().ok_or(Fault::plain(major::NO_CRED))?;
        needs_place(credential)?;
        let mechs = owned(mechs);
        let wanted = Wanted {
            name: name.get(),
            time,
            mechs: &mechs,
            usage,
            store: InStore::none(),
        };
        let told = Told {
            mechs: actual_mechs,
            time: time_left,
        };
        let got = credential::impersonate(settings::behavior(), &by.held(), wanted, told)?;
        credential.put(Box::new(got));
        Ok(major::COMPLETE)
    })
}

/// Releases a credential.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_release_cred(
    minor: Out<'_, Word>,
    credential: Slot<'_, Credential>,
) -> Word {
    enter(minor, || {
        if !credential.is_wanted() {
            return Err(Fault::plain(major::INACCESSIBLE_READ));
        }
        if let Some(credential) = credential.take() {
            credential.release();
        }
        Ok(major::COMPLETE)
    })
}

/// Whose a credential is, for how long and for what.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_cred(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    name: Slot<'_, Name>,
    lifetime: Out<'_, Word>,
    usage: Out<'_, Usage>,
    mechs: Out<'_, GivenOidSet>,
) -> Word {
    enter(minor, || {
        let default;
        let credential = match credential.get() {
            Some(credential) => credential,
            None => {
                default = credential::default(settings::behavior(), USAGE_INITIATE)?;
                &default
            }
        };
        let held = credential.held();
        if let Some(own) = &held.local {
            let glue = mechglue()?;
            return with_name(name, oid::KRB5, |place| {
                local(|minor| {
                    (glue.gss_inquire_cred)(minor, own.raw(), place, lifetime, usage, mechs)
                })
            });
        }
        let remote = held.remote.ok_or(Fault::plain(major::FAILURE))?;
        if remote.value.elements.is_empty() {
            return Err(Fault::invalid("the proxy's credential is for no mechanism"));
        }
        if mechs.is_wanted() {
            mechs.put(credential::mechs(&remote.value)?);
        }
        if name.is_wanted() {
            let first = remote.value.elements.first().map(|element| &element.name);
            let found = Name::of_remote_if_any(oid::KRB5, &remote.value.desired_name)
                .or_else(|| Name::of_remote_if_any(oid::KRB5, first?));
            put_name(name, found);
        }
        lifetime.put(credential::lifetime(&(*remote).as_ref(), USAGE_BOTH));
        usage.put(credential::usage(&remote.value));
        Ok(major::COMPLETE)
    })
}

/// The same of one mechanism's part of it.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_cred_by_mech(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    mech: InOid<'_>,
    name: Slot<'_, Name>,
    initiator_life: Out<'_, Word>,
    acceptor_life: Out<'_, Word>,
    usage: Out<'_, Usage>,
) -> Word {
    enter(minor, || {
        let default;
        let credential = match credential.get() {
            Some(credential) => credential,
            None => {
                default = credential::default(settings::behavior(), USAGE_INITIATE)?;
                &default
            }
        };
        let held = credential.held();
        if let Some(own) = &held.local {
            let glue = mechglue()?;
            return with_name(name, mech.octets().unwrap_or(oid::KRB5), |place| {
                local(|minor| {
                    (glue.gss_inquire_cred_by_mech)(
                        minor,
                        own.raw(),
                        special(mech),
                        place,
                        initiator_life,
                        acceptor_life,
                        usage,
                    )
                })
            });
        }
        let remote = held.remote.ok_or(Fault::plain(major::FAILURE))?;
        let wanted = oid::real(mech.octets().unwrap_or(oid::KRB5));
        let mut elements = remote.value.elements.iter();
        let element = elements
            .find(|element| element.mech == *wanted)
            .ok_or_else(|| Fault::invalid("the proxy's credential is for other mechanisms"))?;
        let (begins, accepts) = (
            element.usage != wire::Usage::Accept,
            element.usage != wire::Usage::Initiate,
        );
        initiator_life.put(if begins {
            remote.left_of(element.initiator_life)
        } else {
            0
        });
        acceptor_life.put(if accepts {
            remote.left_of(element.acceptor_life)
        } else {
            0
        });
        usage.put(match element.usage {
            wire::Usage::Initiate => USAGE_INITIATE,
            wire::Usage::Accept => USAGE_ACCEPT,
            wire::Usage::Both => USAGE_BOTH,
        });
        if name.is_wanted() {
            put_name(name, Name::of_remote_if_any(wanted, &element.name));
        }
        Ok(major::COMPLETE)
    })
}

/// What only this mechanism's credentials can tell. A sealed one tells nothing.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_cred_by_oid(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    object: InOid<'_>,
    data: Out<'_, GivenBufferSet>,
) -> Word {
    enter(minor, || {
        let own = given(credential)?.local()?;
        let glue = mechglue()?;
        local(|minor| (glue.gss_inquire_cred_by_oid)(minor, own.raw(), object, data))
    })
}

/// Sets what only this mechanism's credentials have. A sealed one takes the enctypes allowed and the
/// wish to have no flags for confidentiality and integrity, and the daemon heeds them. It goes sealed into
/// a cache that it is to be copied to.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_set_cred_option(
    minor: Out<'_, Word>,
    credential: Slot<'_, Credential>,
    object: InOid<'_>,
    value: InBuffer<'_>,
) -> Word {
    enter(minor, || {
        let credential = credential
            .get()
            .ok_or(Fault::plain(major::INACCESSIBLE_READ))?;
        let held = credential.held();
        if let Some(remote) = &held.remote {
            match object.octets() {
                Some(oid::COPY_CCACHE) => {
                    let ccache = value
                        .ccache()
                        .ok_or_else(|| Fault::invalid("no credential cache"))?;
                    stored::copy(ccache, &remote.value)?;
                }
                _ => credential.set_option(remote_option(object, value)?)?,
            }
            return Ok(major::COMPLETE);
        }
        let own = held.local.ok_or(Fault::plain(major::UNAVAILABLE))?;
        let glue = mechglue()?;
        local(|minor| own.replace(|place| (glue.gss_set_cred_option)(minor, place, object, value)))
    })
}

fn remote_option(object: InOid<'_>, value: InBuffer<'_>) -> Outcome<RpcOption> {
    match object.octets() {
        Some(oid::SET_ALLOWABLE_ENCTYPES) => {
            let enctypes = value
                .allowable_enctypes()
                .ok_or_else(|| Fault::invalid("no list of enctypes"))?;
            let words: Vec<u8> = enctypes
                .iter()
                .flat_map(|enctype| enctype.to_ne_bytes())
                .collect();
            Ok(RpcOption::new(options::ALLOWED_ENCTYPES, &words))
        }
        Some(oid::NO_CI_FLAGS) => Ok(RpcOption::new(options::NO_CI_FLAGS, b"")),
        _ => Err(Fault::plain(major::UNAVAILABLE)),
    }
}

/// Stores a credential in the default cache.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_store_cred(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    usage: Usage,
    mech: InOid<'_>,
    overwrite: Word,
    make_default: Word,
    stored_mechs: Out<'_, GivenOidSet>,
    stored_usage: Out<'_, Usage>,
) -> Word {
    gssi_store_cred_into(
        minor,
        credential,
        usage,
        mech,
        overwrite,
        make_default,
        InStore::none(),
        stored_mechs,
        stored_usage,
    )
}

/// Stores a credential; a sealed one as a ticket that is none.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_store_cred_into(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    usage: Usage,
    mech: InOid<'_>,
    overwrite: Word,
    make_default: Word,
    store: InStore<'_>,
    stored_mechs: Out<'_, GivenOidSet>,
    stored_usage: Out<'_, Usage>,
) -> Word {
    enter(minor, || {
        let held = given(credential)?.held();
        if let Some(remote) = held.remote {
            let ccache = store.value("ccache");
            let claim = if ccache.is_some() || overwrite != 0 {
                Claim::Owner
            } else {
                Claim::Default
            };
            stored::keep(ccache, claim, make_default != 0, &remote.value)?;
            if stored_mechs.is_wanted() {
                stored_mechs.put(credential::mechs(&remote.value)?);
            }
            stored_usage.put(credential::usage(&remote.value));
            return Ok(major::COMPLETE);
        }
        let own = held.local.ok_or(Fault::plain(major::NO_CRED))?;
        let glue = mechglue()?;
        local(|minor| {
            (glue.gss_store_cred_into)(
                minor,
                own.raw(),
                usage,
                special(mech),
                overwrite,
                make_default,
                store,
                stored_mechs,
                stored_usage,
            )
        })
    })
}

/// Exports a credential: one of the real mechanism as that would, so that any process can import it;
/// a sealed one sealed.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_export_cred(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    token: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        let held = given(credential)?.held();
        if let Some(own) = &held.local {
            let glue = mechglue()?;
            let exported = filled(|minor, place| (glue.gss_export_cred)(minor, own.raw(), place))?;
            let (_, rest) = unwrap(&exported).ok_or(Fault::plain(major::DEFECTIVE_CREDENTIAL))?;
            let (first, _) = unwrap_last(rest).ok_or(Fault::plain(major::DEFECTIVE_CREDENTIAL))?;
            fill(token, first)?;
            return Ok(major::COMPLETE);
        }
        let remote = held.remote.ok_or(Fault::plain(major::NO_CRED))?;
        let encoded = to_bytes(&remote.value, LONGEST)
            .map_err(|error| Fault::internal(libc::ENOSPC, &error.to_string()))?;
        fill(token, &[SEALED, &encoded].concat())?;
        Ok(major::COMPLETE)
    })
}

/// A length and that many bytes, which nothing need follow.
fn unwrap_last(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = token.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Imports a credential that [`gssi_export_cred`] exported, for a mechglue that copies credentials.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_import_cred(
    minor: Out<'_, Word>,
    token: InBuffer<'_>,
    credential: Slot<'_, Credential>,
) -> Word {
    enter(minor, || import(oid::KRB5, token, credential))
}

/// Imports a credential that this plugin or the real mechanism exported.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_import_cred_by_mech(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    token: InBuffer<'_>,
    credential: Slot<'_, Credential>,
) -> Word {
    enter(minor, || {
        import(mech.octets().unwrap_or(oid::KRB5), token, credential)
    })
}

fn import(mech: &[u8], token: InBuffer<'_>, credential: Slot<'_, Credential>) -> Outcome<Word> {
    let token = token
        .bytes()
        .ok_or(Fault::plain(major::INACCESSIBLE_READ))?;
    let imported = match token.strip_prefix(SEALED) {
        Some(sealed) => {
            let sealed = from_bytes(sealed).map_err(|error| {
                Fault::said(
                    major::DEFECTIVE_TOKEN,
                    libc::EINVAL.unsigned_abs(),
                    &error.to_string(),
                )
            })?;
            Credential::of_remote(sealed)
        }
        None => {
            let element = wrap(token, b"");
            let wrapped = wrap(&oid::special_octets(oid::real(mech)), &element);
            let buffer = Buffer::showing(&wrapped);
            let glue = mechglue()?;
            let own = acquired(|minor, place| {
                (glue.gss_import_cred)(minor, InBuffer::of(&buffer), place)
            })?;
            Credential::of_local(own)
        }
    };
    credential.put(Box::new(imported));
    Ok(major::COMPLETE)
}

/// Runs a call that may give a name of the mechglue, and gives it on as one of ours.
fn with_name<T>(
    slot: Slot<'_, Name>,
    mech: &[u8],
    call: impl FnOnce(InOut<'_, RawName>) -> Outcome<T>,
) -> Outcome<T> {
    let mut raw = RawName::NONE;
    let place = if slot.is_wanted() {
        InOut::to(&mut raw)
    } else {
        InOut::none()
    };
    let outcome = call(place);
    let name = LocalName::of(raw);
    let result = outcome?;
    if slot.is_wanted() {
        put_name(slot, name.map(|name| Name::of_local(mech, name)));
    }
    Ok(result)
}

fn put_name(slot: Slot<'_, Name>, name: Option<Name>) {
    match name {
        Some(name) => slot.put(Box::new(name)),
        None => slot.clear(),
    }
}

fn needs_place(credential: Slot<'_, Credential>) -> Outcome<()> {
    if credential.is_wanted() {
        return Ok(());
    }
    Err(Fault::plain(major::INACCESSIBLE_WRITE))
}

fn owned(mechs: InOidSet<'_>) -> Vec<Vec<u8>> {
    mechs
        .members()
        .unwrap_or_default()
        .into_iter()
        .map(<[u8]>::to_vec)
        .collect()
}
