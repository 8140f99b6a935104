use std::io;
use std::path::PathBuf;

/// Why a token cannot be made, opened or believed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// What was presented is longer than any token can be.
    #[error("this is too long for a token")]
    TooLong,
    /// What was presented is not of the form that Fernet gives: base64url, version 0x80, time, vector, blocks, MAC.
    #[error("this is not of a Fernet token's form")]
    NotFernet,
    /// No key of the repository made this: it was altered, comes from elsewhere, or its key has been rotated out.
    #[error("none of the keys has made this token")]
    UnknownKey,
    /// The payload is not what Keystone would have put there.
    #[error("the token's payload is malformed")]
    Malformed,
    /// The payload is of a version that we do not know: it was made by a newer Keystone.
    #[error("the token's payload is of the unknown version {0}")]
    UnknownVersion(u64),
    /// The token says that it was made later than now, by more than clocks may differ.
    #[error("the token comes from the future; the clocks of those who share the keys differ")]
    FromTheFuture,
    /// This identifier cannot stand in such a token.
    #[error("{0:?} cannot stand in a token of this kind")]
    Unpackable(String),
    /// The key repository is not there or cannot be read or written.
    #[error("key repository {path}: {source}")]
    Repository {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key repository holds no usable key.
    #[error("key repository {0} holds no keys")]
    NoKeys(PathBuf),
}
