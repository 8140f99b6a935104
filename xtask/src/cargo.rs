//! The cargo commands behind the parts.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::part::Verdict;
use crate::request::TestScope;

/// Where the workspace begins.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Whether a machine asks, not a person: then `Cargo.lock` is binding and absent peers are failures.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// A program that runs at the workspace's root.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Cargo without what `cargo run` told us about xtask itself: build scripts elsewhere would see a change.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut command = program(&env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            command.env_remove(name);
        }
    }
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO"] {
        command.env_remove(name);
    }
    command.arg(verb);
    command
}

fn locked(mut command: Command) -> Command {
    if in_ci() {
        command.arg("--locked");
    }
    command
}

/// Runs a command and judges it by its exit code.
pub(crate) fn judge(command: &mut Command) -> Verdict {
    match command.status() {
        Ok(status) if status.success() => Verdict::Passed,
        Ok(status) => Verdict::failed(format!("{command:?}: {status}")),
        Err(error) => Verdict::failed(format!("{command:?}: {error}")),
    }
}

/// Whether a program can be started with `--version`.
pub(crate) fn is_there(command: &mut Command) -> bool {
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A script of the repository.
pub(crate) fn script(path: &str) -> Verdict {
    judge(&mut program(&root().join(path).to_string_lossy()))
}

/// The tests of the workspace, by nextest where it is installed.
///
/// kerb's own tests make cargo build the binary, so interop tests, which are told where it is, need not. The plugin is
/// built beforehand, for nothing but C programs asks for it.
pub(crate) fn tests(scope: TestScope) -> Verdict {
    let target = match metadata() {
        Ok(metadata) => PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target")),
        Err(reason) => return Verdict::failed(reason),
    };
    let mut plugin = locked(cargo("build"));
    match judge(plugin.args(["-p", "kerbstone-interposer"])) {
        Verdict::Passed => {}
        other => return other,
    }
    let mut command = locked(runner());
    command
        .args(packages(scope))
        .env("KERBSTONE_KERB", target.join("debug/kerb"))
        .env(
            "KERBSTONE_INTERPOSER",
            target.join("debug/libkerbstone_interposer.so"),
        );
    judge(&mut command)
}

/// `kerbstone-crypto` once more with the enctypes that exist for imports only.
pub(crate) fn legacy_tests() -> Verdict {
    judge(locked(runner()).args(["-p", "kerbstone-crypto", "--features", "legacy"]))
}

/// The examples in doc comments, which nextest does not run.
pub(crate) fn doc_tests() -> Verdict {
    judge(locked(cargo("test")).args(["--workspace", "--doc", "--quiet"]))
}

fn runner() -> Command {
    if is_there(&mut cargo("nextest")) {
        let mut command = cargo("nextest");
        command.arg("run");
        return command;
    }
    eprintln!(
        "cargo-nextest is not installed; `cargo test` does it (cargo install --locked cargo-nextest)"
    );
    let mut command = cargo("test");
    command.args(["--no-fail-fast", "--all-targets"]);
    command
}

fn packages(scope: TestScope) -> &'static [&'static str] {
    match scope {
        TestScope::All => &["--workspace"],
        TestScope::Unit => &["--workspace", "--exclude", "kerbstone-interop"],
        TestScope::Interop => &["-p", "kerbstone-interop", "-p", "kerbstone-kerb"],
    }
}

/// API documentation; a broken link is an error.
pub(crate) fn doc() -> Verdict {
    judge(
        locked(cargo("doc"))
            .args(["--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// The book, when mdBook is there.
pub(crate) fn book() -> Verdict {
    if !is_there(&mut program("mdbook")) {
        return Verdict::LeftOut("mdbook is not installed: cargo install --locked mdbook".into());
    }
    judge(program("mdbook").args(["build", "book"]))
}

/// The release binaries that a race needs: the bench starts the `kerb` beside it.
pub(crate) fn bench_build() -> Verdict {
    let packages = ["-p", "kerbstone-kerb", "-p", "kerbstone-bench"];
    judge(locked(cargo("build")).arg("--release").args(packages))
}

/// Ours and the peers side by side; without arguments, the KDCs.
pub(crate) fn bench(arguments: &[String]) -> Verdict {
    let mut command = locked(cargo("run"));
    command.args(["--release", "-p", "kerbstone-bench", "--"]);
    if arguments.is_empty() {
        command.arg("kdc");
    }
    judge(command.args(arguments))
}

/// What cargo knows of the workspace's own packages.
pub(crate) fn metadata() -> Result<Value, String> {
    let output = cargo("metadata")
        .args(["--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}
