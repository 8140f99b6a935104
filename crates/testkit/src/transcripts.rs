//! Transcripts that are manual and test at once: every `console` block of a page is run.
//!
//! A block is a list of `$ command` lines, each followed by what appears on the terminal and, where
//! it is not 0, by `[exit code N]`. `command <<< words` types words and Enter. `[..]` stands for
//! anything within a line.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a page that does not play is a failed test, and says so as a test does"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;

/// A command of a page and what should appear.
struct Step {
    line: usize,
    command: String,
    expected: String,
}

/// Runs every block of `page` in `folder`, in the page's order, with these variables.
///
/// # Panics
/// When something else appears.
pub fn play(page: &Path, folder: &Path, environment: &[(&str, String)]) {
    let text = fs::read_to_string(page).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{} has no transcript", page.display());
    for step in steps {
        let seen = run(&step.command, folder, environment);
        assert!(
            pattern(&step.expected).is_match(&seen),
            "{}:{}: $ {}\nexpected:\n{}\nseen:\n{seen}",
            page.display(),
            step.line,
            step.command,
            step.expected,
        );
    }
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && line.starts_with("$ ") {
            steps.push(Step {
                line: at + 1,
                command: line[2..].to_owned(),
                expected: String::new(),
            });
        } else if inside {
            let expected = &mut steps
                .last_mut()
                .expect("a command before its output")
                .expected;
            expected.push_str(line);
            expected.push('\n');
        }
    }
    steps
}

fn pattern(expected: &str) -> Regex {
    let escaped = regex::escape(expected).replace(r"\[\.\.\]", "[^\n]*");
    Regex::new(&format!("^{escaped}$")).unwrap()
}

/// Both streams as a terminal shows them, and the exit code if there is one.
fn run(command: &str, folder: &Path, environment: &[(&str, String)]) -> String {
    let (words, typed) = match command.split_once(" <<< ") {
        Some((words, typed)) => (
            words,
            format!("{}\n", typed.trim_matches('"').replace("\\n", "\n")),
        ),
        None => (command, String::new()),
    };
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec 2>&1; {words}")])
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end without having read what was typed.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    let mut seen = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => {}
        code => seen.push_str(&format!("[exit code {}]\n", code.unwrap_or(-1))),
    }
    seen
}
