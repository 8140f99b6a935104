use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to come up on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take to end when asked to.
const LAST_WORDS: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// A server in the foreground, ended when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a server with its output in `log` and waits until `ready` says yes.
    ///
    /// # Panics
    /// When it cannot be started, ends by itself or is not ready within a minute; the message carries its log.
    #[must_use]
    pub fn start(command: Command, log: &Path, ready: impl FnMut() -> bool) -> Self {
        Self::start_with_input(command, log, Stdio::null(), ready)
    }

    /// As [`Daemon::start`], with something as the server's standard input.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn start_with_input(
        mut command: Command,
        log: &Path,
        input: Stdio,
        mut ready: impl FnMut() -> bool,
    ) -> Self {
        let output = File::create(log).expect("a file for the server's output");
        let errors = output
            .try_clone()
            .expect("a second handle on the server's output");
        let child = command
            .stdin(input)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut daemon = Self {
            child,
            log: log.to_path_buf(),
        };
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            let ended = daemon.child.try_wait().expect("the server's state");
            assert!(
                ended.is_none(),
                "{command:?} ended ({ended:?}):\n{}",
                daemon.output()
            );
            assert!(
                Instant::now() < deadline,
                "{command:?} is not ready:\n{}",
                daemon.output()
            );
            thread::sleep(POLL);
        }
        daemon
    }

    /// What the server has written to its standard output and standard error.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The server's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the server to read its configuration again (SIGHUP).
    pub fn reload(&self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::HUP);
    }

    /// Kills the server (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks first: Heimdal's KDC is several processes, of which a killed parent leaves some writing for a moment.
impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + LAST_WORDS;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.kill();
    }
}

/// Whether somebody accepts TCP connections at a port of 127.0.0.1.
#[must_use]
pub(super) fn accepts_tcp(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether somebody has bound a UDP port, on whichever address: a datagram sent from then on waits for its reader.
#[must_use]
pub(super) fn has_udp(port: u16) -> bool {
    let local = format!(":{port:04X}");
    ["/proc/net/udp", "/proc/net/udp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .any(|table| {
            table
                .lines()
                .filter_map(|line| line.split_whitespace().nth(1))
                .any(|address| address.ends_with(&local))
        })
}
