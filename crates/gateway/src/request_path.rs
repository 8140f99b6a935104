//! Paths as decisions need them: what a back end may understand by a path, not how it is spelled.
//!
//! `/public/../admin`, `/%61dmin` and `//admin` lead to `/admin` at many a back end. If the rule for
//! `/admin` went by the spelling, each of them would be a way around it. So decisions look at decoded
//! segments, and paths that two readers may read differently are refused.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::fmt;

/// Why a path is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not begin with a slash.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// It climbs: `.` or `..`, however they are spelled.
    #[error("the path has a segment . or .., which a back end may take for another place")]
    Climbs,
    /// A slash, a backslash or a NUL hides in a segment.
    #[error("the path hides a slash, a backslash or a NUL in a segment")]
    HiddenSeparator,
    /// A percent sign without two hexadecimal digits.
    #[error("the path has a percent sign that is not followed by two hexadecimal digits")]
    BadEscape,
    /// A character in more octets than it needs, which some readers take for a dot or a slash (RFC 3629 3).
    #[error("the path spells a character in more octets than it needs")]
    Overlong,
}

/// A path in decoded segments, without empty ones and without parameters (`;v=1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    segments: Vec<Vec<u8>>,
}

impl RequestPath {
    /// Reads the path of a request's target, without the query.
    ///
    /// # Errors
    /// [`BadPath`], when it may mean different places to different readers.
    pub fn of(path: &str) -> Result<Self, BadPath> {
        let rest = path.strip_prefix('/').ok_or(BadPath::NotAbsolute)?;
        let mut segments = Vec::new();
        for spelled in rest.split('/') {
            let segment = decode(spelled)?;
            if segment
                .iter()
                .any(|octet| matches!(octet, b'/' | b'\\' | 0))
            {
                return Err(BadPath::HiddenSeparator);
            }
            if is_overlong(&segment) {
                return Err(BadPath::Overlong);
            }
            let plain = segment
                .split(|octet| *octet == b';')
                .next()
                .unwrap_or_default();
            match plain {
                b"." | b".." => return Err(BadPath::Climbs),
                b"" => {}
                plain => segments.push(plain.to_vec()),
            }
        }
        Ok(Self { segments })
    }
}

fn decode(spelled: &str) -> Result<Vec<u8>, BadPath> {
    let mut decoded = Vec::with_capacity(spelled.len());
    let mut octets = spelled.bytes();
    while let Some(octet) = octets.next() {
        let octet = if octet == b'%' {
            let digits = (
                octets.next().and_then(nibble),
                octets.next().and_then(nibble),
            );
            let (Some(high), Some(low)) = digits else {
                return Err(BadPath::BadEscape);
            };
            high << 4 | low
        } else {
            octet
        };
        decoded.push(octet);
    }
    Ok(decoded)
}

/// Whether UTF-8 is imitated there that no encoder makes.
fn is_overlong(segment: &[u8]) -> bool {
    segment.windows(2).any(|pair| {
        matches!(
            pair,
            [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]
        )
    })
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Where an entry point begins: `/`, `/app`, `/app/admin`. It covers whole segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix {
    text: String,
    path: RequestPath,
}

impl PathPrefix {
    /// Reads a prefix out of the settings.
    ///
    /// # Errors
    /// [`BadPath`], as for a request.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        Ok(Self {
            text: text.to_owned(),
            path: RequestPath::of(text)?,
        })
    }

    /// Whether the path is this place or one below it.
    pub fn covers(&self, path: &RequestPath) -> bool {
        path.segments.starts_with(&self.path.segments)
    }

    /// How deep it is: of two prefixes that cover a path, the deeper one decides.
    pub const fn depth(&self) -> usize {
        self.path.segments.len()
    }

    /// What a path, spelled as the client did, is with this prefix taken away and `instead` put in its place.
    ///
    /// `/krb/v3//auth` under `/krb/v3` becomes `/v3//auth` with `/v3` instead. `None` for a path that is not covered.
    pub fn replaced(&self, spelled: &str, instead: &Self) -> Option<String> {
        let mut rest = spelled;
        for _ in 0..self.depth() {
            rest = behind_first_segment(rest)?;
        }
        let stem = instead.text.trim_end_matches('/');
        Some(match (stem, rest) {
            ("", "") => "/".to_owned(),
            (stem, rest) => format!("{stem}{rest}"),
        })
    }

    /// Where an application is mounted that knows this prefix as `inside`: `/krb` for `/krb/v3` and `/v3`.
    pub fn mount(&self, inside: &Self) -> String {
        let outer = self.text.trim_end_matches('/');
        let stem = outer.strip_suffix(inside.text.trim_end_matches('/'));
        stem.unwrap_or_default().to_owned()
    }

    /// Whether the two cover the same paths.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// What follows the first segment that is not empty, parameters included in the segment.
fn behind_first_segment(spelled: &str) -> Option<&str> {
    let mut rest = spelled;
    loop {
        rest = rest.strip_prefix('/')?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (segment, behind) = rest.split_at_checked(end)?;
        rest = behind;
        // As `RequestPath::of` counts them.
        let decoded = decode(segment).ok()?;
        if decoded.first().is_some_and(|octet| *octet != b';') {
            return Some(rest);
        }
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(prefix: &str, path: &str) -> bool {
        PathPrefix::parse(prefix)
            .unwrap()
            .covers(&RequestPath::of(path).unwrap())
    }

    #[test]
    fn a_prefix_covers_whole_segments_only() {
        assert!(covered("/app", "/app"));
        assert!(covered("/app", "/app/x"));
        assert!(covered("/app/", "/app"));
        assert!(!covered("/app", "/apple"));
        assert!(covered("/", "/anything"));
    }

    #[test]
    fn spellings_of_one_place_are_one_place() {
        for spelled in [
            "/%61dmin",
            "//admin",
            "/admin;x=1/users",
            "/./admin".trim_start_matches("/."),
            "/adm%69n/",
        ] {
            assert!(covered("/admin", spelled), "{spelled}");
        }
    }

    #[test]
    fn paths_that_climb_or_hide_a_slash_are_refused() {
        let bad = [
            ("/public/../admin", BadPath::Climbs),
            ("/public/%2e%2E/admin", BadPath::Climbs),
            ("/public/..;/admin", BadPath::Climbs),
            ("/./admin", BadPath::Climbs),
            ("/public%2f..%2fadmin", BadPath::HiddenSeparator),
            ("/public\\admin", BadPath::HiddenSeparator),
            ("/admin%00.png", BadPath::HiddenSeparator),
            ("/a%", BadPath::BadEscape),
            ("/a%2", BadPath::BadEscape),
            ("/a%zz", BadPath::BadEscape),
            ("/public/%c0%ae%c0%ae/admin", BadPath::Overlong),
            ("/public%e0%80%afadmin", BadPath::Overlong),
            ("*", BadPath::NotAbsolute),
            ("", BadPath::NotAbsolute),
        ];
        for (path, why) in bad {
            assert_eq!(RequestPath::of(path), Err(why), "{path}");
        }
    }

    #[test]
    fn a_prefix_is_replaced_and_the_rest_stays_as_it_was_spelled() {
        let prefix = |text| PathPrefix::parse(text).unwrap();
        for (outer, inner, path, replaced) in [
            ("/krb/v3", "/v3", "/krb/v3/auth/tokens", "/v3/auth/tokens"),
            ("/krb/v3", "/v3", "/krb/v3", "/v3"),
            ("/krb/v3", "/v3/", "/krb/v3/", "/v3/"),
            ("/krb", "/", "/krb", "/"),
            ("/krb", "/", "/krb/", "/"),
            ("/krb", "/", "//%6brb;x=1//a%20b", "//a%20b"),
            ("/", "/app", "/", "/app/"),
            ("/", "/app", "/x", "/app/x"),
        ] {
            assert!(covered(outer, path), "{outer} {path}");
            let told = prefix(outer).replaced(path, &prefix(inner));
            assert_eq!(told.as_deref(), Some(replaced), "{outer} {inner} {path}");
        }
        assert_eq!(prefix("/krb/v3").mount(&prefix("/v3")), "/krb");
        assert_eq!(prefix("/app").mount(&prefix("/")), "/app");
        assert_eq!(prefix("/a").mount(&prefix("/b")), "");
    }

    #[test]
    fn the_deeper_prefix_is_deeper_however_it_is_spelled() {
        assert_eq!(PathPrefix::parse("/").unwrap().depth(), 0);
        assert_eq!(PathPrefix::parse("//a//b/").unwrap().depth(), 2);
    }
}
