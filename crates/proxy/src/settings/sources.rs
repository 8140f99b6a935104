//! Which files are read.

use std::path::{Path, PathBuf};

/// The socket that clients are compiled for.
pub const DEFAULT_SOCKET: &str = "/var/lib/gssproxy/default.sock";

/// The folder that is read when nobody names another.
pub const DEFAULT_DIRECTORY: &str = "/etc/gssproxy";

/// What is read, and the socket of services that name none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The file that is read first.
    pub file: PathBuf,
    /// The folder whose `NN-*.conf` are read after it, in the order of their names.
    pub directory: Option<PathBuf>,
    /// The default socket.
    pub socket: PathBuf,
}

impl Sources {
    /// What `-c`, `-C` and `-s` stand for: without `-c`, the default file and folder; with it, that
    /// file and a folder only when `-C` names one.
    pub fn from_flags(
        file: Option<&Path>,
        directory: Option<&Path>,
        socket: Option<&Path>,
    ) -> Self {
        let default_directory = Path::new(DEFAULT_DIRECTORY);
        Self {
            file: file.map_or_else(|| default_directory.join("gssproxy.conf"), Path::to_owned),
            directory: directory
                .or((file.is_none()).then_some(default_directory))
                .map(Path::to_owned),
            socket: socket.unwrap_or(Path::new(DEFAULT_SOCKET)).to_owned(),
        }
    }
}
