//! The directory model: one socket per credential, and the file system says who may use it.

use std::path::PathBuf;

use super::Location;

/// A section `[directory/NAME]`: a folder of sockets, one for each of its credentials, which stand
/// among [`Settings::services`](super::Settings::services).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The section's name without `directory/`.
    pub name: String,
    /// Where the section begins.
    pub location: Location,
    /// The folder; the daemon makes it when it is not there.
    pub path: PathBuf,
    /// Owner; the daemon's uid when absent.
    pub owner: Option<u32>,
    /// Group; the daemon's when absent.
    pub group: Option<u32>,
    /// Permission bits.
    pub mode: u32,
}
