//! Patterns of names in settings: letters as they stand, and `*` for any number of them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;

/// A pattern: `alice`, `*/admin@EXAMPLE.TEST`, `*.example.test`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern. Every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a name rather than a pattern.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether the text fits; a star stands for anything.
    pub fn matches(&self, text: &str) -> bool {
        fits(&self.0, text, |_| true)
    }

    /// Whether a principal fits, as `kadm5.acl` has it: a star stays within one component or the realm, so that
    /// `*@EXAMPLE.TEST` is no service and nobody's second identity.
    pub fn matches_principal(&self, principal: &str) -> bool {
        fits(&self.0, principal, |letter| {
            !matches!(letter, '/' | '@' | '\\')
        })
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text fits the pattern, whose stars stand for letters that `is_taken` allows.
fn fits(pattern: &str, text: &str, is_taken: impl Fn(char) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when a star has taken one letter too few.
    let mut again: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (mut pattern_rest, mut text_rest) = (pattern.clone(), text.clone());
        match (pattern_rest.next(), text_rest.next()) {
            (Some('*'), _) => {
                again = Some((pattern_rest.clone(), text.clone()));
                pattern = pattern_rest;
            }
            (Some(one), Some(other)) if one == other => {
                (pattern, text) = (pattern_rest, text_rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after_star, mut from)) = again.take() else {
                    return false;
                };
                match from.next() {
                    Some(letter) if is_taken(letter) => {}
                    _ => return false,
                }
                (pattern, text) = (after_star.clone(), from.clone());
                again = Some((after_star, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_number_of_letters() {
        for (pattern, text, fits) in [
            ("alice", "alice", true),
            ("alice", "alicea", false),
            ("*", "", true),
            ("*.example.test", "www.example.test", true),
            ("*.example.test", "example.test", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("é*", "été", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(text),
                fits,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_star_in_a_principal_stays_within_its_component() {
        for (pattern, text, fits) in [
            ("*@EXAMPLE.TEST", "alice@EXAMPLE.TEST", true),
            ("*@EXAMPLE.TEST", "host/www@EXAMPLE.TEST", false),
            ("*/admin@EXAMPLE.TEST", "alice/admin@EXAMPLE.TEST", true),
            ("alice@*", "alice@OTHER.TEST", true),
            ("alice@*", "alice@A@EXAMPLE.TEST", false),
            ("*@EXAMPLE.TEST", "x\\@EXAMPLE.TEST@EVIL.TEST", false),
            ("*@*", "x\\/admin@EXAMPLE.TEST", false),
            ("web*/*@EXAMPLE.TEST", "web1/host@EXAMPLE.TEST", true),
            ("web*/*@EXAMPLE.TEST", "web1@EXAMPLE.TEST", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches_principal(text),
                fits,
                "{pattern} {text}"
            );
        }
    }
}
