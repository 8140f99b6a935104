//! Whether a handle names files of its service only.
//!
//! Services with the same keytab open each other's handles. What one of them may read, the other
//! must not reach with such a handle.

use std::path::Path;

use kerbstone_client::Context;

use super::held::HeldTickets;
use super::{HeldCredential, Sources};

/// Whether the files that a credential names are those of the service.
pub(super) fn is_of(sources: &Sources, credential: &HeldCredential, context: &Context) -> bool {
    let patterns = &sources.patterns;
    let keytab = patterns.keytab.clone();
    let keytab = keytab.or_else(|| Some(literal(context.keytab(None).ok()?.name())));
    let own = patterns.client_keytab.clone();
    let default = || Some(literal(context.client_keytab().ok()?.name()));
    let client_keytab = own.or_else(default);
    let cache = patterns.cache.clone();
    let default = || Some(literal(&context.default_cache_name().ok()?.to_string()));
    let cache = cache.or_else(default);

    let is_keytab = |pattern: &Option<String>, name: &str| {
        pattern
            .as_deref()
            .is_some_and(|pattern| fits(path_of_keytab(pattern), path_of_keytab(name)))
    };
    let named = match &credential.tickets {
        Some(HeldTickets::Named(name)) => Some(name.as_str()),
        Some(HeldTickets::Memory(..)) | None => None,
    };
    let accepts_with = credential.keytab.as_deref();
    let signs_in_with = credential.client_keytab.as_deref();
    accepts_with.is_none_or(|name| is_keytab(&keytab, name))
        && signs_in_with
            .is_none_or(|name| is_keytab(&client_keytab, name) || is_keytab(&keytab, name))
        && named.is_none_or(|name| cache.as_deref().is_some_and(|cache| is_cache(cache, name)))
}

/// A pattern for this name alone.
fn literal(name: &str) -> String {
    name.replace('%', "%%")
}

fn path_of_keytab(name: &str) -> &str {
    let path = name.strip_prefix("FILE:");
    path.or_else(|| name.strip_prefix("WRFILE:"))
        .unwrap_or(name)
}

/// Whether a cache is the one that is meant, or one of the collection that is meant.
fn is_cache(pattern: &str, name: &str) -> bool {
    let of_file = |name| match str::strip_prefix(name, "FILE:") {
        Some(path) => Some(path),
        None => (!name.contains(':') || name.starts_with('/')).then_some(name),
    };
    if let (Some(pattern), Some(name)) = (of_file(pattern), of_file(name)) {
        return fits(pattern, name);
    }
    if let (Some(dir), Some(member)) = (pattern.strip_prefix("DIR:"), name.strip_prefix("DIR::")) {
        let folder = Path::new(member).parent().and_then(Path::to_str);
        return fits(pattern, name) || folder.is_some_and(|folder| fits(dir, folder));
    }
    let is_member = || {
        let mut places = name.match_indices(':').map(|(place, _)| place);
        places.any(|place| name.get(..place).is_some_and(|start| fits(pattern, start)))
    };
    fits(pattern, name) || (pattern.starts_with("KEYRING:") && is_member())
}

/// Whether a name is what a pattern becomes for some user.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, letter, after)) = next_letter(pattern) else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    let belongs = |character: char| match letter {
        'U' => character.is_ascii_digit(),
        'u' => !matches!(character, '/' | ':'),
        _ => false,
    };
    if letter == '%' {
        return rest.strip_prefix('%').is_some_and(|rest| fits(after, rest));
    }
    let ends = rest
        .char_indices()
        .take_while(|(_, character)| belongs(*character))
        .map(|(place, character)| place.saturating_add(character.len_utf8()));
    let mut rests = ends.filter_map(|end| rest.get(end..));
    rests.any(|rest| fits(after, rest))
}

/// What is before the first `%`, the letter that follows it, and what is behind.
fn next_letter(pattern: &str) -> Option<(&str, char, &str)> {
    let (before, rest) = pattern.split_once('%')?;
    let letter = rest.chars().next()?;
    let after = rest.get(letter.len_utf8()..)?;
    Some((before, letter, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_files_of_all_users() {
        for (pattern, name) in [
            ("/etc/krb5.keytab", "/etc/krb5.keytab"),
            ("/tmp/krb5cc_%U", "/tmp/krb5cc_1000"),
            ("/home/%u/%U.cc", "/home/alice/7.cc"),
            ("/run/%u.%u", "/run/a.b.a.b"),
            ("/odd/100%%/x", "/odd/100%/x"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("/etc/krb5.keytab", "/etc/krb5.keytab2"),
            ("/tmp/krb5cc_%U", "/tmp/krb5cc_"),
            ("/tmp/krb5cc_%U", "/tmp/krb5cc_1000x"),
            ("/tmp/krb5cc_%U", "/tmp/krb5cc_root"),
            ("/home/%u/cc", "/home/alice/deep/cc"),
            ("/home/%u/cc", "/home//cc"),
            ("/odd/%", "/odd/%"),
        ] {
            assert_eq!(fits(pattern, name), pattern == name, "{pattern} {name}");
        }
    }

    #[test]
    fn knows_the_caches_of_a_collection() {
        for (pattern, name) in [
            ("/tmp/cc_%U", "FILE:/tmp/cc_7"),
            ("FILE:/tmp/cc_%U", "FILE:/tmp/cc_7"),
            ("DIR:/run/%U", "DIR::/run/7/tkt"),
            ("DIR::/run/%U/tkt", "DIR::/run/7/tkt"),
            ("KEYRING:persistent:%U", "KEYRING:persistent:7:krb_ccache_x"),
            ("KEYRING:persistent:%U", "KEYRING:persistent:7"),
        ] {
            assert!(is_cache(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("/tmp/cc_%U", "DIR::/tmp/cc_7"),
            ("DIR:/run/%U", "DIR::/run/7/deep/tkt"),
            ("DIR:/run/%U", "FILE:/run/7/tkt"),
            ("KEYRING:persistent:%U", "KEYRING:session:7"),
            ("KEYRING:persistent:%U", "KEYRING:persistent:alice:x"),
            ("/tmp/cc_%U", "FILE:/tmp/cc_7:x"),
        ] {
            assert!(!is_cache(pattern, name), "{pattern} {name}");
        }
    }
}
