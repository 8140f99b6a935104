//! The daemon in the background: started anew without a terminal, while the first process waits until it serves.
//!
//! There is no `fork` without unsafe code; the program starts itself again instead, with a pipe as its standard
//! output through which it says that it is ready.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::setsid;
use rustix::stdio::dup2_stdout;

/// Tells the second process that it is one.
const SECOND: &str = "KERBSTONE_PROXY_SECOND";

/// Whether this process is the one in the background.
pub(super) fn is_second() -> bool {
    env::var_os(SECOND).is_some()
}

/// Starts the program again and waits; `true` when the daemon serves.
///
/// # Errors
/// The system's.
pub(super) fn start() -> io::Result<bool> {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| OsString::from("kerb"));
    let mut command = Command::new(env::current_exe()?);
    command
        .arg0(name)
        .args(arguments)
        .env(SECOND, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut said = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_end(&mut said)?;
    }
    Ok(!said.is_empty())
}

/// Leaves the terminal's session.
pub(super) fn leave_session() -> io::Result<()> {
    setsid()?;
    Ok(())
}

/// Tells the process that waits that the daemon serves.
pub(super) fn say_ready() -> io::Result<()> {
    let mut pipe = io::stdout();
    pipe.write_all(&[0])?;
    pipe.flush()?;
    let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
    dup2_stdout(&nowhere)?;
    Ok(())
}
