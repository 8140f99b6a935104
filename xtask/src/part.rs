//! Parts of a command: each has a heading, runs, and passes, is left out or fails.

use std::fmt::Display;
use std::process::ExitCode;

/// How a part ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    Passed,
    /// Not run, with the reason and what would make it run.
    LeftOut(String),
    Failed(String),
}

impl Verdict {
    pub(crate) fn failed(reason: impl Display) -> Self {
        Self::Failed(reason.to_string())
    }
}

/// One named step.
pub(crate) struct Part {
    name: &'static str,
    run: Box<dyn FnOnce() -> Verdict>,
}

impl Part {
    pub(crate) fn new(name: &'static str, run: impl FnOnce() -> Verdict + 'static) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// Runs every part, whatever became of the ones before, and closes with the names of those that failed.
pub(crate) fn run_all(parts: Vec<Part>) -> ExitCode {
    let mut failed = Vec::new();
    for part in parts {
        eprintln!("== {}", part.name);
        match (part.run)() {
            Verdict::Passed => {}
            Verdict::LeftOut(reason) => eprintln!("left out: {reason}"),
            Verdict::Failed(reason) => {
                eprintln!("{reason}");
                failed.push(part.name);
            }
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("xtask: failed: {}", failed.join(", "));
    ExitCode::FAILURE
}
