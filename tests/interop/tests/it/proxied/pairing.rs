//! Whose plugin, whose daemon, and whom the plugin asks first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{find_program, interposer_library, kerb_binary, require};

const PACKAGE: &str = "gssproxy";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    TheirPluginOurDaemon,
    OurPluginTheirDaemon,
    OursBoth,
    TheirsBoth,
}

impl Pairing {
    pub(crate) fn has_our_plugin(self) -> bool {
        matches!(self, Self::OurPluginTheirDaemon | Self::OursBoth)
    }

    pub(crate) fn has_our_daemon(self) -> bool {
        matches!(self, Self::TheirPluginOurDaemon | Self::OursBoth)
    }

    /// Whether what is not ours is on this machine.
    pub(crate) fn is_present(self) -> bool {
        self == Self::OursBoth || require("gssproxy", PACKAGE)
    }

    /// The daemon's program, in the foreground, without its arguments.
    pub(crate) fn daemon(self) -> Command {
        if self.has_our_daemon() {
            let mut command = Command::new(kerb_binary());
            command.arg("proxy");
            return command;
        }
        Command::new(find_program("gssproxy").expect("Debian's gssproxy"))
    }

    /// A file that tells MIT's library which plugin to load.
    pub(crate) fn mech_config(self, folder: &Path) -> PathBuf {
        let plugin = match self.has_our_plugin() {
            true => interposer_library().to_path_buf(),
            false => their_plugin(),
        };
        let path = folder.join("mech.conf");
        let line = format!(
            "gssproxy_v1 2.16.840.1.113730.3.8.15.1 {} <interposer>\n",
            plugin.display()
        );
        fs::write(&path, line).expect("a file of the test");
        path
    }
}

/// It lies in the machine's folder of libraries.
fn their_plugin() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("a folder of libraries");
    folders
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("gssproxy/proxymech.so"))
        .find(|path| path.is_file())
        .expect("proxymech.so of Debian's gssproxy")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    LocalOnly,
    LocalFirst,
    RemoteFirst,
    RemoteOnly,
    /// Whatever the plugin takes for granted.
    Unsaid,
}

impl Behavior {
    /// The value of `GSSPROXY_BEHAVIOR`.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::LocalOnly => Some("LOCAL_ONLY"),
            Self::LocalFirst => Some("LOCAL_FIRST"),
            Self::RemoteFirst => Some("REMOTE_FIRST"),
            Self::RemoteOnly => Some("REMOTE_ONLY"),
            Self::Unsaid => None,
        }
    }
}
