use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Daemon, find_program, kerb_binary, require};

/// How long a reload may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose daemon keeps the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keeper {
    /// Debian's gssproxy.
    Debian,
    /// `kerb proxy`.
    Ours,
    /// Ours under the name gssproxy.
    OursAsGssproxy,
}

/// A daemon of the gssproxy protocol with a folder of its own, in the foreground.
#[derive(Debug)]
pub struct Gssproxy {
    daemon: Daemon,
    folder: TempDir,
}

impl Gssproxy {
    /// Starts a daemon with these service sections; `None` when Debian's is not on this machine.
    ///
    /// # Panics
    /// When it does not come up, and when it is missing although `CI=true`.
    #[must_use]
    pub fn start(keeper: Keeper, krb5_conf: &Path, services: &str) -> Option<Self> {
        Self::start_with(keeper, krb5_conf, services, |_| {})
    }

    /// The same, with more arguments or another environment.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn start_with(
        keeper: Keeper,
        krb5_conf: &Path,
        services: &str,
        change: impl FnOnce(&mut Command),
    ) -> Option<Self> {
        let folder = TempDir::with_prefix("kerbstone-proxy-").expect("a folder for the proxy");
        let mut command = keeper.command(folder.path())?;
        configure(folder.path(), services);
        let socket = folder.path().join("default.sock");
        command
            .arg("-i")
            .arg("-c")
            .arg(folder.path().join("gssproxy.conf"))
            .arg("-s")
            .arg(&socket)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .env("HOME", folder.path())
            .env("KRB5_CONFIG", krb5_conf)
            .env("KRB5RCACHEDIR", folder.path());
        change(&mut command);
        let log = folder.path().join("daemon.log");
        let daemon = Daemon::start(command, &log, || UnixStream::connect(&socket).is_ok());
        Some(Self { daemon, folder })
    }

    /// Replaces the service sections; [`reload`](Self::reload) makes them hold.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, services: &str) {
        configure(self.folder.path(), services);
    }

    /// Sends SIGHUP, and waits until the daemon's log has these words once more.
    ///
    /// # Panics
    /// When it does not within half a minute.
    pub fn reload(&self, words: &str) {
        let seen = self.log().matches(words).count();
        self.daemon.reload();
        self.wait_for(|log| log.matches(words).count() > seen);
    }

    /// Waits until the daemon's log is as wished.
    ///
    /// # Panics
    /// When it is not within half a minute.
    pub fn wait_for(&self, wished: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wished(&self.log()) {
            assert!(Instant::now() < deadline, "{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The default socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("default.sock")
    }

    /// The daemon's folder, for keytabs, caches and other sockets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the daemon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.output()
    }

    /// The daemon's process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.daemon.is_running()
    }
}

impl Keeper {
    fn command(self, folder: &Path) -> Option<Command> {
        match self {
            Self::Debian => require("gssproxy", "gssproxy")
                .then(|| Command::new(find_program("gssproxy").expect("it was found before"))),
            Self::Ours => {
                let mut command = Command::new(kerb_binary());
                command.arg("proxy");
                Some(command)
            }
            Self::OursAsGssproxy => {
                let name = folder.join("gssproxy");
                std::os::unix::fs::symlink(kerb_binary(), &name).expect("a name for kerb");
                Some(Command::new(name))
            }
        }
    }
}

fn configure(folder: &Path, services: &str) {
    let text = format!("[gssproxy]\ndebug_level = 1\n\n{services}");
    fs::write(folder.join("gssproxy.conf"), text).expect("gssproxy.conf of the lab");
}
