//! Object identifiers: those we know, those that stand for "the real mechanism, not us", and a
//! place where results can point to until the process ends.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::abi::{InOid, OidDesc, StaticOid};

/// This plugin's own "mechanism": 2.16.840.1.113730.3.8.15.1, gssproxy's, so that a site's
/// configuration names either plugin.
pub const INTERPOSER: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x42\x03\x08\x0f\x01";

/// Kerberos: 1.2.840.113554.1.2.2.
pub const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// Kerberos before RFC 1964: 1.3.5.1.5.2.
pub const KRB5_OLD: &[u8] = b"\x2b\x05\x01\x05\x02";
/// Kerberos as Windows 2000 misspells it: 1.2.840.48018.1.2.2.
pub const KRB5_WRONG: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
/// Kerberos through the service: 1.3.6.1.5.2.5.
pub const IAKERB: &[u8] = b"\x2b\x06\x01\x05\x02\x05";

/// The mechanisms that this plugin stands before, with the names a configuration has for them.
pub const INTERPOSED: [(&str, &[u8]); 4] = [
    ("krb5", KRB5),
    ("krb5-old", KRB5_OLD),
    ("krb5-wrong", KRB5_WRONG),
    ("iakerb", IAKERB),
];

/// `GSS_C_NT_USER_NAME`.
pub const NT_USER_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01";
/// `GSS_C_NT_EXPORT_NAME`.
pub const NT_EXPORT_NAME: &[u8] = b"\x2b\x06\x01\x05\x06\x04";

/// `GSS_KRB5_SET_ALLOWABLE_ENCTYPES`.
pub const SET_ALLOWABLE_ENCTYPES: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x04";
/// `GSS_KRB5_COPY_CCACHE`.
pub const COPY_CCACHE: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x02";
/// `GSS_KRB5_CRED_NO_CI_FLAGS_X`: 1.2.752.43.13.29.
pub const NO_CI_FLAGS: &[u8] = b"\x2a\x85\x70\x2b\x0d\x1d";

/// More identifiers than that are never met; a daemon that sends always new ones is not followed.
const MOST: usize = 512;

struct Known {
    desc: OidDesc,
    octets: Box<[u8]>,
    next: *const Known,
}

static NEWEST: AtomicPtr<Known> = AtomicPtr::new(ptr::null_mut());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A description of these octets that lives until the process ends, as results of type `gss_OID` do.
///
/// `GSS_C_NO_OID` when there are far too many.
pub fn lasting(octets: &[u8]) -> StaticOid {
    if let Some(known) = known().find(|known| *known.octets == *octets) {
        return InOid::of(&known.desc);
    }
    if COUNT.fetch_add(1, Ordering::Relaxed) >= MOST {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        return InOid::none();
    }
    let octets: Box<[u8]> = octets.into();
    // The description points into the box's memory, which stays where it is when the box moves.
    let desc = OidDesc::showing(&octets);
    let mut known = Box::new(Known {
        desc,
        octets,
        next: NEWEST.load(Ordering::Acquire),
    });
    loop {
        let newest = known.next.cast_mut();
        let candidate = Box::into_raw(known);
        match NEWEST.compare_exchange(newest, candidate, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `candidate` is in the list now: nobody writes to it again or frees it.
            Ok(_) => return InOid::of(unsafe { &(*candidate).desc }),
            Err(newer) => {
                // SAFETY: `candidate` was made of a box just above and nobody else has seen it.
                known = unsafe { Box::from_raw(candidate) };
                known.next = newer;
            }
        }
    }
}

/// The identifier by which the mechglue means the real mechanism and not this plugin: ours, and the
/// mechanism's behind it.
pub fn special(mech: &[u8]) -> StaticOid {
    lasting(&special_octets(real(mech)))
}

/// The octets of [`special`].
pub fn special_octets(mech: &[u8]) -> Vec<u8> {
    [INTERPOSER, mech].concat()
}

/// Whether this is one of [`special`]'s.
pub fn is_special(mech: &[u8]) -> bool {
    mech.starts_with(INTERPOSER)
}

/// The real mechanism's identifier, whether special or not. Names with a context have the plugin's
/// own for their mechanism: those are Kerberos'.
pub fn real(mech: &[u8]) -> &[u8] {
    match mech.strip_prefix(INTERPOSER) {
        Some([]) => KRB5,
        Some(real) => real,
        None => mech,
    }
}

/// Whether it is one of Kerberos' names.
pub fn is_kerberos(mech: &[u8]) -> bool {
    INTERPOSED.iter().any(|(_, known)| *known == mech)
}

/// Whether this description was given out by [`lasting`]: such ones are not to be freed.
pub fn is_ours(oid: InOid<'_>) -> bool {
    known().any(|known| oid.is(&known.desc))
}

fn known() -> impl Iterator<Item = &'static Known> {
    let mut next: *const Known = NEWEST.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: null, or in the list, where nothing is written to again or freed.
        let known = unsafe { next.as_ref() }?;
        next = known.next;
        Some(known)
    })
}

/// Reads `1.2.840.113554.1.2.2` into octets.
pub fn parse(dotted: &str) -> Option<Vec<u8>> {
    let mut arcs = dotted.split('.').map(str::parse::<u32>);
    let first = arcs.next()?.ok().filter(|first| *first <= 2)?;
    let second = arcs.next()?.ok()?;
    if first < 2 && second >= 40 {
        return None;
    }
    let mut octets = Vec::new();
    push_arc(&mut octets, first.checked_mul(40)?.checked_add(second)?);
    for arc in arcs {
        push_arc(&mut octets, arc.ok()?);
    }
    Some(octets)
}

fn push_arc(octets: &mut Vec<u8>, arc: u32) {
    let groups = (1..5).rev().map(|group| arc >> (7 * group));
    octets.extend(
        groups
            .filter(|bits| *bits != 0)
            .map(|bits| (bits & 0x7f) as u8 | 0x80),
    );
    octets.push((arc & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dotted_identifiers() {
        assert_eq!(parse("1.2.840.113554.1.2.2").as_deref(), Some(KRB5));
        assert_eq!(
            parse("2.16.840.1.113730.3.8.15.1").as_deref(),
            Some(INTERPOSER)
        );
        assert_eq!(parse("1.2.752.43.13.29").as_deref(), Some(NO_CI_FLAGS));
        assert_eq!(parse("1.3.6.1.5.2.5").as_deref(), Some(IAKERB));
        for wrong in ["", "1", "3.1", "1.40", "1.x", "1.2.", "1.2.99999999999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn gives_the_same_description_for_the_same_octets() {
        let one = lasting(KRB5);
        assert_eq!(one.octets(), Some(KRB5));
        assert!(is_ours(one));
        assert!(is_ours(lasting(KRB5)));
        let elsewhere = OidDesc::showing(KRB5);
        assert!(!is_ours(InOid::of(&elsewhere)));
        assert!(!is_ours(InOid::none()));
    }

    #[test]
    fn puts_the_plugin_before_a_mechanism_once() {
        let special_krb5 = special(KRB5).octets().unwrap();
        assert!(is_special(special_krb5));
        assert_eq!(special(special_krb5).octets(), Some(special_krb5));
        assert_eq!(real(special_krb5), KRB5);
        assert_eq!(real(KRB5), KRB5);
        assert_eq!(real(INTERPOSER), KRB5);
        assert_eq!(special(INTERPOSER).octets(), Some(special_krb5));
    }

    #[test]
    fn serves_threads_that_learn_identifiers_together() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for last in 0_u8..50 {
                        assert_eq!(lasting(&[0x2b, last]).octets(), Some(&[0x2b, last][..]));
                    }
                });
            }
        });
    }
}
