//! Names.

use std::ffi::{c_int, c_void};

use super::mechanisms::special;
use super::{enter, fill, given};
use crate::abi::{
    GivenBufferSet, Handle, InBuffer, InOid, InOut, Out, OutBuffer, Slot, StaticOid, Word, major,
};
use crate::mechglue::{local, mechglue};
use crate::name::{Name, imported};
use crate::settings::{self, Behavior};
use crate::status::{Fault, Outcome};
use crate::{oid, remote};

/// Never called: there is [`gssi_import_name_by_mech`].
#[unsafe(no_mangle)]
pub extern "C" fn gssi_import_name(
    minor: Out<'_, Word>,
    _text: InBuffer<'_>,
    _name_type: InOid<'_>,
    _name: Slot<'_, Name>,
) -> Word {
    enter(minor, || Err(Fault::plain(major::UNAVAILABLE)))
}

/// Takes a name as it is written.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_import_name_by_mech(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    text: InBuffer<'_>,
    name_type: InOid<'_>,
    name: Slot<'_, Name>,
) -> Word {
    enter(minor, || {
        let unreadable = Fault::plain(major::INACCESSIBLE_READ);
        // Under gss_localname the mechglue names the plugin as the mechanism, for which it knows no
        // public identifier.
        let mech = mech.octets().unwrap_or_default();
        let text = text.bytes().ok_or(unreadable)?;
        name.put(Box::new(Name::written(mech, text, name_type.octets())));
        Ok(major::COMPLETE)
    })
}

/// Releases a name.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_release_name(minor: Out<'_, Word>, name: Slot<'_, Name>) -> Word {
    enter(minor, || match name.take() {
        Some(_) => Ok(major::COMPLETE),
        None => Err(Fault::plain(major::BAD_NAME)),
    })
}

/// Copies a name.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_duplicate_name(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    copy: Slot<'_, Name>,
) -> Word {
    enter(minor, || {
        copy.put(Box::new(named(name)?.duplicate()?));
        Ok(major::COMPLETE)
    })
}

/// A name as people read it.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_display_name(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    text: OutBuffer<'_>,
    name_type: Out<'_, StaticOid>,
) -> Word {
    enter(minor, || {
        text.clear();
        name_type.put(InOid::none());
        let name = named(name)?;
        if let (None, Some(remote)) = (name.known_locally(), name.known_remotely())
            && !remote.display.is_empty()
        {
            fill(
                text,
                remote
                    .display
                    .strip_suffix(b"\0")
                    .unwrap_or(&remote.display),
            )?;
            name_type.put(oid::lasting(&remote.name_type));
            return Ok(major::COMPLETE);
        }
        let (glue, raw) = (mechglue()?, name.local()?);
        local(|minor| (glue.gss_display_name)(minor, raw, text, name_type))
    })
}

/// A name as people read names of a certain type.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_display_name_ext(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    name_type: InOid<'_>,
    text: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        let (glue, raw) = (mechglue()?, named(name)?.local()?);
        local(|minor| (glue.gss_display_name_ext)(minor, raw, name_type, text))
    })
}

/// The exported form, under the real mechanism's identifier: the mechglue would write ours into it.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_export_name(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    token: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        let name = named(name)?;
        if let Some(remote) = name
            .known_remotely()
            .filter(|remote| !remote.exported.is_empty())
        {
            fill(token, &remote.exported)?;
            return Ok(major::COMPLETE);
        }
        let (glue, raw) = (mechglue()?, name.local()?);
        local(|minor| (glue.gss_export_name)(minor, raw, token))
    })
}

/// The exported form with attributes.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_export_name_composite(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    token: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        let name = named(name)?;
        if let Some(remote) = name
            .known_remotely()
            .filter(|remote| !remote.exported_composite.is_empty())
        {
            fill(token, &remote.exported_composite)?;
            return Ok(major::COMPLETE);
        }
        let (glue, raw) = (mechglue()?, name.local()?);
        local(|minor| (glue.gss_export_name_composite)(minor, raw, token))
    })
}

/// Whether two names are the same.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_compare_name(
    minor: Out<'_, Word>,
    one: Handle<'_, Name>,
    another: Handle<'_, Name>,
    equal: Out<'_, c_int>,
) -> Word {
    enter(minor, || {
        let same = given(one)?.equals(given(another)?)?;
        equal.put(c_int::from(same));
        Ok(major::COMPLETE)
    })
}

/// Whether a name is a mechanism's, which, and what it says besides (RFC 6680).
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_name(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    is_mechanism_name: Out<'_, c_int>,
    mech: Out<'_, StaticOid>,
    attributes: Out<'_, GivenBufferSet>,
) -> Word {
    enter(minor, || {
        let name = named(name)?;
        if let Some(raw) = name.known_locally() {
            let glue = mechglue()?;
            return local(|minor| {
                (glue.gss_inquire_name)(minor, raw, is_mechanism_name, mech, attributes)
            });
        }
        let remote = name.remote()?;
        is_mechanism_name.put(c_int::from(!remote.exported.is_empty()));
        mech.put(oid::lasting(name.mech()));
        if attributes.is_wanted() {
            let names = remote
                .attributes
                .iter()
                .map(|attribute| attribute.attribute.as_slice());
            let set = match remote.attributes.len() {
                0 => GivenBufferSet::none(),
                _ => GivenBufferSet::of(names).ok_or_else(Fault::no_memory)?,
            };
            attributes.put(set);
        }
        Ok(major::COMPLETE)
    })
}

/// A value of an attribute. The daemon's word counts as authenticated: it opened the ticket.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_get_name_attribute(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    attribute: InBuffer<'_>,
    authenticated: Out<'_, c_int>,
    complete: Out<'_, c_int>,
    value: OutBuffer<'_>,
    display_value: OutBuffer<'_>,
    more: InOut<'_, c_int>,
) -> Word {
    enter(minor, || {
        let name = named(name)?;
        if let Some(raw) = name.known_locally() {
            let glue = mechglue()?;
            return local(|minor| {
                (glue.gss_get_name_attribute)(
                    minor,
                    raw,
                    attribute,
                    authenticated,
                    complete,
                    value,
                    display_value,
                    more,
                )
            });
        }
        let wanted = attribute
            .bytes()
            .ok_or(Fault::plain(major::INACCESSIBLE_READ))?;
        let known = &name.remote()?.attributes;
        let values: Vec<_> = known
            .iter()
            .filter(|known| known.attribute == *wanted)
            .collect();
        // -1 asks for the first value; what is returned asks for the one after, and 0 is the end.
        let index = usize::try_from(more.get().unwrap_or(-1)).unwrap_or(0);
        let found = values.get(index).ok_or(Fault::plain(major::UNAVAILABLE))?;
        if value.is_wanted() {
            fill(value, &found.value)?;
        }
        display_value.clear();
        authenticated.put(1);
        complete.put(1);
        let next = index.saturating_add(1);
        more.put(if next < values.len() {
            c_int::try_from(next).unwrap_or(0)
        } else {
            0
        });
        Ok(major::COMPLETE)
    })
}

/// Sets an attribute of a name of this process.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_set_name_attribute(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    complete: c_int,
    attribute: InBuffer<'_>,
    value: InBuffer<'_>,
) -> Word {
    enter(minor, || {
        let raw = named(name)?
            .known_locally()
            .ok_or(Fault::plain(major::UNAVAILABLE))?;
        let glue = mechglue()?;
        local(|minor| (glue.gss_set_name_attribute)(minor, raw, complete, attribute, value))
    })
}

/// Takes an attribute from a name of this process.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_delete_name_attribute(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    attribute: InBuffer<'_>,
) -> Word {
    enter(minor, || {
        let raw = named(name)?
            .known_locally()
            .ok_or(Fault::plain(major::UNAVAILABLE))?;
        let glue = mechglue()?;
        local(|minor| (glue.gss_delete_name_attribute)(minor, raw, attribute))
    })
}

/// The local user that a name stands for: as the daemon sees it where it gave the name.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_localname(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    mech: InOid<'_>,
    user: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        let name = given(name)?;
        let behavior = settings::behavior();
        if behavior != Behavior::LocalOnly
            && let Some(remote) = name.known_remotely()
        {
            let wanted = oid::real(mech.octets().unwrap_or(name.mech()));
            match remote::local_user(remote.clone(), wanted) {
                Ok(Some(found)) => {
                    fill(user, found.strip_suffix(b"\0").unwrap_or(&found))?;
                    return Ok(major::COMPLETE);
                }
                Err(fault) if behavior == Behavior::RemoteOnly => return Err(fault),
                Ok(None) | Err(_) => {}
            }
        }
        let (glue, raw) = (mechglue()?, name.local()?);
        local(|minor| (glue.gss_localname)(minor, raw, special(mech), user))
    })
}

/// Whether a name may act as a local user: the real mechanism decides (`.k5login`).
#[unsafe(no_mangle)]
pub extern "C" fn gssi_authorize_localname(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    user: InBuffer<'_>,
    user_type: InOid<'_>,
) -> Word {
    enter(minor, || {
        let raw = given(name)?.local()?;
        let user = user.bytes().ok_or(Fault::plain(major::INACCESSIBLE_READ))?;
        let user = imported(user, user_type)?;
        let glue = mechglue()?;
        local(|minor| (glue.gss_authorize_localname)(minor, raw, user.raw()))
    })
}

/// A name as some type of the mechanism's library.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_map_name_to_any(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    authenticated: c_int,
    type_id: InBuffer<'_>,
    output: Out<'_, *mut c_void>,
) -> Word {
    enter(minor, || {
        let (glue, raw) = (mechglue()?, given(name)?.local()?);
        local(|minor| (glue.gss_map_name_to_any)(minor, raw, authenticated, type_id, output))
    })
}

/// Releases what [`gssi_map_name_to_any`] gave.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_release_any_name_mapping(
    minor: Out<'_, Word>,
    name: Handle<'_, Name>,
    type_id: InBuffer<'_>,
    input: InOut<'_, *mut c_void>,
) -> Word {
    enter(minor, || {
        let raw = given(name)?
            .known_locally()
            .ok_or(Fault::plain(major::UNAVAILABLE))?;
        let glue = mechglue()?;
        local(|minor| (glue.gss_release_any_name_mapping)(minor, raw, type_id, input))
    })
}

fn named(name: Handle<'_, Name>) -> Outcome<&Name> {
    name.get().ok_or(Fault::plain(major::BAD_NAME))
}
