//! `.k5login`: who may act as a local user.
//!
//! The file lists one principal a line, as `krb5_unparse_name` writes it: with its realm, with
//! backslashes before special characters, and nothing else on the line. MIT compares lines as text;
//! blank lines and lines that begin with `#` are harmless because no principal is written so.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::krb5_conf::{ConfError, Krb5Conf};
use crate::localname::local_name;
use crate::name::Principal;

/// MIT reads lines of this many bytes; a longer one matches nobody here.
const MAX_LINE: usize = 8191;

/// What the caller found where the user's `.k5login` should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum K5login<'a> {
    /// There is no such file, so `auth_to_local` decides.
    Absent,
    /// It is there, but cannot be read, or belongs to neither the user nor root, or there is no
    /// such user. Nobody is allowed, unless the file has no authority.
    Untrusted,
    /// Its contents.
    Contents(&'a [u8]),
}

/// Where the `.k5login` of `local_user` is, whose home directory is `home`.
#[must_use]
pub fn path(conf: &Krb5Conf, local_user: &str, home: &str) -> String {
    match conf.libdefaults().k5login_directory() {
        Some(directory) => format!("{directory}/{local_user}"),
        None => format!("{home}/.k5login"),
    }
}

/// Whether `principal` may act as `local_user`, as `krb5_kuserok` says.
///
/// The user's file decides, if there is one; without it, and for those whom a file without authority
/// (`k5login_authoritative = false`) does not list, the principal's own local name must be the
/// user's.
///
/// # Errors
/// `k5login_authoritative` is neither true nor false. Then nobody must be let in.
pub fn allowed(
    conf: &Krb5Conf,
    principal: &Principal,
    local_user: &str,
    file: K5login<'_>,
) -> Result<bool, ConfError> {
    let authoritative = conf.libdefaults().k5login_authoritative()?;
    let listed = match file {
        K5login::Absent => None,
        K5login::Untrusted => Some(false),
        K5login::Contents(contents) => Some(lists(contents, principal)),
    };
    Ok(match listed {
        Some(true) => true,
        Some(false) if authoritative => false,
        Some(false) | None => local_name(conf, principal).is_ok_and(|name| name == local_user),
    })
}

/// Whether one of the lines is exactly the principal's text.
#[must_use]
pub fn lists(contents: &[u8], principal: &Principal) -> bool {
    let text = principal.unparse();
    contents
        .split(|&byte| byte == b'\n')
        .any(|line| line.len() <= MAX_LINE && line == text)
}

/// The principals that the file lists, for showing; lines that are none are left out.
pub fn principals(contents: &[u8]) -> impl Iterator<Item = Principal> {
    contents
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .filter_map(|line| {
            let principal = Principal::parse_bytes(line, None).ok()?;
            (principal.unparse() == line).then_some(principal)
        })
}
