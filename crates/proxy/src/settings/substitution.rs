//! `%U` and `%u` in the values of a credential store.

/// Why a value cannot be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// The value has `%u`, and no name of the caller's uid is known.
    #[error("the value has %u, and the uid has no user name")]
    NoUserName,
    /// Only `%U`, `%u` and `%%` are known.
    #[error("%{0} is not known: there are %U (uid), %u (user name) and %%")]
    UnknownLetter(char),
    /// The value ends with `%`.
    #[error("a lone % at the end: there are %U (uid), %u (user name) and %%")]
    LonePercent,
}

/// `%U` becomes the uid, `%u` the name, `%%` one `%`.
pub(super) fn fill_in(
    value: &str,
    uid: u32,
    user_name: Option<&str>,
) -> Result<String, SubstitutionError> {
    let mut filled = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            filled.push(character);
            continue;
        }
        match characters.next() {
            Some('U') => filled.push_str(&uid.to_string()),
            Some('u') => filled.push_str(user_name.ok_or(SubstitutionError::NoUserName)?),
            Some('%') => filled.push('%'),
            Some(letter) => return Err(SubstitutionError::UnknownLetter(letter)),
            None => return Err(SubstitutionError::LonePercent),
        }
    }
    Ok(filled)
}

/// Whether the value has `%u`.
pub(super) fn wants_user_name(value: &str) -> bool {
    fill_in(value, 0, None) == Err(SubstitutionError::NoUserName)
}
