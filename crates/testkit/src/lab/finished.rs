use std::io::Write;
use std::process::{Command, Stdio};

/// A program that has run: its output as text and its exit code.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command as it was run, for messages.
    pub command: String,
    /// The exit code; -1 when a signal ended the program.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Runs a program to its end with `input` as standard input; `name` is what messages call it.
    pub fn of(command: &mut Command, name: &str, input: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input may have closed it.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().expect("the program's output");
        Self {
            command: name.into(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Goes on with a program that succeeded.
    ///
    /// # Panics
    /// When the exit code is not 0.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.code == 0, "failed: {self}");
        self
    }

    /// Goes on with a program that failed.
    ///
    /// # Panics
    /// When the exit code is 0.
    #[track_caller]
    pub fn failed(self) -> Self {
        assert!(self.code != 0, "succeeded, and should not have: {self}");
        self
    }

    /// Goes on with a program that said `words` on either stream.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn saying(self, words: &str) -> Self {
        assert!(self.says(words), "did not say {words:?}: {self}");
        self
    }

    /// Whether `words` stand in the output.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        self.stdout.contains(words) || self.stderr.contains(words)
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} (exit code {})", self.command, self.code)?;
        writeln!(f, "-- stdout\n{}-- stderr\n{}", self.stdout, self.stderr)
    }
}
