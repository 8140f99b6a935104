//! Which mechanisms this plugin stands before, what they can do, and words for failures.

use std::ffi::c_int;
use std::panic::catch_unwind;

use kerbstone_proxy::wire::MechInfo;

use super::{enter, fill};
use crate::abi::{
    GivenOidSet, InBuffer, InOid, InOut, MECH_CODE, Out, OutBuffer, StaticOid, Word, major,
};
use crate::mechglue::{self, local, mechglue};
use crate::settings::Behavior;
use crate::status::{Fault, Outcome, ask_once, recall};
use crate::{krb5, oid, order, remote, settings};

/// What the mechglue asks when it loads us: the mechanisms to stand before, or none.
#[unsafe(no_mangle)]
pub extern "C" fn gss_mech_interposer(mech: InOid<'_>) -> GivenOidSet {
    let set = catch_unwind(|| {
        if mech.octets() != Some(oid::INTERPOSER) || mechglue::find().is_none() {
            return None;
        }
        let mechs = settings::mechanisms();
        if mechs.is_empty() {
            return None;
        }
        GivenOidSet::of(mechs.iter().map(Vec::as_slice))
    });
    set.ok().flatten().unwrap_or(GivenOidSet::none())
}

/// Never called: the mechglue knows its mechanisms.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_indicate_mechs(minor: Out<'_, Word>, _mechs: Out<'_, GivenOidSet>) -> Word {
    enter(minor, || Err(Fault::plain(major::FAILURE)))
}

/// The types of names that a mechanism takes.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_names_for_mech(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    types: Out<'_, GivenOidSet>,
) -> Word {
    enter(minor, || {
        order::ask(
            behavior(),
            || {
                let glue = mechglue()?;
                local(|minor| (glue.gss_inquire_names_for_mech)(minor, special(mech), types))
            },
            || {
                types.put(set(&about(mech)?.name_types)?);
                Ok(major::COMPLETE)
            },
        )
    })
}

/// The attributes of a mechanism (RFC 5587).
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_attrs_for_mech(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    attributes: Out<'_, GivenOidSet>,
    known_attributes: Out<'_, GivenOidSet>,
) -> Word {
    enter(minor, || {
        order::ask(
            behavior(),
            || {
                let glue = mechglue()?;
                local(|minor| {
                    (glue.gss_inquire_attrs_for_mech)(
                        minor,
                        special(mech),
                        attributes,
                        known_attributes,
                    )
                })
            },
            || {
                let about = about(mech)?;
                for (place, oids) in [
                    (attributes, &about.attributes),
                    (known_attributes, &about.known_attributes),
                ] {
                    if place.is_wanted() {
                        place.put(set(oids)?);
                    }
                }
                Ok(major::COMPLETE)
            },
        )
    })
}

/// A mechanism's names in SASL (RFC 5801).
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_saslname_for_mech(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    sasl_mech: OutBuffer<'_>,
    name: OutBuffer<'_>,
    description: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        order::ask(
            behavior(),
            || {
                let glue = mechglue()?;
                local(|minor| {
                    (glue.gss_inquire_saslname_for_mech)(
                        minor,
                        special(mech),
                        sasl_mech,
                        name,
                        description,
                    )
                })
            },
            || {
                let about = about(mech)?;
                let answers = [
                    (sasl_mech, &about.sasl_mech),
                    (name, &about.sasl_name),
                    (description, &about.sasl_description),
                ];
                for (place, text) in answers {
                    fill(place, text)?;
                }
                Ok(major::COMPLETE)
            },
        )
    })
}

/// Left to the real mechanisms: what they answer leads back here when it is used.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_mech_for_saslname(
    minor: Out<'_, Word>,
    _sasl_mech: InBuffer<'_>,
    _mech: Out<'_, StaticOid>,
) -> Word {
    enter(minor, || Err(Fault::plain(major::UNAVAILABLE)))
}

/// Settings of a mechanism in this process: of no interest to the daemon.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_mech_invoke(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    object: InOid<'_>,
    value: InBuffer<'_>,
) -> Word {
    enter(minor, || {
        let glue = mechglue()?;
        local(|minor| (glue.gssspi_mech_invoke)(minor, special(mech), object, value))
    })
}

/// Whether an identifier is one of those that we keep until the process ends, and so is not to be
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_internal_release_oid(
    minor: Out<'_, Word>,
    oid: InOut<'_, InOid<'static>>,
) -> Word {
    enter(minor, || match oid.get() {
        Some(given) if oid::is_ours(given) => {
            oid.put(InOid::none());
            Ok(major::COMPLETE)
        }
        _ => Ok(major::CONTINUE_NEEDED),
    })
}

/// Words for a minor status: those that the daemon gave this thread with it, else the mechglue's, else
/// those of Kerberos' error tables.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_display_status(
    minor: Out<'_, Word>,
    status: Word,
    kind: c_int,
    _mech: InOid<'_>,
    message_context: InOut<'_, Word>,
    text: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        if kind != MECH_CODE {
            return Err(Fault::plain(major::BAD_STATUS));
        }
        if let Some(words) = recall(status) {
            return say(&words, message_context, text);
        }
        let asked = ask_once(|| {
            let glue = mechglue()?;
            let no_mech = InOid::none();
            local(|minor| {
                (glue.gss_display_status)(minor, status, MECH_CODE, no_mech, message_context, text)
            })
        });
        if let Some(Ok(major)) = asked {
            return Ok(major);
        }
        let words = krb5::error_text(status).ok_or(Fault::plain(major::BAD_STATUS))?;
        say(&words, message_context, text)
    })
}

fn say(words: &str, message_context: InOut<'_, Word>, text: OutBuffer<'_>) -> Outcome<Word> {
    message_context.put(0);
    fill(text, words.as_bytes())?;
    Ok(major::COMPLETE)
}

/// The identifier that passes this plugin by.
pub(super) fn special(mech: InOid<'_>) -> InOid<'static> {
    oid::special(mech.octets().unwrap_or(oid::KRB5))
}

/// Who is asked about a mechanism. Where the daemon alone is to work and does not answer, the real
/// mechanism describes itself: were it to count as missing, the mechglue would ask others for
/// credentials, and their failure would hide that the daemon does not answer.
fn behavior() -> Behavior {
    match settings::behavior() {
        Behavior::RemoteOnly => Behavior::RemoteFirst,
        other => other,
    }
}

fn about(mech: InOid<'_>) -> Outcome<&'static MechInfo> {
    let wanted = oid::real(mech.octets().unwrap_or(oid::KRB5));
    let mut mechs = remote::mechs()?.mechs.iter();
    mechs
        .find(|about| about.mech == *wanted)
        .ok_or(Fault::plain(major::BAD_MECH))
}

fn set(oids: &[kerbstone_proxy::wire::Oid]) -> Outcome<GivenOidSet> {
    GivenOidSet::of(oids.iter().map(|oid| oid.as_slice())).ok_or_else(Fault::no_memory)
}
