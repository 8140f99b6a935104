//! What becomes of a field of a record.

use kerbstone_proto::name::Principal;
use kerbstone_realm::Attributes;
use serde::{Deserialize, Serialize};

use crate::wire_form::WireForm;

/// What becomes of a field that may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T: Clone> Change<T> {
    /// The field after the change.
    pub fn apply(&self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value.clone()),
        }
    }

    /// Whether the field stays as it is.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T: WireForm> WireForm for Change<T> {
    type Form = Change<T::Form>;

    fn to_form(&self) -> Self::Form {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(value.to_form()),
        }
    }

    fn from_form(form: Self::Form) -> Result<Self, String> {
        Ok(match form {
            Change::Keep => Self::Keep,
            Change::Clear => Self::Clear,
            Change::Set(form) => Self::Set(T::from_form(form)?),
        })
    }
}

/// Principals that join a list, and others that leave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListChange {
    /// Those that join; one that is there already stays where it is.
    #[serde(with = "crate::wire_form")]
    pub add: Vec<Principal>,
    /// Those that leave.
    #[serde(with = "crate::wire_form")]
    pub remove: Vec<Principal>,
}

impl ListChange {
    /// Whether the list stays as it is.
    pub const fn is_keep(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// Changes the list.
    pub fn apply(&self, list: &mut Vec<Principal>) {
        list.retain(|principal| !self.remove.contains(principal));
        for principal in &self.add {
            if !list.contains(principal) {
                list.push(principal.clone());
            }
        }
    }
}

/// A flag that no attribute has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no attribute `{flag}`")]
pub struct UnknownAttribute {
    /// The flag as typed.
    pub flag: String,
    /// The name nearest to it.
    pub nearest: Option<&'static str>,
}

/// Attributes to switch on and off, as kadmin's `+requires_preauth` and `-allow_tix`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeChange {
    /// Bits that are set.
    #[serde(with = "crate::wire_form")]
    pub set: Attributes,
    /// Bits that are cleared.
    #[serde(with = "crate::wire_form")]
    pub clear: Attributes,
}

impl AttributeChange {
    /// Reads flags that commas or blanks separate; of two that contradict each other the later wins.
    ///
    /// # Errors
    /// [`UnknownAttribute`]
    pub fn parse(text: &str) -> Result<Self, UnknownAttribute> {
        let mut change = Self::default();
        for flag in text.split([',', ' ']).filter(|flag| !flag.is_empty()) {
            change.add(flag)?;
        }
        Ok(change)
    }

    fn add(&mut self, flag: &str) -> Result<(), UnknownAttribute> {
        let all = Attributes::from_bits(u32::MAX);
        let (Some(set), Some(left)) = (Attributes::NONE.apply(flag), all.apply(flag)) else {
            return Err(unknown(flag));
        };
        let clear = all - left;
        self.set = (self.set - clear) | set;
        self.clear = (self.clear - set) | clear;
        Ok(())
    }

    /// The attributes after the change.
    #[must_use]
    pub fn apply(&self, attributes: Attributes) -> Attributes {
        (attributes - self.clear) | self.set
    }
}

fn unknown(flag: &str) -> UnknownAttribute {
    let name = flag.trim_start_matches(['+', '-']);
    let nearest = Attributes::names()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .map(|(_, known)| known);
    UnknownAttribute {
        flag: flag.to_owned(),
        nearest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_kadmins_and_the_later_wins() {
        let change = AttributeChange::parse("+requires_preauth,-allow_tix +allow_tix").unwrap();
        let before = Attributes::DISALLOW_ALL_TIX | Attributes::DISALLOW_SVR;
        let after = Attributes::REQUIRES_PREAUTH | Attributes::DISALLOW_SVR;
        assert_eq!(change.apply(before), after);
    }

    #[test]
    fn an_unknown_flag_comes_with_the_nearest_known_one() {
        let error = AttributeChange::parse("+require_preauth").unwrap_err();
        assert_eq!(error.nearest, Some("requires_preauth"));
        assert_eq!(
            AttributeChange::parse("+zzzzzzz").unwrap_err().nearest,
            None
        );
    }
}
