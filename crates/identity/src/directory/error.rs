use std::io;
use std::path::PathBuf;

/// Why the directory could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file cannot be opened or made: look at its folder's permissions.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open: only one service writes to a directory. Stop the other, or talk to it.
    #[error("{path}: another process has this directory open")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else: name the right one, or move it away to begin with an empty one.
    #[error("{path}: this is not a directory of the identity service: {what}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was seen.
        what: String,
    },
    /// The file was written by a newer version, whose form this one does not know: use that version.
    #[error("{path}: its form is {found}, and this version knows forms up to {known}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u64,
        /// The newest known one.
        known: u64,
    },
    /// A record does not read: the file was changed by something else or is damaged; restore a copy.
    #[error("{path}: the entry {key:?} of the table {table} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The key of the record.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Writing failed, and nothing was changed: the disk may be full.
    #[error("{path}: {why}")]
    Store {
        /// The file.
        path: PathBuf,
        /// What the store says.
        why: String,
    },
}
