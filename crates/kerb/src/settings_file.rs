//! `kerbstone.toml`: read, checked, and refused in words for the administrator.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kerbstone_proto::delta_time::parse_duration;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

/// Why a settings file was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The text is not TOML, or not our settings.
    #[error("{path}: line {line}: {message}", path = path.display())]
    Invalid {
        path: PathBuf,
        line: usize,
        message: String,
        nearest: Option<String>,
    },
}

impl SettingsError {
    /// What the administrator can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => {
                format!(
                    "make {} with `kerb kdc init`, or name another with --config",
                    path.display()
                )
            }
            Self::Invalid {
                nearest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::Invalid { .. } => "see the page kerbstone.toml of the book".to_owned(),
        }
    }
}

/// Reads and checks a settings file.
///
/// # Errors
/// [`SettingsError`] names the file, the line and, for an unknown key, the nearest known one.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// Checks the text of a settings file; `path` is for what errors say.
///
/// # Errors
/// [`SettingsError::Invalid`]
pub(crate) fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, SettingsError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        SettingsError::Invalid {
            path: path.to_owned(),
            line: before.matches('\n').count().saturating_add(1),
            message: error.message().to_owned(),
            nearest: nearest_name(error.message()),
        }
    })
}

/// A length of time, written as in krb5.conf.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(Error::custom)
}

/// The known name nearest to the unknown one, both read from serde's message
/// (``unknown field `a`, expected one of `b`, `c` ``), whose list is the one source of our names.
fn nearest_name(message: &str) -> Option<String> {
    let rest = message
        .strip_prefix("unknown field ")
        .or_else(|| message.strip_prefix("unknown variant "))?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    quoted
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().max(3) / 2)
        .map(|(_, known)| known.to_owned())
}
