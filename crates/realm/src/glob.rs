//! Patterns for names, as kadmin's `list_principals` takes them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::RealmError;

/// A pattern of `*`, `?`, `[a-z]`, `[^a-z]` and characters, of which `\` takes the meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    names_realm: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    AnyOne,
    AnyMany,
    Set {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
}

impl Part {
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::AnyOne => true,
            Self::AnyMany => false,
            Self::Set { negated, ranges } => {
                let inside = ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&byte));
                inside != *negated
            }
        }
    }
}

impl Glob {
    /// The pattern that every name matches.
    pub fn any() -> Self {
        Self {
            parts: vec![Part::AnyMany],
            names_realm: false,
        }
    }

    /// Reads a pattern. Names are matched in the text form that `kerb admin` prints; with an
    /// unescaped `@` in the pattern their realm is matched too.
    pub fn parse(pattern: &str) -> Result<Self, RealmError> {
        let bad = |reason| RealmError::BadPattern {
            pattern: pattern.to_owned(),
            reason,
        };
        let mut parts = Vec::new();
        let mut names_realm = false;
        let mut rest = pattern.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            parts.push(match byte {
                b'*' => Part::AnyMany,
                b'?' => Part::AnyOne,
                b'[' => {
                    let (set, tail) = read_set(rest).ok_or_else(|| bad("a set has no end"))?;
                    rest = tail;
                    set
                }
                b'\\' => {
                    let (&escaped, tail) = rest
                        .split_first()
                        .ok_or_else(|| bad("it ends in an escape character"))?;
                    rest = tail;
                    Part::Byte(escaped)
                }
                _ => {
                    names_realm |= byte == b'@';
                    Part::Byte(byte)
                }
            });
        }
        parts.dedup_by(|next, previous| matches!((next, previous), (Part::AnyMany, Part::AnyMany)));
        Ok(Self { parts, names_realm })
    }

    /// Whether the pattern speaks of realms, so that it wants `name@REALM`.
    pub const fn names_realm(&self) -> bool {
        self.names_realm
    }

    /// Whether the whole text fits. Takes time proportional to the product of both lengths at most.
    pub fn matches(&self, text: &[u8]) -> bool {
        let mut parts = self.parts.as_slice();
        let mut rest = text;
        // Where to go on when the characters after the last `*` do not fit: one character later.
        let mut retry: Option<(&[Part], &[u8])> = None;
        loop {
            match (parts.split_first(), rest.split_first()) {
                (Some((Part::AnyMany, tail)), _) => {
                    parts = tail;
                    retry = Some((tail, rest));
                    continue;
                }
                (Some((part, tail)), Some((&byte, after))) if part.accepts(byte) => {
                    parts = tail;
                    rest = after;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after_star, from)) = retry else {
                return false;
            };
            let Some((_, later)) = from.split_first() else {
                return false;
            };
            parts = after_star;
            rest = later;
            retry = Some((after_star, later));
        }
    }
}

/// Reads what follows a `[`, up to and including its `]`; a `]` right at the beginning is a member.
fn read_set(bytes: &[u8]) -> Option<(Part, &[u8])> {
    let (negated, mut rest) = match bytes.split_first()? {
        (b'^' | b'!', tail) => (true, tail),
        _ => (false, bytes),
    };
    let mut ranges = Vec::new();
    loop {
        let (&first, tail) = rest.split_first()?;
        if first == b']' && !ranges.is_empty() {
            return Some((Part::Set { negated, ranges }, tail));
        }
        let (low, tail) = member(first, tail)?;
        match tail {
            [b'-', high, after @ ..] if *high != b']' => {
                let (high, after) = member(*high, after)?;
                ranges.push((low, high));
                rest = after;
            }
            _ => {
                ranges.push((low, low));
                rest = tail;
            }
        }
    }
}

fn member(byte: u8, rest: &[u8]) -> Option<(u8, &[u8])> {
    if byte == b'\\' {
        let (&escaped, rest) = rest.split_first()?;
        return Some((escaped, rest));
    }
    Some((byte, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_kadmin() {
        let table = [
            ("*", "", true),
            ("*", "alice", true),
            ("a*e", "alice", true),
            ("a*e", "alicex", false),
            ("a?ice", "alice", true),
            ("a?ice", "aice", false),
            ("[a-c]lice", "blice", true),
            ("[a-c]lice", "dlice", false),
            ("[^a-c]lice", "dlice", true),
            ("[]x]", "]", true),
            ("[a\\]]", "]", true),
            ("[a-]", "-", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("host/*", "host/www", true),
            ("host/*", "HTTP/www", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, text, expected) in table {
            let glob = Glob::parse(pattern).unwrap();
            assert_eq!(glob.matches(text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn unfinished_patterns_are_refused() {
        for pattern in ["[", "[a", "[]", "[^", r"a\", r"[\", "[a-", r"[a-\"] {
            assert!(Glob::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_exponential_time() {
        let glob = Glob::parse(&"*a".repeat(200)).unwrap();
        assert!(!glob.matches(&[b'b'; 20_000]));
        assert!(!glob.matches("a".repeat(199).as_bytes()));
    }

    #[test]
    fn only_an_unescaped_at_sign_speaks_of_the_realm() {
        assert!(Glob::parse("*@R").unwrap().names_realm());
        assert!(!Glob::parse(r"a\@b").unwrap().names_realm());
    }
}
