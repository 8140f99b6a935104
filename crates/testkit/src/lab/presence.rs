use std::env;
use std::path::PathBuf;

/// Whether a peer's program is on this machine.
///
/// When it is not, a test skips itself and the apt line is printed; with `CI=true`, where every peer has to be
/// there, it panics instead.
#[must_use = "a test skips itself when the peer is absent"]
pub fn require(program: &str, package: &str) -> bool {
    if find_program(program).is_some() {
        return true;
    }
    absent(
        program,
        &format!("sudo RUNLEVEL=1 apt-get install -y {package}"),
    );
    false
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
