//! A thread that says which program a process runs.
//!
//! It is started before Landlock is: a thread inside of such walls may not look at processes outside of them.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::thread;

/// It reads links.
const STACK: usize = 64 << 10;

/// The thread's ear.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    questions: Sender<Question>,
}

#[derive(Debug)]
enum Question {
    Program(i32, Sender<Option<PathBuf>>),
    SelinuxContext(i32, Sender<Option<String>>),
}

impl Doorkeeper {
    pub(super) fn station() -> io::Result<Self> {
        let (questions, asked) = mpsc::channel();
        thread::Builder::new()
            .name("doorkeeper".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                for question in asked {
                    let _nobody_waits = match question {
                        Question::Program(pid, to) => to.send(program(pid)).is_ok(),
                        Question::SelinuxContext(pid, to) => to.send(selinux_context(pid)).is_ok(),
                    };
                }
            })?;
        Ok(Self { questions })
    }

    pub(super) fn program(&self, pid: i32) -> Option<PathBuf> {
        let (to, told) = mpsc::channel();
        self.questions.send(Question::Program(pid, to)).ok()?;
        told.recv().ok()?
    }

    pub(super) fn selinux_context(&self, pid: i32) -> Option<String> {
        let (to, told) = mpsc::channel();
        self.questions
            .send(Question::SelinuxContext(pid, to))
            .ok()?;
        told.recv().ok()?
    }
}

fn program(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

fn selinux_context(pid: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/attr/current")).ok()?;
    Some(text.trim_end_matches(['\0', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_program() {
        let doorkeeper = Doorkeeper::station().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(doorkeeper.program(own), std::env::current_exe().ok());
        assert_eq!(doorkeeper.program(i32::MAX), None);
    }
}
