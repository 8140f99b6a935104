//! Names as a PAC has them: readable text, without escapes.

use crate::name::{Principal, PrincipalName};

/// Components with slashes between, and the realm after an `@` where it is wanted. MIT calls it
/// the form for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownName(String);

impl ShownName {
    /// The name without its realm; None unless it is UTF-8.
    pub fn without_realm(name: &PrincipalName) -> Option<Self> {
        let mut text = String::new();
        for component in &name.components {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(component.to_str()?);
        }
        Some(Self(text))
    }

    /// The name with its realm; None unless it is UTF-8.
    pub fn with_realm(principal: &Principal) -> Option<Self> {
        let Self(mut text) = Self::without_realm(&principal.name)?;
        text.push('@');
        text.push_str(str::from_utf8(principal.realm.as_bytes()).ok()?);
        Some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn utf16_bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.encode_utf16().flat_map(u16::to_le_bytes)
    }
}
