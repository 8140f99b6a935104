//! Every fuzz target for a while: built once, then run one per core.

use std::collections::VecDeque;
use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use crate::cargo::{cargo, is_there, judge, root};
use crate::part::Verdict;

/// All of it is safe Rust, so that a sanitizer would find nothing and cost half the speed.
const BUILD: [&str; 2] = ["--sanitizer", "none"];
/// Memory a target may take before libFuzzer calls it a finding.
const MEMORY_LIMIT_MIB: u32 = 1024;
/// Time that one input may take before libFuzzer calls it a finding; busy machines stand still for a minute or two.
const SECONDS_PER_INPUT: u32 = 300;

/// Runs the targets that were named, or all, for `seconds` each.
pub(crate) fn run(seconds: u64, chosen: &[String]) -> Verdict {
    if !root().join("fuzz/Cargo.toml").is_file() {
        return Verdict::LeftOut("there is no fuzz/Cargo.toml".into());
    }
    if !is_there(&mut cargo_fuzz()) {
        return Verdict::failed("cargo-fuzz is not installed: cargo install --locked cargo-fuzz");
    }
    let targets = match targets(chosen) {
        Ok(targets) => targets,
        Err(reason) => return Verdict::Failed(reason),
    };
    match judge(cargo_fuzz().arg("build").args(BUILD)) {
        Verdict::Passed => {}
        other => return other,
    }
    let failed = run_each(targets, seconds);
    match failed.is_empty() {
        true => Verdict::Passed,
        false => Verdict::failed(format!("fuzz targets with findings: {}", failed.join(", "))),
    }
}

/// The flags for coverage are unstable ones, which a stable compiler takes when told so.
fn cargo_fuzz() -> Command {
    let mut command = cargo("fuzz");
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

fn targets(chosen: &[String]) -> Result<Vec<String>, String> {
    let output = cargo_fuzz()
        .arg("list")
        .output()
        .map_err(|error| format!("cargo fuzz list: {error}"))?;
    let known: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(String::from)
        .collect();
    if let Some(stranger) = chosen.iter().find(|name| !known.contains(name)) {
        return Err(format!(
            "no fuzz target {stranger}; there are: {}",
            known.join(", ")
        ));
    }
    match (chosen.is_empty(), known.is_empty()) {
        (_, true) => Err("cargo fuzz list names no target".into()),
        (true, false) => Ok(known),
        (false, false) => Ok(chosen.to_vec()),
    }
}

fn run_each(targets: Vec<String>, seconds: u64) -> Vec<String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(VecDeque::from(targets));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(target) = waiting.lock().ok().and_then(|mut queue| queue.pop_front())
                {
                    if let Err(reason) = run_one(&target, seconds) {
                        eprintln!("fuzz {target}: {reason}");
                        failed
                            .lock()
                            .map(|mut names| names.push(target))
                            .unwrap_or_default();
                    } else {
                        eprintln!("fuzz {target}: {seconds} s without a finding");
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_default()
}

/// New inputs go to `target/fuzz`, so that a smoke run leaves the kept corpus as it is.
fn run_one(target: &str, seconds: u64) -> Result<(), String> {
    let scratch = root().join("target/fuzz").join(target);
    let kept = root().join("fuzz/corpus").join(target);
    let words = root()
        .join("fuzz/dictionaries")
        .join(format!("{target}.dict"));
    let log = root().join("target/fuzz").join(format!("{target}.log"));
    fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let output = File::create(&log).map_err(|error| error.to_string())?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    let mut command = cargo_fuzz();
    command
        .arg("run")
        .args(BUILD)
        .arg(target)
        .arg(&scratch)
        .args(kept.is_dir().then_some(&kept));
    command
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MIB}"))
        .arg(format!("-timeout={SECONDS_PER_INPUT}"));
    // CI judges a commit, so that it tries the same inputs whenever it runs; new ones are for
    // whoever fuzzes by hand.
    if env::var_os("CI").is_some() {
        command.arg("-seed=1");
    }
    if words.is_file() {
        command.arg(format!("-dict={}", words.display()));
    }
    let status = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(|error| error.to_string())?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{status}\n{}", tail(&log))),
    }
}

fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
