//! Runs a part of these tests in a process of its own, which may be killed or limited.

use std::path::{Path, PathBuf};
use std::process::Command;

const DIRECTORY: &str = "KERBSTONE_REALM_TEST_DIRECTORY";

/// The command that runs the ignored test `name` in a child with `directory` to work in.
pub(crate) fn command(program: &str, arguments: &[&str], name: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args([
            "--exact",
            name,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(DIRECTORY, directory);
    command
}

pub(crate) fn this_program() -> String {
    std::env::current_exe()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// Where a child works; `None` when the test is run for itself.
pub(crate) fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}
