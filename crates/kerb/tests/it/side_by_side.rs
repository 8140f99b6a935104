//! MIT's program and ours with the same words, the same input and the same KDC, compared byte by byte.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use jiff::civil::DateTime;
use kerbstone_testkit::lab::{Mit, Setup, require};
use regex::{Captures, Regex};
use tempfile::TempDir;

/// Programs that are compared.
const PROGRAMS: [&str; 6] = ["kinit", "klist", "kdestroy", "kvno", "kpasswd", "kswitch"];

/// Two equal desks in front of one KDC: at one MIT's programs work, at the other ours.
pub(crate) struct SideBySide {
    /// The realm that both ask.
    pub(crate) mit: Mit,
    desks: [Desk; 2],
    folder: TempDir,
}

struct Desk {
    programs: PathBuf,
    work: PathBuf,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    words: Vec<&'a str>,
    input: &'a str,
    environment: Vec<(&'a str, String)>,
}

/// What a call left: exit code and both streams, with what differs by nature masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A call of `line`, split at blanks.
pub(crate) fn call(line: &str) -> Call<'_> {
    Call {
        words: line.split(' ').filter(|word| !word.is_empty()).collect(),
        input: "",
        environment: Vec::new(),
    }
}

impl<'a> Call<'a> {
    /// Types this.
    pub(crate) fn typing(mut self, input: &'a str) -> Self {
        self.input = input;
        self
    }

    /// Sets a variable; `$W` in it is the desk's folder.
    pub(crate) fn with(mut self, name: &'a str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }
}

impl SideBySide {
    /// A realm with a few users and services; `None` without MIT's programs.
    pub(crate) fn start() -> Option<Self> {
        Self::with_setup(&Setup::realm("EXAMPLE.ORG").krb5_conf(
            "[realms]\nDEAD.ORG = {\n kdc = 127.0.0.1:9\n}\n[domain_realm]\n example.org = EXAMPLE.ORG\n",
        ))
    }

    /// The same in a realm of the test's making.
    pub(crate) fn with_setup(setup: &Setup) -> Option<Self> {
        if !require("kinit", "krb5-user") {
            return None;
        }
        Self::at(Mit::start(setup)?)
    }

    /// The same in a realm whose principals are in a directory.
    pub(crate) fn in_directory() -> Option<Self> {
        if !require("kinit", "krb5-user") {
            return None;
        }
        Self::at(Mit::start_in_directory(&Setup::realm("EXAMPLE.ORG"))?)
    }

    fn at(mit: Mit) -> Option<Self> {
        let folder = TempDir::with_prefix("kerbstone-desks-").unwrap();
        let theirs = folder.path().join("theirs");
        let ours = folder.path().join("ours");
        for (programs, ours) in [(&theirs, false), (&ours, true)] {
            fs::create_dir(programs).unwrap();
            for program in PROGRAMS {
                let target = match ours {
                    true => PathBuf::from(env!("CARGO_BIN_EXE_kerb")),
                    false => PathBuf::from("/usr/bin").join(program),
                };
                symlink(target, programs.join(program)).unwrap();
            }
        }
        let desks = [("1", theirs), ("2", ours)].map(|(name, programs)| {
            let work = folder.path().join(name);
            fs::create_dir(&work).unwrap();
            Desk { programs, work }
        });
        Some(Self { mit, desks, folder })
    }

    /// Folders of the two desks, MIT's first.
    pub(crate) fn desks(&self) -> [&Path; 2] {
        let [theirs, ours] = &self.desks;
        [&theirs.work, &ours.work]
    }

    /// Where a program is, MIT's first.
    pub(crate) fn paths_of(&self, program: &str) -> [PathBuf; 2] {
        let [theirs, ours] = &self.desks;
        [theirs, ours].map(|desk| desk.programs.join(program))
    }

    /// Writes a file at both desks.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        for desk in self.desks() {
            fs::write(desk.join(name), bytes).unwrap();
        }
    }

    /// Copies a file to both desks.
    pub(crate) fn copy(&self, from: &Path, name: &str) {
        self.write(name, &fs::read(from).unwrap());
    }

    /// Runs the call at both desks and returns what both left.
    #[track_caller]
    pub(crate) fn same(&self, call: Call<'_>) -> Left {
        let [theirs, ours] = self.run_both(&call);
        assert!(
            theirs == ours,
            "{:?}\nMIT's:\n{}\nours:\n{}",
            call.words,
            theirs.text(),
            ours.text()
        );
        ours
    }

    /// Runs the call at MIT's desk only.
    pub(crate) fn at_theirs(&self, call: &Call<'_>) -> Left {
        self.left(&self.desks[0], call)
    }

    /// Runs the call at our desk only.
    pub(crate) fn at_ours(&self, call: &Call<'_>) -> Left {
        self.left(&self.desks[1], call)
    }

    fn run_both(&self, call: &Call<'_>) -> [Left; 2] {
        thread::scope(|scope| {
            let theirs = scope.spawn(|| self.at_theirs(call));
            let ours = self.at_ours(call);
            [theirs.join().unwrap(), ours]
        })
    }

    fn left(&self, desk: &Desk, call: &Call<'_>) -> Left {
        let output = self.output(desk, call);
        Left {
            code: output.status.code(),
            stdout: self.mask(desk, &output.stdout),
            stderr: self.mask(desk, &output.stderr),
        }
    }

    fn output(&self, desk: &Desk, call: &Call<'_>) -> Output {
        let fill = |text: &str| {
            text.replace("$W", &desk.work.to_string_lossy())
                .replace("$LAB", &self.mit.folder().to_string_lossy())
        };
        let (program, words) = call.words.split_first().unwrap();
        let mut command = Command::new(desk.programs.join(program));
        command
            .args(words.iter().map(|word| {
                if *word == "''" {
                    String::new()
                } else {
                    fill(word)
                }
            }))
            .env_clear()
            .envs(self.mit.environment())
            .env("KRB5CCNAME", desk.work.join("cc"))
            .env("KRB5_KTNAME", desk.work.join("keytab"))
            .env("KRB5_CLIENT_KTNAME", desk.work.join("client.keytab"))
            .current_dir(&desk.work)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in &call.environment {
            command.env(name, fill(value));
        }
        let mut child = command.spawn().unwrap();
        // The program may end without having read what was typed.
        let _ = child.stdin.take().unwrap().write_all(call.input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Replaces folders, random names and the seconds that pass between the two runs.
    fn mask(&self, desk: &Desk, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes)
            .replace(&*desk.work.to_string_lossy(), "$W")
            .replace(&*desk.programs.to_string_lossy(), "$BIN")
            .replace(&*self.mit.folder().to_string_lossy(), "$LAB")
            .replace(&*self.folder.path().to_string_lossy(), "$DESKS");
        let text = relative_dates(&text);
        Regex::new(r"/tkt\w{6}\b")
            .unwrap()
            .replace_all(&text, "/tktRANDOM")
            .into_owned()
    }
}

/// Dates as minutes after the first one, so that a second between the two runs does not show.
fn relative_dates(text: &str) -> String {
    let dates = Regex::new(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d").unwrap();
    let mut first = None;
    let relative = |captures: &Captures<'_>| {
        let date = DateTime::strptime("%m/%d/%y %H:%M:%S", &captures[0]).unwrap();
        let minutes = date
            .duration_since(*first.get_or_insert(date))
            .as_secs_f64()
            / 60.0;
        format!("{:<17}", format!("T+{}m", minutes.round()))
    };
    dates.replace_all(text, relative).into_owned()
}

impl Left {
    fn text(&self) -> String {
        format!(
            "exit code {:?}\n-- stdout\n{}-- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}
