//! Answers that people type: hidden on a terminal, a line each from a pipe.
//!
//! On a terminal the line is edited here, byte by byte, so that Ctrl-C ends the question with the
//! terminal as it was, without a signal handler. From anything else one line is read and nothing
//! beyond it, so that the next question finds the next line.

use std::io::{self, IsTerminal, Stdin};

use rustix::io::{Errno, read};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// Longest answer; what is beyond it is dropped, as MIT's prompter does.
const LONGEST: usize = 1023;

const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const BACKSPACE: u8 = 8;
const ERASE_LINE: u8 = 21;
const DELETE: u8 = 127;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Ctrl-C.
    #[error("Password read interrupted")]
    Interrupted,
    /// The input is at its end or cannot be read.
    #[error("Cannot read password")]
    Unreadable,
}

/// Whether somebody sits at the input.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Reads one answer without showing it. The caller has written the question, and writes the line's end.
pub(crate) fn read_hidden() -> Result<Zeroizing<String>, NoAnswer> {
    let stdin = io::stdin();
    let line = if stdin.is_terminal() {
        read_terminal(&stdin)?
    } else {
        read_line(&stdin)?
    };
    // A password with bytes that are no text: MIT hands them on; here they cannot be typed.
    let text = std::str::from_utf8(&line).map_err(|_| NoAnswer::Unreadable)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn read_line(stdin: &Stdin) -> Result<Zeroizing<Vec<u8>>, NoAnswer> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut seen = false;
    while let Some(byte) = read_byte(stdin)? {
        seen = true;
        if byte == b'\n' {
            break;
        }
        if line.len() < LONGEST {
            line.push(byte);
        }
    }
    let end = line
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(line.len());
    line.truncate(end);
    if seen {
        Ok(line)
    } else {
        Err(NoAnswer::Unreadable)
    }
}

fn read_terminal(stdin: &Stdin) -> Result<Zeroizing<Vec<u8>>, NoAnswer> {
    let _raw = Raw::enter(stdin)?;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        match read_byte(stdin)? {
            None | Some(END_OF_INPUT) if line.is_empty() => return Err(NoAnswer::Unreadable),
            None | Some(b'\n' | b'\r' | END_OF_INPUT) => return Ok(line),
            Some(INTERRUPT) => return Err(NoAnswer::Interrupted),
            Some(BACKSPACE | DELETE) => drop_last_character(&mut line),
            Some(ERASE_LINE) => line.clear(),
            Some(byte) if line.len() < LONGEST => line.push(byte),
            Some(_) => {}
        }
    }
}

/// Takes back one character, which may be several bytes of UTF-8.
fn drop_last_character(line: &mut Vec<u8>) {
    while let Some(byte) = line.pop() {
        if byte & 0b1100_0000 != 0b1000_0000 {
            return;
        }
    }
}

fn read_byte(stdin: &Stdin) -> Result<Option<u8>, NoAnswer> {
    let mut byte = [0u8];
    loop {
        match read(stdin, &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(byte.first().copied()),
            Err(Errno::INTR) => {}
            Err(_) => return Err(NoAnswer::Unreadable),
        }
    }
}

/// A terminal that shows nothing and gives each key at once; itself again when dropped.
struct Raw<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Raw<'a> {
    fn enter(terminal: &'a Stdin) -> Result<Self, NoAnswer> {
        let before = tcgetattr(terminal).map_err(|_| NoAnswer::Unreadable)?;
        let mut raw = before.clone();
        raw.local_modes &=
            !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &raw).map_err(|_| NoAnswer::Unreadable)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        let _gone = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::drop_last_character;

    #[test]
    fn takes_back_a_whole_character() {
        let mut line = "né".as_bytes().to_vec();
        drop_last_character(&mut line);
        assert_eq!(line, b"n");
    }
}
