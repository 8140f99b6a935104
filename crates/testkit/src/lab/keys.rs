//! Where a service of a lab has its keys.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

/// Where a service has its keys.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    /// In a keytab that it reads.
    Keytab(&'a Path),
    /// With a daemon, and before the service's eyes there is no keytab.
    Proxy {
        /// Where the daemon listens for this service.
        socket: &'a Path,
        /// The file that tells MIT's library which plugin to load.
        mechanisms: &'a Path,
        /// The keytab, which is covered up when root starts the service, whom permissions do not stop.
        hidden: &'a Path,
    },
}

impl<'a> From<&'a Path> for Keys<'a> {
    fn from(keytab: &'a Path) -> Self {
        Self::Keytab(keytab)
    }
}

impl<'a> From<&'a PathBuf> for Keys<'a> {
    fn from(keytab: &'a PathBuf) -> Self {
        Self::Keytab(keytab)
    }
}

impl Keys<'_> {
    /// The command for a service that finds its keys so. Its environment is empty but for that.
    pub(super) fn command(self, program: &Path) -> Command {
        let Self::Proxy {
            socket,
            mechanisms,
            hidden,
        } = self
        else {
            let mut command = Command::new(program);
            command.env_clear();
            return command;
        };
        let mut command = match geteuid().is_root() {
            true => behind_a_cover(hidden, program),
            false => Command::new(program),
        };
        command
            .env_clear()
            .env("GSS_USE_PROXY", "yes")
            .env("GSSPROXY_SOCKET", socket)
            .env("GSSPROXY_BEHAVIOR", "REMOTE_FIRST")
            // Where the plugin would leave what the daemon hands out.
            .env("KRB5CCNAME", "MEMORY:")
            .env("GSS_MECH_CONFIG", mechanisms);
        command
    }
}

fn behind_a_cover(hidden: &Path, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c"])
        .arg("mount --bind /dev/null \"$1\" && shift && exec \"$@\"")
        .arg("sh")
        .arg(hidden)
        .arg(program);
    command
}
