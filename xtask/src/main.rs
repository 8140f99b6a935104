//! What people do daily, under one name: `cargo xtask test`, `ci`, `interop`, `fuzz`, `bench`, `doc`, `peers`, `deps`.
//!
//! Every command is a list of [`Part`]s. All of them run; when some fail, the exit code is 1 and the
//! last line names them. On success the last line is the test runner's own summary.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

mod arrows;
mod cargo;
mod fuzz;
mod part;
mod peers;
mod promises;
mod request;

use std::env;
use std::process::ExitCode;

use part::{Part, Verdict, run_all};
use request::{Request, TestScope, USAGE};

fn main() -> ExitCode {
    match Request::parse(env::args().skip(1)) {
        Ok(Request::Help) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(request) => run_all(parts_of(request)),
        Err(complaint) => {
            eprintln!("xtask: {complaint}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What a request consists of, in the order in which it runs.
fn parts_of(request: Request) -> Vec<Part> {
    match request {
        Request::Help => Vec::new(),
        Request::Test(scope) => test_parts(scope),
        Request::Ci => vec![Part::new(".ci/run", || cargo::script(".ci/run"))],
        Request::Fuzz { seconds, targets } => {
            vec![Part::new("fuzz", move || fuzz::run(seconds, &targets))]
        }
        Request::Bench(arguments) => vec![
            Part::new("release build", cargo::bench_build),
            Part::new("bench", move || cargo::bench(&arguments)),
        ],
        Request::Doc => vec![
            Part::new("cargo doc", cargo::doc),
            Part::new("mdbook build book", cargo::book),
        ],
        Request::Peers => vec![peers_part()],
        Request::Deps => vec![arrows_part(), promises_part()],
    }
}

/// The workspace's tests come last, so that the runner's summary is the closing line.
fn test_parts(scope: TestScope) -> Vec<Part> {
    let mut parts = vec![peers_part()];
    if scope != TestScope::Interop {
        parts.push(arrows_part());
        parts.push(promises_part());
        parts.push(Part::new("doc tests", cargo::doc_tests));
        parts.push(Part::new("legacy enctypes", cargo::legacy_tests));
    }
    parts.push(Part::new("tests", move || cargo::tests(scope)));
    parts
}

fn peers_part() -> Part {
    Part::new("peers", peers::provide)
}

fn promises_part() -> Part {
    Part::new("tests that SECURITY.md names", promises::check)
}

fn arrows_part() -> Part {
    Part::new("dependency direction", || {
        let broken = match cargo::metadata() {
            Ok(metadata) => arrows::check(&metadata),
            Err(reason) => return Verdict::failed(reason),
        };
        match broken.is_empty() {
            true => Verdict::Passed,
            false => Verdict::failed(broken.join("\n")),
        }
    })
}
