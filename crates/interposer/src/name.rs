//! Names: as the mechglue knows them, as the daemon knows them, or both.

use std::sync::OnceLock;

use kerbstone_proxy::wire;

use crate::abi::{Buffer, InBuffer, InOid, InOut, OidDesc, Out, StaticOid, major};
use crate::mechglue::{self, LocalName, RawName, filled, local};
use crate::oid;
use crate::status::{Fault, Outcome};

/// What stands behind a `gss_name_t` that we gave out. Each form is made of the other when it is
/// asked for.
#[derive(Debug)]
pub struct Name {
    mech: Vec<u8>,
    local: OnceLock<LocalName>,
    remote: OnceLock<wire::Name>,
}

impl Name {
    /// A name as the application wrote it. It is not looked at here: names such as a user's number
    /// mean something to the daemon that the real mechanism would not hand on.
    pub fn written(mech: &[u8], text: &[u8], name_type: Option<&[u8]>) -> Self {
        let name_type = name_type.unwrap_or(oid::NT_USER_NAME);
        Self::of_remote(
            mech,
            wire::Name {
                display: text.into(),
                name_type: name_type.into(),
                ..wire::Name::default()
            },
        )
    }

    /// A name that the daemon gave.
    pub fn of_remote(mech: &[u8], remote: wire::Name) -> Self {
        Self {
            mech: kerberos_unless_said(mech),
            local: OnceLock::new(),
            remote: OnceLock::from(remote),
        }
    }

    /// A name that the daemon gave, unless it said nobody.
    pub fn of_remote_if_any(mech: &[u8], remote: &wire::Name) -> Option<Self> {
        let says_somebody = !remote.display.is_empty() || !remote.exported.is_empty();
        says_somebody.then(|| Self::of_remote(mech, remote.clone()))
    }

    /// A name that the mechglue gave.
    pub fn of_local(mech: &[u8], local: LocalName) -> Self {
        Self {
            mech: kerberos_unless_said(mech),
            local: OnceLock::from(local),
            remote: OnceLock::new(),
        }
    }

    /// The mechanism that the name belongs to.
    pub fn mech(&self) -> &[u8] {
        &self.mech
    }

    /// The mechglue's form, if it is there already.
    pub fn known_locally(&self) -> Option<RawName> {
        self.local.get().map(LocalName::raw)
    }

    /// The daemon's form, if it is there already.
    pub fn known_remotely(&self) -> Option<&wire::Name> {
        self.remote.get()
    }

    /// The mechglue's form.
    pub fn local(&self) -> Outcome<RawName> {
        if let Some(local) = self.known_locally() {
            return Ok(local);
        }
        let remote = self.remote.get().ok_or(Fault::plain(major::BAD_NAME))?;
        let made = to_local(remote, &self.mech)?;
        // Another thread may have been faster; then its name is the one.
        let _ = self.local.set(made);
        self.known_locally().ok_or(Fault::plain(major::BAD_NAME))
    }

    /// The daemon's form.
    pub fn remote(&self) -> Outcome<&wire::Name> {
        if let Some(remote) = self.remote.get() {
            return Ok(remote);
        }
        let local = self.known_locally().ok_or(Fault::plain(major::BAD_NAME))?;
        let _ = self.remote.set(to_remote(local)?);
        self.remote.get().ok_or(Fault::plain(major::BAD_NAME))
    }

    /// Another handle for the same name.
    pub fn duplicate(&self) -> Outcome<Self> {
        let duplicate = Self {
            mech: self.mech.clone(),
            local: OnceLock::new(),
            remote: self.remote.clone(),
        };
        if let Some(raw) = self.known_locally() {
            let glue = mechglue::mechglue()?;
            let copy = named(|minor, place| (glue.gss_duplicate_name)(minor, raw, place))?;
            let _ = duplicate.local.set(copy);
        }
        Ok(duplicate)
    }

    /// Whether both are the same, as the mechanism sees it.
    pub fn equals(&self, other: &Self) -> Outcome<bool> {
        if let (Some(one), Some(another)) = (self.remote.get(), other.remote.get())
            && !one.display.is_empty()
            && one.display == another.display
            && one.name_type == another.name_type
        {
            return Ok(true);
        }
        let glue = mechglue::mechglue()?;
        let (one, another) = (self.local()?, other.local()?);
        let mut equal = 0;
        local(|minor| (glue.gss_compare_name)(minor, one, another, Out::to(&mut equal)))?;
        if equal != 0 {
            return Ok(true);
        }
        // An imported export belongs to another mechanism in the mechglue's eyes than a canonical name, which is all that
        // it looks at then.
        let (one, another) = (to_remote(one)?, to_remote(another)?);
        Ok(one.display == another.display && one.name_type == another.name_type)
    }
}

impl Name {
    /// Whether the daemon could mean this name by a principal's. A name without a realm may be of any.
    pub fn may_be_called(&self, principal: &wire::Name) -> bool {
        let own = self.local().and_then(to_remote);
        own.is_err() || own.is_ok_and(|own| is_perhaps(&own.display, &principal.display))
    }
}

fn is_perhaps(one: &[u8], another: &[u8]) -> bool {
    let [(one, one_realm), (another, another_realm)] = [one, another].map(|name| {
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        match name.iter().rposition(|byte| *byte == b'@') {
            Some(at) => (
                name.get(..at).unwrap_or(name),
                name.get(at + 1..).unwrap_or_default(),
            ),
            None => (name, &[][..]),
        }
    });
    one == another
        && (one_realm == another_realm || one_realm.is_empty() || another_realm.is_empty())
}

/// Runs a call that makes a name.
pub fn named(call: impl FnOnce(Out<'_, u32>, InOut<'_, RawName>) -> u32) -> Outcome<LocalName> {
    let mut raw = RawName::NONE;
    let outcome = local(|minor| call(minor, InOut::to(&mut raw)));
    let name = LocalName::of(raw);
    outcome?;
    name.ok_or(Fault::plain(major::BAD_NAME))
}

/// A name of the mechglue that belongs to no mechanism yet.
pub fn imported(text: &[u8], name_type: InOid<'_>) -> Outcome<LocalName> {
    let glue = mechglue::mechglue()?;
    let buffer = Buffer::showing(text);
    named(|minor, place| (glue.gss_import_name)(minor, InBuffer::of(&buffer), name_type, place))
}

fn to_local(remote: &wire::Name, mech: &[u8]) -> Outcome<LocalName> {
    let (text, name_type) = if remote.display.is_empty() {
        (&remote.exported, oid::NT_EXPORT_NAME)
    } else {
        (&remote.display, &*remote.name_type)
    };
    // Debian's daemon counts the NUL at the end of some names.
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    let name_type = OidDesc::showing(name_type);
    let name = imported(text, InOid::of(&name_type))?;
    let glue = mechglue::mechglue()?;
    // Without a place for the result the mechglue turns the name itself into the mechanism's.
    local(|minor| {
        (glue.gss_canonicalize_name)(minor, name.raw(), oid::special(mech), Out::none())
    })?;
    Ok(name)
}

fn to_remote(raw: RawName) -> Outcome<wire::Name> {
    let glue = mechglue::mechglue()?;
    let mut name_type: StaticOid = InOid::none();
    let display =
        filled(|minor, place| (glue.gss_display_name)(minor, raw, place, Out::to(&mut name_type)))?;
    Ok(wire::Name {
        display: display.into(),
        name_type: name_type.octets().unwrap_or_default().into(),
        ..wire::Name::default()
    })
}

fn kerberos_unless_said(mech: &[u8]) -> Vec<u8> {
    let mech = oid::real(mech);
    if mech.is_empty() {
        oid::KRB5.to_vec()
    } else {
        mech.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_for_the_same_that_differ_in_a_missing_realm_only() {
        for (one, another, expected) in [
            ("alice@A", "alice@A", true),
            ("host/web@", "host/web@A", true),
            ("alice", "alice@A\0", true),
            ("alice@A", "alice@B", false),
            ("alice@A", "bob@A", false),
            ("host/web@", "alice@A", false),
        ] {
            assert_eq!(
                is_perhaps(one.as_bytes(), another.as_bytes()),
                expected,
                "{one} {another}"
            );
        }
    }
}
