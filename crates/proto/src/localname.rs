//! Which local user a principal is: `auth_to_local_names` and `auth_to_local` (DEFAULT and RULE).
//!
//! Rules are POSIX extended regular expressions to MIT; here the `regex` crate reads them, after a
//! translation. One difference remains: of several alternatives POSIX takes the longest, the crate
//! the first. It shows in substitutions only, because the match of `( )` must cover the whole
//! string. Back-references do not exist here, and a rule that needs one is passed over.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod posix_regex;

use regex::bytes::{Regex, RegexBuilder};

use crate::krb5_conf::Krb5Conf;
use crate::name::Principal;

/// A pattern that compiles to more than this is refused.
const MAX_PATTERN_SIZE: usize = 1 << 20;
/// Substitutions may lengthen a name this much and no more.
const MAX_NAME: usize = 64 << 10;

/// Why a principal has no local name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalNameError {
    /// No rule applies to it (MIT: `KRB5_LNAME_NOTRANS`).
    #[error("no translation available for requested principal: {0} is nobody here")]
    NoTranslation(Principal),
    /// A rule cannot be read, so none behind it is tried either (MIT: `KRB5_CONFIG_BADFORMAT`).
    #[error("improper format of Kerberos configuration file: auth_to_local = {0}")]
    BadRule(String),
}

/// The local user name of `principal`, as `krb5_aname_to_localname` finds it.
///
/// First `auth_to_local_names` of the default realm is asked, then its `auth_to_local` rules in
/// order, or DEFAULT if there are none.
///
/// # Errors
/// No rule applies, or one is malformed.
pub fn local_name(conf: &Krb5Conf, principal: &Principal) -> Result<String, LocalNameError> {
    let nobody = || LocalNameError::NoTranslation(principal.clone());
    let default_realm = conf.libdefaults().default_realm().ok_or_else(nobody)?;
    let realm_name = default_realm.to_string_lossy();
    let settings = conf.realm(&realm_name);
    let without_realm = principal.name.unparse();
    let by_name = str::from_utf8(&without_realm)
        .ok()
        .and_then(|name| settings.auth_to_local_name(name));
    if let Some(user) = by_name {
        return Ok(user.to_owned());
    }
    let mut rules = settings.auth_to_local().peekable();
    if rules.peek().is_none() {
        return default_rule(principal, realm_name.as_bytes()).ok_or_else(nobody);
    }
    for rule in rules {
        match apply(rule, principal, realm_name.as_bytes()) {
            Ok(Some(user)) => return Ok(user),
            Ok(None) => {}
            Err(Malformed) => return Err(LocalNameError::BadRule(rule.to_owned())),
        }
    }
    Err(nobody())
}

/// The rule does not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed;

/// `None` when the rule does not apply to the principal.
fn apply(rule: &str, principal: &Principal, realm: &[u8]) -> Result<Option<String>, Malformed> {
    let (kind, text) = match rule.split_once(':') {
        Some((kind, text)) => (kind, Some(text)),
        None => (rule, None),
    };
    match (kind, text) {
        ("DEFAULT", _) => Ok(default_rule(principal, realm)),
        ("RULE", Some(text)) => selection_rule(text, principal),
        _ => Err(Malformed),
    }
}

/// `name@REALM` and `name/REALM@REALM` of the default realm are the user `name`.
fn default_rule(principal: &Principal, realm: &[u8]) -> Option<String> {
    if principal.realm.as_bytes() != realm {
        return None;
    }
    let user = match principal.name.components.as_slice() {
        [user] => user,
        [user, second] if second.as_bytes() == realm => user,
        _ => return None,
    };
    plain_text(user.as_bytes().to_vec())
}

/// A name that C would cut short is nobody's.
fn plain_text(user: Vec<u8>) -> Option<String> {
    String::from_utf8(user)
        .ok()
        .filter(|user| !user.contains('\0'))
}

/// `[n:string](regexp)s/pattern/replacement/g`, of which every part may be missing.
fn selection_rule(text: &str, principal: &Principal) -> Result<Option<String>, Malformed> {
    let Some((selected, rest)) = select(text, principal)? else {
        return Ok(None);
    };
    let Some(rest) = match_part(rest, &selected)? else {
        return Ok(None);
    };
    let user = substitute(rest, selected)?;
    Ok(user.and_then(plain_text))
}

/// Puts the selection string together, and says where in the rule it ends.
fn select<'a>(
    text: &'a str,
    principal: &Principal,
) -> Result<Option<(Vec<u8>, &'a str)>, Malformed> {
    let Some(rest) = text.strip_prefix('[') else {
        // Hardly ever what is meant where there are several realms; but so it is.
        return Ok(Some((principal.name.unparse(), text)));
    };
    let (count, mut rest) = leading_number(rest);
    rest = rest.strip_prefix(':').ok_or(Malformed)?;
    let count = count.ok_or(Malformed)?;
    let count = usize::try_from(count).map_err(|_| Malformed)?;
    if count != principal.name.components.len() {
        return Ok(None);
    }
    let mut selected = Vec::new();
    loop {
        let end = rest.find(['$', ']']).ok_or(Malformed)?;
        let (literal, behind) = rest.split_at_checked(end).ok_or(Malformed)?;
        selected.extend_from_slice(literal.as_bytes());
        if let Some(rest) = behind.strip_prefix(']') {
            return Ok(Some((selected, rest)));
        }
        let (index, behind) = leading_number(behind.strip_prefix('$').ok_or(Malformed)?);
        selected.extend_from_slice(component(principal, index.ok_or(Malformed)?)?);
        rest = behind;
    }
}

/// `$0` is the realm, `$1` the first component.
fn component(principal: &Principal, index: i64) -> Result<&[u8], Malformed> {
    if index <= 0 {
        return Ok(principal.realm.as_bytes());
    }
    usize::try_from(index)
        .ok()
        .and_then(|index| principal.name.components.get(index.checked_sub(1)?))
        .map(|component| component.as_bytes())
        .ok_or(Malformed)
}

/// What C's `strtol` reads, which takes no digits for 0; `None` when it is too large.
fn leading_number(text: &str) -> (Option<i64>, &str) {
    let blank = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let unsigned = blank.strip_prefix(['+', '-']).unwrap_or(blank);
    let rest = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == unsigned.len() {
        return (Some(0), text);
    }
    let number = blank.strip_suffix(rest).unwrap_or(blank);
    (number.parse().ok(), rest)
}

/// Checks `(regexp)`, if there is one, and gives what follows it.
fn match_part<'a>(text: &'a str, selected: &[u8]) -> Result<Option<&'a str>, Malformed> {
    let Some(rest) = text.strip_prefix('(') else {
        return Ok(Some(text));
    };
    let (pattern, rest) = rest.split_once(')').ok_or(Malformed)?;
    let matches = posix_regex::translate(pattern)
        .and_then(|pattern| compile(&format!("^(?:{pattern})$")))
        .is_some_and(|regex| regex.is_match(selected));
    Ok(matches.then_some(rest))
}

/// Applies `s/pattern/replacement/` and `s/pattern/replacement/g`, one after the other.
fn substitute(mut rest: &str, mut name: Vec<u8>) -> Result<Option<Vec<u8>>, Malformed> {
    while !rest.is_empty() {
        let mut parts = rest
            .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
            .strip_prefix("s/")
            .ok_or(Malformed)?
            .splitn(3, '/');
        let (Some(pattern), Some(replacement), Some(behind)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed);
        };
        let (everywhere, behind) = match behind.strip_prefix('g') {
            Some(behind) => (true, behind),
            None => (false, behind),
        };
        let replaced = posix_regex::translate(pattern)
            .and_then(|pattern| compile(&pattern))
            .and_then(|regex| replace(&regex, &name, replacement, everywhere));
        let Some(replaced) = replaced else {
            return Ok(None);
        };
        name = replaced;
        rest = behind;
    }
    Ok(Some(name))
}

/// MIT matches what is left as if it were a string of its own, so that `^` matches again and again;
/// where it would do so for ever, at an empty match, we end.
fn replace(regex: &Regex, name: &[u8], replacement: &str, everywhere: bool) -> Option<Vec<u8>> {
    let mut replaced = Vec::new();
    let mut rest = name;
    while let Some(found) = regex.find(rest) {
        let (before, after) = (rest.get(..found.start())?, rest.get(found.end()..)?);
        replaced.extend_from_slice(before);
        replaced.extend_from_slice(replacement.as_bytes());
        rest = after;
        if !everywhere || found.is_empty() {
            break;
        }
    }
    replaced.extend_from_slice(rest);
    (replaced.len() <= MAX_NAME).then_some(replaced)
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(MAX_PATTERN_SIZE)
        .build()
        .ok()
}
