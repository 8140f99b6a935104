//! `%{uid}` and its like in names of caches and keytabs.

/// What the tokens stand for in the process that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens<'a> {
    /// The real user id: `%{uid}` and `%{USERID}`.
    pub uid: u32,
    /// The effective user id: `%{euid}`.
    pub euid: u32,
    /// The name of the effective user, if it has one: `%{username}`.
    pub username: Option<&'a str>,
    /// `TMPDIR`, or `/tmp` when that is not set or the process is privileged: `%{TEMP}`.
    pub temp: &'a str,
    /// Where libraries are installed: `%{LIBDIR}`.
    pub libdir: &'a str,
    /// Where programs are installed: `%{BINDIR}`.
    pub bindir: &'a str,
    /// Where administrators' programs are installed: `%{SBINDIR}`.
    pub sbindir: &'a str,
}

/// Why a name cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A `%{` without its `}`.
    #[error("variable missing }} in {0}")]
    Unclosed(String),
    /// A token that does not exist, or only on Windows.
    #[error(
        "invalid token %{{{0}}}: known are TEMP, USERID, uid, euid, username, null, LIBDIR, BINDIR and SBINDIR"
    )]
    Unknown(String),
    /// `%{username}` for a user who is not in the user database.
    #[error("can't find username for uid {0}")]
    NoUsername(u32),
}

/// Puts in what the tokens of `text` stand for.
///
/// # Errors
/// A token is not closed, not known, or has no value.
pub fn expand_tokens(text: &str, tokens: &Tokens<'_>) -> Result<String, TokenError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("%{") {
        expanded.push_str(before);
        let (token, after) = behind
            .split_once('}')
            .ok_or_else(|| TokenError::Unclosed(text.to_owned()))?;
        expanded.push_str(&tokens.value(token)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

impl Tokens<'_> {
    fn value(&self, token: &str) -> Result<String, TokenError> {
        Ok(match token {
            "TEMP" => self.temp.to_owned(),
            "uid" | "USERID" => self.uid.to_string(),
            "euid" => self.euid.to_string(),
            "username" => self
                .username
                .ok_or(TokenError::NoUsername(self.euid))?
                .to_owned(),
            "null" => String::new(),
            "LIBDIR" => self.libdir.to_owned(),
            "BINDIR" => self.bindir.to_owned(),
            "SBINDIR" => self.sbindir.to_owned(),
            unknown => return Err(TokenError::Unknown(unknown.to_owned())),
        })
    }
}
