//! Names of records in the store: a kind, a realm and a name, ordered so that a realm's records lie together.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};

use crate::codec::{Reader, Writer};
use crate::error::RealmError;

/// What a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// Times and counts of a principal's logins.
    Activity,
    /// The number and fingerprint of the master key.
    Master,
    /// A principal or an alias.
    Principal,
    /// A realm's settings.
    Realm,
    /// A password policy.
    Policy,
}

impl RecordKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Activity => b'a',
            Self::Master => b'm',
            Self::Principal => b'p',
            Self::Realm => b'r',
            Self::Policy => b'y',
        }
    }
}

/// The name of one record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(Vec<u8>);

/// The beginning of the names of many records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPrefix(Vec<u8>);

impl RecordKey {
    /// The record of a principal or alias.
    pub fn principal(principal: &Principal) -> Self {
        Self::named(
            RecordKind::Principal,
            &principal.realm,
            &principal.name.unparse(),
        )
    }

    /// The record of a principal's logins.
    pub fn activity(principal: &Principal) -> Self {
        Self::named(
            RecordKind::Activity,
            &principal.realm,
            &principal.name.unparse(),
        )
    }

    /// The record of a policy.
    pub fn policy(realm: &Realm, name: &str) -> Self {
        Self::named(RecordKind::Policy, realm, name.as_bytes())
    }

    /// The record of a realm's settings.
    pub fn realm(realm: &Realm) -> Self {
        Self::named(RecordKind::Realm, realm, &[])
    }

    /// The record of the store's master key.
    pub fn master() -> Self {
        Self(vec![RecordKind::Master.byte()])
    }

    /// The key with these bytes, as a dump carries them.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, RealmError> {
        let key = Self(bytes.to_vec());
        match key.kind() {
            Some(RecordKind::Master) if bytes.len() == 1 => Ok(key),
            Some(RecordKind::Master) | None => Err(damaged("unknown kind")),
            Some(_) => key.split().map(|_| key.clone()),
        }
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the record describes; `None` for kinds of later versions.
    pub fn kind(&self) -> Option<RecordKind> {
        kind_of(&self.0)
    }

    /// The principal whose record or logins it names.
    pub fn to_principal(&self) -> Result<Principal, RealmError> {
        principal_of(&self.0)
    }

    /// The realm and the name within it.
    pub(crate) fn split(&self) -> Result<(Realm, &[u8]), RealmError> {
        split(&self.0)
    }

    fn named(kind: RecordKind, realm: &Realm, name: &[u8]) -> Self {
        let mut bytes = prefix(kind, realm);
        bytes.extend_from_slice(name);
        Self(bytes)
    }
}

impl RecordPrefix {
    /// Every record.
    pub const fn all() -> Self {
        Self(Vec::new())
    }

    /// Every record of a kind.
    pub fn kind(kind: RecordKind) -> Self {
        Self(vec![kind.byte()])
    }

    /// Every record of a kind in a realm.
    pub fn realm(kind: RecordKind, realm: &Realm) -> Self {
        Self(prefix(kind, realm))
    }

    /// The prefix's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

pub(crate) fn kind_of(key: &[u8]) -> Option<RecordKind> {
    Some(match key.first()? {
        b'a' => RecordKind::Activity,
        b'm' => RecordKind::Master,
        b'p' => RecordKind::Principal,
        b'r' => RecordKind::Realm,
        b'y' => RecordKind::Policy,
        _ => return None,
    })
}

pub(crate) fn principal_of(key: &[u8]) -> Result<Principal, RealmError> {
    let (realm, name) = split(key)?;
    parse_name(name, realm)
}

fn prefix(kind: RecordKind, realm: &Realm) -> Vec<u8> {
    let name = realm.as_bytes();
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(64);
    bytes.push(kind.byte());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(name);
    bytes
}

pub(crate) fn split(key: &[u8]) -> Result<(Realm, &[u8]), RealmError> {
    let cut = || damaged("cut short");
    let (_, rest) = key.split_first().ok_or_else(cut)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let length = u16::from_be_bytes(*length).into();
    let (realm, name) = rest.split_at_checked(length).ok_or_else(cut)?;
    Ok((Realm::from(realm), name))
}

fn parse_name(text: &[u8], realm: Realm) -> Result<Principal, RealmError> {
    Principal::parse_bytes(text, Some(&realm)).map_err(|_| damaged("malformed name"))
}

fn damaged(reason: &'static str) -> RealmError {
    RealmError::Damaged {
        kind: "record name",
        reason,
    }
}

/// Writes a principal as part of another record.
pub(crate) fn write_principal(out: &mut Writer, principal: &Principal) {
    out.signed(principal.name.name_type.0.into());
    out.bytes(principal.realm.as_bytes());
    out.list(&principal.name.components, |out, component| {
        out.bytes(component.as_bytes());
    });
}

/// Reads what [`write_principal`] wrote.
pub(crate) fn read_principal(input: &mut Reader<'_>) -> Result<Principal, RealmError> {
    let name_type =
        i32::try_from(input.signed()?).map_err(|_| input.damaged("name type out of range"))?;
    let realm = Realm::from(input.bytes()?);
    let components = input.list(Reader::bytes)?;
    Ok(Principal::new(
        PrincipalName::new(NameType(name_type), components),
        realm,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_every_odd_character_come_back() {
        for text in ["alice@R", r"a\/b\@c/d\\e@R", r"tab\there\0@R/S\@T", "é@R"] {
            let Ok(principal) = Principal::parse(text, None) else {
                continue;
            };
            let key = RecordKey::principal(&principal);
            assert_eq!(key.to_principal().unwrap(), principal);
            assert_eq!(RecordKey::from_bytes(key.as_bytes()).unwrap(), key);
        }
    }

    #[test]
    fn names_of_different_records_never_coincide() {
        let in_realm = |name: &str, realm: &str| {
            RecordKey::principal(&Principal::parse(name, Some(&Realm::from(realm))).unwrap())
        };
        assert_ne!(in_realm("a", "RR"), in_realm("Ra", "R"));
        assert_ne!(in_realm("a/b", "R"), in_realm(r"a\/b", "R"));
    }

    #[test]
    fn damaged_names_are_refused() {
        for bytes in [&b""[..], b"p", b"p\0", b"p\0\x09R", b"z\0\x01Rx", b"mm"] {
            assert!(RecordKey::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}
