//! Names of caches and collections, as KRB5CCNAME and `-c` take them.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::ClientError;

/// A parsed cache name. `Display` gives MIT's form back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheName {
    /// `FILE:path`, or a path alone.
    File(PathBuf),
    /// `DIR:path`: a directory of caches, one of which is primary.
    Dir(PathBuf),
    /// `DIR::path`: one file in such a directory.
    DirMember(PathBuf),
    /// `MEMORY:name`: lives as long as the process.
    Memory(String),
    /// `KEYRING:...`: in the kernel.
    Keyring(KeyringName),
}

/// `anchor:collection:subsidiary` of a KEYRING name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyringName {
    /// Where the collection hangs.
    pub anchor: Anchor,
    /// Its name; for the persistent anchor a user's number, or empty for one's own.
    pub collection: String,
    /// One cache of it; the primary one when absent.
    pub subsidiary: Option<String>,
}

/// The kernel keyring that a collection hangs from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The user's keyring that outlives the session.
    Persistent,
    /// The user's keyring.
    User,
    /// The session's keyring.
    Session,
    /// The process's keyring.
    Process,
    /// The thread's keyring.
    Thread,
    /// The session's keyring, in the layout of before 1.12.
    Legacy,
}

impl Anchor {
    const ALL: [(Self, &str); 6] = [
        (Self::Persistent, "persistent"),
        (Self::User, "user"),
        (Self::Session, "session"),
        (Self::Process, "process"),
        (Self::Thread, "thread"),
        (Self::Legacy, "legacy"),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, name)| *name == text)
            .map(|(anchor, _)| anchor)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::User => "user",
            Self::Session => "session",
            Self::Process => "process",
            Self::Thread => "thread",
            Self::Legacy => "legacy",
        }
    }
}

impl CacheName {
    /// Reads a name; without a type it is a file's.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let unknown = || ClientError::UnknownCacheType {
            name: text.to_owned(),
        };
        let Some((kind, residual)) = text.split_once(':') else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        match kind {
            // A path that happens to have a colon further on.
            _ if kind.starts_with('/') => Ok(Self::File(PathBuf::from(text))),
            "FILE" => Ok(Self::File(PathBuf::from(residual))),
            "DIR" => match residual.strip_prefix(':') {
                Some(path) => Self::dir_member(Path::new(path)),
                None => Ok(Self::Dir(PathBuf::from(residual))),
            },
            "MEMORY" => Ok(Self::Memory(residual.to_owned())),
            "KEYRING" => KeyringName::parse(residual).map(Self::Keyring),
            _ => Err(unknown()),
        }
    }

    /// The type, as in `FILE`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "FILE",
            Self::Dir(_) | Self::DirMember(_) => "DIR",
            Self::Memory(_) => "MEMORY",
            Self::Keyring(_) => "KEYRING",
        }
    }

    fn dir_member(path: &Path) -> Result<Self, ClientError> {
        let what = if path.parent().is_none_or(|dir| dir.as_os_str().is_empty()) {
            Some("has no parent directory")
        } else if !path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"tkt"))
        {
            Some("filename does not begin with \"tkt\"")
        } else {
            None
        };
        match what {
            None => Ok(Self::DirMember(path.to_owned())),
            Some(what) => Err(ClientError::CacheUnsupported {
                what: format!("Subsidiary cache path {} {what}", path.display()),
            }),
        }
    }
}

impl KeyringName {
    fn parse(residual: &str) -> Result<Self, ClientError> {
        let mut parts = residual.splitn(3, ':');
        let first = parts.next().unwrap_or_default();
        let (anchor, collection) = match parts.next() {
            None => (Anchor::Legacy, first),
            Some(collection) => {
                let anchor = Anchor::parse(first).ok_or_else(|| ClientError::CacheUnsupported {
                    what: format!("Invalid keyring anchor name '{first}'"),
                })?;
                (anchor, collection)
            }
        };
        Ok(Self {
            anchor,
            collection: collection.to_owned(),
            subsidiary: parts.next().map(str::to_owned),
        })
    }

    /// The same collection with one of its caches named.
    pub fn member(&self, subsidiary: &str) -> Self {
        Self {
            subsidiary: Some(subsidiary.to_owned()),
            ..self.clone()
        }
    }
}

impl fmt::Display for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "FILE:{}", path.display()),
            Self::Dir(path) => write!(f, "DIR:{}", path.display()),
            Self::DirMember(path) => write!(f, "DIR::{}", path.display()),
            Self::Memory(name) => write!(f, "MEMORY:{name}"),
            Self::Keyring(name) => write!(f, "KEYRING:{name}"),
        }
    }
}

impl fmt::Display for KeyringName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.anchor.name(), self.collection)?;
        match &self.subsidiary {
            Some(subsidiary) => write!(f, ":{subsidiary}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_the_names_that_it_reads() {
        for name in [
            "FILE:/tmp/krb5cc_0",
            "DIR:/run/user/0/krb5cc",
            "DIR::/run/user/0/krb5cc/tktAbCdEf",
            "MEMORY:a:b",
            "KEYRING:persistent:0",
            "KEYRING:session:box:box",
            "KEYRING:legacy:box",
        ] {
            assert_eq!(CacheName::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(
            CacheName::parse("/tmp/x:y").unwrap().to_string(),
            "FILE:/tmp/x:y"
        );
        assert_eq!(
            CacheName::parse("KEYRING:box").unwrap().to_string(),
            "KEYRING:legacy:box"
        );
    }

    #[test]
    fn refuses_kinds_that_it_does_not_have_and_says_which_work() {
        let error = CacheName::parse("KCM:0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Unknown credential cache type while resolving KCM:0"
        );
        assert!(error.help().contains("KEYRING:"));
        assert!(CacheName::parse("KEYRING:moon:x").is_err());
        assert!(CacheName::parse("DIR::/tmp/notaticket").is_err());
    }
}
