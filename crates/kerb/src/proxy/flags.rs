//! What a command line says, whichever of the two it is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kerbstone_proxy::settings::Sources;

/// How long a user's proxy that systemd has started stays without work.
pub(crate) const IDLE_TIMEOUT: u64 = 1000;

/// The checked command line of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    /// Leave the terminal; the caller is told when the daemon serves.
    pub(crate) background: bool,
    /// `-c`
    pub(crate) config: Option<PathBuf>,
    /// `-C`
    pub(crate) config_dir: Option<PathBuf>,
    /// `-s`
    pub(crate) socket: Option<PathBuf>,
    /// `-u`
    pub(crate) user: bool,
    /// `-d` is 1; the files may say more.
    pub(crate) debug_level: i32,
    /// `--syslog-status`
    pub(crate) syslog_status: bool,
    /// `--idle-timeout`
    pub(crate) idle_timeout: Duration,
    /// Where every decision is recorded.
    pub(crate) audit: Option<PathBuf>,
    /// Where Prometheus reads.
    pub(crate) metrics: Option<SocketAddr>,
    /// Whether walls are put up.
    pub(crate) walls: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            background: false,
            config: None,
            config_dir: None,
            socket: None,
            user: false,
            debug_level: 0,
            syslog_status: false,
            idle_timeout: Duration::from_secs(IDLE_TIMEOUT),
            audit: None,
            metrics: None,
            walls: true,
        }
    }
}

impl Flags {
    /// Makes every path one that still leads there when the daemon has gone to `/`.
    pub(crate) fn absolute(mut self) -> Self {
        for path in [
            &mut self.config,
            &mut self.config_dir,
            &mut self.socket,
            &mut self.audit,
        ] {
            *path = path.take().map(|path| absolute(&path));
        }
        self
    }

    /// The files to read.
    pub(crate) fn sources(&self) -> Sources {
        Sources::from_flags(
            self.config.as_deref(),
            self.config_dir.as_deref(),
            self.socket.as_deref(),
        )
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
