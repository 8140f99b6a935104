use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::Finished;

/// How long a program may think before it asks or answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a person takes to type an answer that may be seen.
const TYPING: Duration = Duration::from_millis(300);

/// Runs a program on a terminal of its own and answers its prompts.
///
/// Each pair of `dialogue` is the text to wait for and the line to type then. `setsid --ctty` gives the program the
/// terminal, because programs that insist on a person open `/dev/tty`.
///
/// # Panics
/// When the program ends or is silent for half a minute before it has asked for everything.
pub(super) fn converse(command: &Command, dialogue: &[(&str, &str)]) -> Finished {
    let name = format!("{command:?}");
    let (mut terminal, mut child) = spawn(command);
    let mut transcript = Vec::new();
    let mut seen = 0;
    for (prompt, answer) in dialogue {
        seen = wait_for(&mut terminal, &mut transcript, seen, prompt)
            .unwrap_or_else(|| panic!("{name} did not ask {prompt:?}:\n{}", text(&transcript)));
        give_it_time_to_hide_the_answer(&terminal);
        writeln!(terminal, "{answer}").expect("the terminal takes an answer");
    }
    while read_some(&mut terminal, &mut transcript) {}
    let status = child.wait().expect("the program's exit code");
    Finished {
        command: name,
        code: status.code().unwrap_or(-1),
        stdout: text(&transcript),
        stderr: String::new(),
    }
}

/// Heimdal prompts first and turns the echo off then; a person types later than that.
fn give_it_time_to_hide_the_answer(terminal: &File) {
    let deadline = Instant::now() + TYPING;
    let echoes =
        || tcgetattr(terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO));
    while echoes() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}

fn spawn(command: &Command) -> (File, Child) {
    let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("access to the terminal");
    unlockpt(&master).expect("an unlocked terminal");
    let path = ptsname(&master, Vec::new()).expect("the terminal's name");
    let slave = || -> Stdio {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
            .open(path.to_string_lossy().as_ref())
            .expect("the terminal's other end")
            .into()
    };
    let mut wrapped = Command::new("setsid");
    wrapped
        .args(["--ctty", "--wait"])
        .arg(command.get_program())
        .args(command.get_args());
    wrapped.env_clear();
    wrapped.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let child = wrapped
        .stdin(slave())
        .stdout(slave())
        .stderr(slave())
        .spawn()
        .unwrap_or_else(|error| panic!("{wrapped:?}: {error}"));
    (File::from(master), child)
}

/// Reads until `prompt` stands after the first `seen` bytes; returns where it ends.
fn wait_for(
    terminal: &mut File,
    transcript: &mut Vec<u8>,
    seen: usize,
    prompt: &str,
) -> Option<usize> {
    loop {
        let unseen = transcript.get(seen..).unwrap_or_default();
        if let Some(at) = unseen
            .windows(prompt.len())
            .position(|window| window == prompt.as_bytes())
        {
            return Some(seen + at + prompt.len());
        }
        if !read_some(terminal, transcript) {
            return None;
        }
    }
}

/// Reads what is there; `false` when the program has closed the terminal (Linux then says EIO) or is silent too long.
fn read_some(terminal: &mut File, transcript: &mut Vec<u8>) -> bool {
    let patience = Timespec {
        tv_sec: i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    let ready = poll(&mut [PollFd::new(terminal, PollFlags::IN)], Some(&patience));
    if !matches!(ready, Ok(1)) {
        return false;
    }
    let mut buffer = [0; 1024];
    match terminal.read(&mut buffer) {
        Ok(0) | Err(_) => false,
        Ok(length) => {
            transcript.extend_from_slice(buffer.get(..length).unwrap_or_default());
            true
        }
    }
}

fn text(transcript: &[u8]) -> String {
    String::from_utf8_lossy(transcript).replace("\r\n", "\n")
}
