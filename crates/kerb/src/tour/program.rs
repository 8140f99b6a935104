//! A client as a process: in a session of its own, waited for, and killed with all that it started when nobody waits.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::verdict::{NotPassed, failed};
use crate::up::end_in_words;

/// More than any client has to say.
const LONGEST_OUTPUT: u64 = 1 << 20;

/// What is to be run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// What people call it.
    name: String,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    input: String,
}

/// What a program said before it ended.
#[derive(Clone, Debug)]
pub(super) struct Said {
    name: String,
    /// What it calls itself.
    called: String,
    status: ExitStatus,
    /// On standard output.
    pub(super) out: String,
    /// On standard error.
    pub(super) err: String,
}

impl Program {
    /// The file at `path`, which people call `name`.
    pub(super) fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            input: String::new(),
        }
    }

    /// With a further argument.
    pub(super) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With further arguments.
    pub(super) fn args<A: Into<OsString>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With a variable in its environment, which has nothing else.
    pub(super) fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With those lines to read.
    pub(super) fn typing(mut self, lines: &[&str]) -> Self {
        self.input = lines.iter().map(|line| format!("{line}\n")).collect();
        self
    }

    /// Runs it to its end. When this is dropped before, the program and what it has started are killed.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn run(self) -> Result<Said, NotPassed> {
        let name = self.name.clone();
        let said = self.try_run().await;
        said.map_err(|error| failed(format!("{name} cannot be run: {error}")))
    }

    async fn try_run(self) -> io::Result<Said> {
        let mut child = self.command().spawn()?;
        let group = Group::led_by(child.id());
        let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let typing = async {
            if let Some(mut stdin) = stdin {
                // Who does not read to the end has no need of it.
                let _closed = stdin.write_all(self.input.as_bytes()).await;
            }
        };
        let (status, (), out, err) = tokio::join!(child.wait(), typing, text(out), text(err));
        group.has_ended();
        Ok(Said {
            name: self.name,
            called: self.path.to_string_lossy().into_owned(),
            status: status?,
            out,
            err,
        })
    }

    /// A session of its own keeps it from asking whoever sits at the terminal, and makes a process group that can be
    /// killed. Where there is no `setsid`, a process group has to do.
    fn command(&self) -> Command {
        let mut command = match find("setsid") {
            Some(setsid) => {
                let mut command = Command::new(setsid);
                command.arg(&self.path);
                command
            }
            None => {
                let mut command = Command::new(&self.path);
                command.process_group(0);
                command
            }
        };
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command
            .args(&self.arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// Where a program is on the path.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _broken = stream.take(LONGEST_OUTPUT).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The processes that belong together with a program; killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn led_by(process: Option<u32>) -> Self {
        Self(
            process
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        )
    }

    /// Its streams are closed and its leader is gone, so its number may be somebody else's soon.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Said {
    /// Goes on with a program that ended well.
    ///
    /// # Errors
    /// It did not; its last words say why.
    pub(super) fn succeeded(self) -> Result<Self, NotPassed> {
        match self.is_success() {
            true => Ok(self),
            false => Err(self.trouble()),
        }
    }

    /// Goes on with a program that said `words`.
    ///
    /// # Errors
    /// It did not.
    pub(super) fn saying(self, words: &str) -> Result<Self, NotPassed> {
        match self.out.contains(words) {
            true => Ok(self),
            false => Err(failed(format!("{} does not show {words}", self.name))),
        }
    }

    /// Whether it ended well.
    pub(super) fn is_success(&self) -> bool {
        self.status.success()
    }

    /// Its last words, and the help in them if it gave any.
    pub(super) fn trouble(&self) -> NotPassed {
        let lines = || {
            let both = self.out.lines().chain(self.err.lines());
            both.map(str::trim).filter(|line| !line.is_empty())
        };
        let help = lines()
            .filter_map(|line| line.strip_prefix("help: "))
            .next_back();
        let last = lines().rfind(|line| !line.starts_with("help: "));
        let last = last.map(|line| line.trim_start_matches(&self.called));
        let why = match last {
            Some(line) if line.starts_with(&self.name) => line.to_owned(),
            Some(line) => format!("{}: {}", self.name, line.trim_start_matches(": ")),
            None if self.status.signal() == Some(Signal::PIPE.as_raw()) => {
                format!(
                    "{} ended without words: the other side has hung up",
                    self.name
                )
            }
            None => format!(
                "{} ended without words ({})",
                self.name,
                end_in_words(self.status)
            ),
        };
        NotPassed::Failed {
            why,
            help: help.unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("sh", "/bin/sh").args(["-c", script])
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn a_program_reads_what_is_typed_and_knows_nothing_else_of_the_environment() {
        let program = shell("read one; echo \"$one $HOME\"").typing(&["word", "more"]);
        let said = run(program.env("HOME", "/there").run()).unwrap();
        assert_eq!(said.succeeded().unwrap().out, "word /there\n");
    }

    #[test]
    fn its_last_words_say_why_and_its_help_is_kept() {
        let script = "echo asked; echo 'sh: it is broken' >&2; echo 'help: mend it' >&2; exit 3";
        let trouble = run(shell(script).run()).unwrap().succeeded().unwrap_err();
        let expected = NotPassed::Failed {
            why: "sh: it is broken".to_owned(),
            help: "mend it".to_owned(),
        };
        assert_eq!(trouble, expected);
    }

    #[test]
    fn whoever_is_not_waited_for_is_killed_with_their_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("children");
        let script = format!(
            "sleep 1000 & echo $! >{0}.new; mv {0}.new {0}; sleep 1000",
            file.display()
        );
        let child = run(async {
            let program = shell(&script).env("PATH", "/usr/bin:/bin");
            let started = async {
                while !file.exists() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                ended = program.run() => panic!("{ended:?}"),
                () = started => fs::read_to_string(&file).unwrap(),
            }
        });
        let stat = format!("/proc/{}/stat", child.trim());
        let deadline = Instant::now() + Duration::from_secs(60);
        while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < deadline, "it is still there");
            std::thread::yield_now();
        }
    }
}
