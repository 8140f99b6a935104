//! How a principal is put together from what a rule has found.

use super::map::{BadRule, Unmapped};

/// `{user}@EXAMPLE.COM`, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Found { name: String, is_upper: bool },
}

impl Template {
    /// Reads a template; `is_known` says which names may stand in braces.
    pub(super) fn parse(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Self, BadRule> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| BadRule::Brace(text.to_owned()))?;
            let (name, is_upper) = match name.strip_suffix(":upper") {
                Some(name) => (name, true),
                None => (name, false),
            };
            if !is_known(name) {
                return Err(BadRule::Placeholder(name.to_owned()));
            }
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(Piece::Found {
                name: name.to_owned(),
                is_upper,
            });
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Puts in what was found. Nothing of it can change the shape of the name that the template writes.
    pub(super) fn fill<'a>(
        &self,
        found: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, Unmapped> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Found { name, is_upper } => {
                    let value = found(name).unwrap_or_default();
                    if !is_plain(value) {
                        return Err(Unmapped::Unusable(value.to_owned()));
                    }
                    match is_upper {
                        true => text.push_str(&value.to_uppercase()),
                        false => text.push_str(value),
                    }
                }
            }
        }
        Ok(text)
    }
}

/// Whether a text can be a part of a principal's component and no more.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text
            .chars()
            .any(|character| character.is_control() || matches!(character, '@' | '/' | '\\'))
}
