//! One kind of line goes to the system's log as well, as with upstream: how failed calls ended (`--syslog-status`).

use std::io;
use std::os::unix::net::UnixDatagram;

/// Where the system's log listens.
const LOG: &str = "/dev/log";
/// Facility authpriv, severity debug: upstream's.
const PRIORITY: u8 = 10 << 3 | 7;

/// The system's log, if there is one.
#[derive(Debug)]
pub(super) struct Syslog {
    socket: UnixDatagram,
}

impl Syslog {
    /// Connects without waiting for anybody, then or later.
    ///
    /// # Errors
    /// Nobody keeps such a log.
    pub(super) fn open() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(LOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Writes a line; a log that cannot keep up loses it.
    pub(super) fn say(&self, text: &str) {
        let line = format!("<{PRIORITY}>gssproxy[{}]: {text}", std::process::id());
        let _lost = self.socket.send(line.as_bytes());
    }
}
