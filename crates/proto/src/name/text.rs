//! Cutting a text into the parts of a name, and the escapes (MIT's `krb5_parse_name` and
//! `krb5_unparse_name`).

use super::{KerberosString, MAX_COMPONENTS, NameError, NameType, Principal, PrincipalName, Realm};

/// How a text is cut into components.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Components,
    Enterprise,
}

/// A text cut into components and, when there was an `@`, the realm.
pub(super) struct Parts {
    pub(super) components: Vec<KerberosString>,
    realm: Option<Vec<u8>>,
}

impl Parts {
    pub(super) fn into_principal(
        self,
        name_type: NameType,
        default_realm: Option<&Realm>,
    ) -> Result<Principal, NameError> {
        let realm = match self.realm {
            Some(realm) => Realm::from(realm),
            None => default_realm.ok_or(NameError::NoRealm)?.clone(),
        };
        Ok(Principal::new(
            PrincipalName {
                name_type,
                components: self.components,
            },
            realm,
        ))
    }
}

pub(super) fn split(text: &[u8], style: Style) -> Result<Parts, NameError> {
    let mut components = Vec::new();
    let mut current = Vec::new();
    let mut in_realm = false;
    let mut at_belongs_to_name = style == Style::Enterprise;
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => current.push(unescape(rest.next().ok_or(NameError::DanglingEscape)?)),
            b'@' if at_belongs_to_name => {
                at_belongs_to_name = false;
                current.push(byte);
            }
            b'@' if in_realm => return Err(NameError::SeparatorInRealm('@')),
            b'/' if in_realm && style == Style::Components => {
                return Err(NameError::SeparatorInRealm('/'));
            }
            b'@' => {
                in_realm = true;
                components.push(KerberosString::from(std::mem::take(&mut current)));
            }
            b'/' if style == Style::Components => {
                components.push(KerberosString::from(std::mem::take(&mut current)));
            }
            _ => current.push(byte),
        }
        if components.len() >= MAX_COMPONENTS && !in_realm {
            return Err(NameError::TooManyComponents);
        }
    }
    if in_realm {
        Ok(Parts {
            components,
            realm: Some(current),
        })
    } else {
        components.push(KerberosString::from(current));
        Ok(Parts {
            components,
            realm: None,
        })
    }
}

const fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'b' => 0x08,
        b'0' => 0,
        other => other,
    }
}

pub(super) fn escape_into(text: &mut Vec<u8>, bytes: &[u8]) {
    let is_escaped = |byte: &u8| matches!(byte, b'/' | b'@' | b'\\' | b'\n' | b'\t' | 0x08 | 0);
    let mut rest = bytes;
    while let Some(plain) = rest.iter().position(is_escaped) {
        let (before, behind) = rest.split_at(plain);
        text.extend_from_slice(before);
        let Some((byte, behind)) = behind.split_first() else {
            return;
        };
        let escape = match byte {
            b'\n' => b'n',
            b'\t' => b't',
            0x08 => b'b',
            0 => b'0',
            other => *other,
        };
        text.extend_from_slice(&[b'\\', escape]);
        rest = behind;
    }
    text.extend_from_slice(rest);
}
