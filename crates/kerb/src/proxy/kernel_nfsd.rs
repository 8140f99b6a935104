//! Telling the kernel's NFS server that there is a proxy.
//!
//! The kernel connects to the proxy's socket while this file is written, in the writer's namespaces, and remembers the
//! answer for good; so it is told before the daemon leaves anything behind, and again until the module is there.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::time::Duration;

use kerbstone_proxy::settings::Settings;

use super::log::line;

/// Where the kernel is told.
pub(super) const SWITCH: &str = "/proc/net/rpc/use-gss-proxy";
/// How long to wait before the next attempt.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// What is known of the kernel.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    told: bool,
    complained: bool,
}

impl Kernel {
    /// Tells it, when a service is for it; `true` when it has to be tried again later.
    pub(super) fn tell(&mut self, settings: &Settings) -> bool {
        let wanted = settings.services.iter().any(|one| one.kernel_nfsd);
        if !wanted || self.told {
            return false;
        }
        match write() {
            Ok(()) => {
                self.told = true;
                line!(info, "Kernel GSS-Proxy support enabled");
            }
            Err(error) if !self.complained => {
                self.complained = true;
                line!(
                    info,
                    "Kernel doesn't support GSS-Proxy (can't open {SWITCH}: {error})"
                );
            }
            Err(_) => {}
        }
        !self.told
    }
}

fn write() -> io::Result<()> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(SWITCH)?
        .write_all(b"1")
}
