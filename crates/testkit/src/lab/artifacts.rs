//! What this checkout builds and tests run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `kerb` binary of this checkout: the one that `KERBSTONE_KERB` names, as `cargo xtask test` does, or else built
/// at first use, because cargo tells only kerb's own tests where it is.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn kerb_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = || build(&["kerbstone-kerb", "--bin", "kerb"], "kerb");
        env::var_os("KERBSTONE_KERB").map_or_else(build, PathBuf::from)
    })
}

/// The plugin of MIT's mechglue: the one that `KERBSTONE_INTERPOSER` names, or else built at first use.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn interposer_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let build = || build(&["kerbstone-interposer"], "libkerbstone_interposer.so");
        env::var_os("KERBSTONE_INTERPOSER").map_or_else(build, PathBuf::from)
    })
}

fn build(package: &[&str], file: &str) -> PathBuf {
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package"])
        .args(package)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status()
        .expect("cargo can be started");
    assert!(built.success(), "{file} does not build");
    let path = target_folder().join(file);
    assert!(path.is_file(), "cargo built no {}", path.display());
    path
}

/// Test executables stand in `target/<profile>/deps`; what is built stands one folder higher.
fn target_folder() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    test.ancestors()
        .nth(2)
        .expect("target/<profile>")
        .to_path_buf()
}
