use std::env;
use std::path::{Path, PathBuf};

/// Whether a peer's program is on this machine.
///
/// When it is not, a test skips itself and the apt line is printed; with `CI=true`, where every peer has to be
/// there, it panics instead.
#[must_use = "a test skips itself when the peer is absent"]
pub fn require(program: &str, package: &str) -> bool {
    is_here(find_program(program).is_some(), program, package)
}

/// The same for a peer that is known by a file: a module, or a library of a scripting language.
#[must_use = "a test skips itself when the peer is absent"]
pub fn require_file(file: &Path, package: &str) -> bool {
    is_here(file.is_file(), &file.to_string_lossy(), package)
}

fn is_here(found: bool, peer: &str, package: &str) -> bool {
    if !found {
        absent(
            peer,
            &format!("sudo RUNLEVEL=1 apt-get install -y {package}"),
        );
    }
    found
}

/// Says that a peer is missing and what brings it.
pub(super) fn absent(program: &str, remedy: &str) {
    let message = format!("{program} is not on this machine: {remedy}");
    assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
    println!("skipped: {message}");
}

/// Where a program is: on the path, or among the servers, which are not on everybody's.
#[must_use]
pub fn find_program(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
