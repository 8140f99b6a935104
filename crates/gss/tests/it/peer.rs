//! A C library's side of a context: MIT's or Heimdal's, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{env, fs};

use serde_json::{Value, json};

/// Whose library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Mit,
    Heimdal,
}

impl Library {
    /// The library's file, if it is on this machine. Where CI runs it must be.
    pub(crate) fn file(self) -> Option<PathBuf> {
        let found = match self {
            Self::Mit => fs::read_dir("/usr/lib").ok().and_then(|folders| {
                folders
                    .flatten()
                    .map(|folder| folder.path().join("libgssapi_krb5.so.2"))
                    .find(|file| file.exists())
            }),
            Self::Heimdal => library_folder()
                .map(|folder| folder.join("libgssapi.so.3"))
                .filter(|file| file.exists()),
        };
        if found.is_none() {
            assert!(env::var("CI").is_err(), "{self:?}'s GSS library is missing");
            eprintln!("skipped: {self:?}'s GSS library is not here");
        }
        found
    }
}

/// Where `cargo xtask peers` puts Heimdal's libraries.
fn library_folder() -> Option<PathBuf> {
    let home = match env::var_os("KERBSTONE_HEIMDAL") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/heimdal"),
    };
    fs::read_dir(home.join("usr/lib"))
        .ok()?
        .flatten()
        .map(|folder| folder.path())
        .find(|folder| folder.join("libkrb5.so.26").exists())
}

/// The process.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it with those variables in its environment.
    pub(crate) fn start(library: &Path, environment: &[(&str, String)]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gss_peer.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(library)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("LD_LIBRARY_PATH", library.parent().unwrap())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            input,
            output,
        }
    }

    /// Asks for something and takes the answer, refusals included.
    pub(crate) fn try_ask(&mut self, request: &Value) -> Answer {
        writeln!(self.input, "{request}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        Answer(serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request} got {line:?}")))
    }

    /// Asks for something that must succeed.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Value) -> Answer {
        let answer = self.try_ask(request);
        assert!(answer.error() == 0, "{request} got {answer:?}");
        answer
    }

    pub(crate) fn wrap(&mut self, confidential: bool, message: &[u8]) -> Vec<u8> {
        let conf = i32::from(confidential);
        self.ask(&json!({"do": "wrap", "conf": conf, "message": hex(message)}))
            .bytes("token")
    }

    #[track_caller]
    pub(crate) fn unwrap(&mut self, token: &[u8]) -> Answer {
        self.ask(&json!({"do": "unwrap", "token": hex(token)}))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a library answered.
#[derive(Debug)]
pub(crate) struct Answer(Value);

impl Answer {
    /// The routine error of the major status; 0 if there is none.
    pub(crate) fn error(&self) -> u64 {
        self.0["major"].as_u64().unwrap() >> 16
    }

    /// The supplementary bits of the major status.
    pub(crate) fn supplement(&self) -> u64 {
        self.0["major"].as_u64().unwrap() & 0xffff
    }

    #[track_caller]
    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        unhex(self.text(field))
    }

    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0[field]
            .as_u64()
            .unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    pub(crate) fn is(&self, field: &str) -> bool {
        self.0[field].as_bool() == Some(true)
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }

    pub(crate) fn value(&self, field: &str) -> &Value {
        &self.0[field]
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
