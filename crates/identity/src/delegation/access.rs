//! Which calls an access rule lets pass, as keystonemiddleware reads them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::caller::Caller;
use crate::model::{AccessRule, ApplicationCredential, Model};

/// Whether one of these rules is about a call: `path` is what the service itself sees, from its root on.
pub fn permits<'a>(
    mut rules: impl Iterator<Item = &'a AccessRule>,
    service: &str,
    method: &str,
    path: &str,
) -> bool {
    rules.any(|rule| rule.service == service && rule.method == method && matches(&rule.path, path))
}

/// Whether a caller's access rules, if there are any, let a call of the identity service itself pass. Looking at tokens
/// always does.
pub fn may_call(model: &Model, caller: &Caller, method: &str, path: &str) -> bool {
    let used = caller.application_credential.as_ref();
    let credential = used.and_then(|used| model.get::<ApplicationCredential>(&used.id));
    let Some(ids) = credential.and_then(|credential| credential.access_rule_ids.as_ref()) else {
        return true;
    };
    if method == "GET" && path == "/v3/auth/tokens" {
        return true;
    }
    let rules = ids.iter().filter_map(|id| model.get::<AccessRule>(id));
    permits(rules.map(AsRef::as_ref), "identity", method, path)
}

/// `*` and `{name}` are one part of a path or a piece of it, `**` is anything.
fn matches(pattern: &str, path: &str) -> bool {
    let pieces = pieces(pattern);
    // Where in the path each piece may begin: the set of all ways at once, so that no pattern takes long.
    let mut starts = vec![false; path.len().saturating_add(1)];
    if let Some(first) = starts.first_mut() {
        *first = true;
    }
    for piece in pieces {
        starts = piece.after(&starts, path);
    }
    starts.last().copied().unwrap_or(false)
}

enum Piece<'a> {
    Literal(&'a str),
    /// One octet or more without a slash.
    Part,
    /// Any number of octets.
    Anything,
}

fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("**") {
            pieces.push(Piece::Anything);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('*') {
            pieces.push(Piece::Part);
            rest = after;
        } else if let Some((_, after)) = rest
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'))
        {
            pieces.push(Piece::Part);
            rest = after;
        } else {
            let after_first = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
            let (_, beyond) = rest.split_at(after_first);
            let more = beyond.find(['*', '{']).unwrap_or(beyond.len());
            let (literal, after) = rest.split_at(after_first.saturating_add(more));
            pieces.push(Piece::Literal(literal));
            rest = after;
        }
    }
    pieces
}

impl Piece<'_> {
    /// Where this piece may end, given where it may begin.
    fn after(&self, starts: &[bool], path: &str) -> Vec<bool> {
        let octets = path.as_bytes();
        let mut ends = vec![false; starts.len()];
        let mut is_inside = false;
        for (at, end) in ends.iter_mut().enumerate() {
            let starts_here = starts.get(at).copied().unwrap_or(false);
            match self {
                Self::Literal(text) => {
                    let began = at.checked_sub(text.len());
                    let began = began.filter(|began| starts.get(*began) == Some(&true));
                    *end =
                        began.is_some_and(|began| octets.get(began..at) == Some(text.as_bytes()));
                }
                Self::Part => {
                    let before = at.checked_sub(1);
                    let octet = before.and_then(|before| octets.get(before));
                    let began = before.and_then(|before| starts.get(before)) == Some(&true);
                    is_inside = (is_inside || began) && octet != Some(&b'/');
                    *end = is_inside;
                }
                Self::Anything => {
                    is_inside = is_inside || starts_here;
                    *end = is_inside;
                }
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_keystonemiddleware() {
        for (pattern, path, matched) in [
            ("/v2.1/servers", "/v2.1/servers", true),
            ("/v2.1/servers", "/v2.1/servers/5", false),
            ("/v2.1/servers/*", "/v2.1/servers/5", true),
            ("/v2.1/servers/*", "/v2.1/servers/", false),
            ("/v2.1/servers/*", "/v2.1/servers/5/ips", false),
            ("/v2.1/servers/{id}/ips", "/v2.1/servers/5/ips", true),
            ("/v2.1/**", "/v2.1/servers/5/ips", true),
            ("/v2.1/**", "/v2.1/", true),
            ("/v2.1/**/ips", "/v2.1/servers/5/ips", true),
            ("/v2.1/**/ips", "/v2.1/servers/5/ports", false),
            ("**", "/", true),
            ("/a*c", "/abbc", true),
            ("/a*c", "/ac", false),
            ("/{open", "/{open", true),
            ("/é/*", "/é/ü", true),
            ("", "", true),
            ("", "/", false),
        ] {
            assert_eq!(matches(pattern, path), matched, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let pattern = "/**a".repeat(50);
        assert!(!matches(&pattern, &"/a".repeat(2000)[..3999]));
    }

    #[test]
    fn a_rule_is_about_one_service_and_one_method() {
        let rule = AccessRule {
            id: "1".into(),
            user_id: "u".into(),
            service: "compute".to_owned(),
            path: "/servers".to_owned(),
            method: "GET".to_owned(),
        };
        let permits = |service, method| permits([&rule].into_iter(), service, method, "/servers");
        assert!(permits("compute", "GET"));
        assert!(!permits("compute", "POST"));
        assert!(!permits("identity", "GET"));
    }
}
