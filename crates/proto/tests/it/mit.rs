//! MIT's programs and library, asked for what our code should answer.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// Whether the test may go on without `program`: no in CI, elsewhere with a word about it.
fn missing(program: &str, package: &str) -> Option<PathBuf> {
    let on_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!on_ci, "{program} is missing: apt-get install {package}");
    eprintln!("skipped: {program} is missing: apt-get install {package}");
    None
}

/// Where a program of MIT's is.
pub(crate) fn program(name: &str, package: &str) -> Option<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&directories)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .or_else(|| missing(name, package))
}

/// Runs a program of krb5-user on `input` and gives what it printed, whatever its exit code.
pub(crate) fn run(name: &str, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(program(name, "krb5-user")?);
    command
        .args(arguments)
        .env("TZ", "UTC")
        .env("KRB5_CONFIG", "/dev/null");
    let (out, err) = talk(command, input);
    Some(format!("{out}{err}"))
}

fn talk(mut command: Command, input: &str) -> (String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// A program that puts questions to libkrb5, compiled once.
fn oracle() -> Option<&'static Path> {
    static ORACLE: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    ORACLE
        .get_or_init(|| {
            if !Path::new("/usr/include/krb5.h").exists() {
                missing("krb5.h", "libkrb5-dev")?;
            }
            let compiler = program("cc", "gcc")?;
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("oracle");
            let compiled = Command::new(compiler)
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oracle.c"))
                .args(["-w", "-o"])
                .arg(&path)
                .args(["-lkrb5", "-lcom_err"])
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&compiled.stderr).into_owned();
            assert!(compiled.status.success(), "{words}");
            Some((directory, path))
        })
        .as_ref()
        .map(|(_, path)| path.as_path())
}

/// MIT's answers under the configuration files `paths`, one for each question.
pub(crate) fn ask(paths: &str, questions: &[String]) -> Option<Vec<String>> {
    let mut command = Command::new(oracle()?);
    command.env("KRB5_CONFIG", paths).env("TZ", "UTC");
    let input: String = questions.iter().map(|line| format!("{line}\n")).collect();
    let (out, _) = talk(command, &input);
    let answers: Vec<String> = out.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len(), "{out}");
    Some(answers)
}

/// [`ask`] with one configuration.
pub(crate) fn ask_under(conf: &str, questions: &[String]) -> Option<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("krb5.conf");
    std::fs::write(&path, conf).unwrap();
    ask(path.to_str().unwrap(), questions)
}
