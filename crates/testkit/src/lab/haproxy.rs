use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::daemon::accepts_tcp;
use super::presence::require;
use super::{Daemon, Port, find_program};

/// `HAProxy` on loopback, one process.
#[derive(Debug)]
pub struct Haproxy {
    server: Daemon,
    port: Port,
    folder: TempDir,
}

impl Haproxy {
    /// Starts it with settings in which `PORT` stands for its first port and `FOLDER` for its folder, which holds `files`.
    /// `None` when it is not on this machine.
    ///
    /// # Panics
    /// When it does not come up, and when it is missing although `CI=true`.
    #[must_use]
    pub fn start(settings: &str, files: &[(&str, &str)]) -> Option<Self> {
        if !require("haproxy", "haproxy") {
            return None;
        }
        let folder = TempDir::with_prefix("kerbstone-haproxy-").expect("a folder for HAProxy");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("one of HAProxy's files");
        }
        let port = Port::claim();
        let text = settings
            .replace("PORT", &port.number().to_string())
            .replace("FOLDER", &folder.path().to_string_lossy());
        let path = folder.path().join("haproxy.cfg");
        fs::write(&path, text).expect("haproxy.cfg");
        let mut command = Command::new(find_program("haproxy").expect("HAProxy was found before"));
        command.arg("-db").arg("-f").arg(&path);
        let server = Daemon::start(command, &folder.path().join("haproxy.out"), || {
            accepts_tcp(port.number())
        });
        Some(Self {
            server,
            port,
            folder,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
