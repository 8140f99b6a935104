//! An application on MIT's library, with or without the plugin of Debian's gssproxy.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use kerbstone_testkit::lab::require_file;
use serde_json::{Value, json};

/// The application, which is told what to do line by line.
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it; `None` when python3-gssapi is not on this machine.
    pub(crate) fn start<'a>(
        environment: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Option<Self> {
        let module = Path::new("/usr/lib/python3/dist-packages/gssapi/__init__.py");
        if !require_file(module, "python3-gssapi") {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gss_program.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            child,
            input,
            output,
        })
    }

    /// What the application got.
    pub(crate) fn ask(&mut self, command: Value) -> Value {
        writeln!(self.input, "{command}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command}: {line:?}: {error}"))
    }

    /// The same, where no error may come.
    #[track_caller]
    pub(crate) fn get(&mut self, command: Value) -> Value {
        let answer = self.ask(command.clone());
        assert!(answer.get("major").is_none(), "{command}: {answer}");
        answer
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets two applications establish a context, called `context` in both, and gives what each knows
/// of it.
#[track_caller]
pub(crate) fn meet(
    initiator: &mut Program,
    acceptor: &mut Program,
    init: Value,
    accept: Value,
) -> (Value, Value) {
    let with = |base: &Value, verb: &str, token: &Value| {
        let mut command = base.clone();
        command["do"] = json!(verb);
        command["as"] = json!("context");
        command["token"] = token.clone();
        command
    };
    let mut theirs = Value::Null;
    let mut token = Value::Null;
    loop {
        let ours = initiator.get(with(&init, "init", &token));
        token = ours["token"].clone();
        if !token.is_null() {
            theirs = acceptor.get(with(&accept, "accept", &token));
            token = theirs["token"].clone();
        }
        if token.is_null() && ours["complete"] == true && theirs["complete"] == true {
            return (ours, theirs);
        }
        assert!(!token.is_null(), "stuck: {ours} {theirs}");
    }
}

/// A sealed and a signed message in each direction.
#[track_caller]
pub(crate) fn converse(one: &mut Program, other: &mut Program) {
    for turn in 0..4 {
        let (from, to) = if turn % 2 == 0 {
            (&mut *one, &mut *other)
        } else {
            (&mut *other, &mut *one)
        };
        let text = format!("message {turn}");
        let wrapped = from.get(json!({"do": "wrap", "as": "context", "text": text}));
        let heard = to.get(json!({"do": "unwrap", "as": "context", "token": wrapped["token"]}));
        assert_eq!(heard["text"], json!(text));
        let signed = from.get(json!({"do": "sign", "as": "context", "text": text}));
        to.get(json!({
            "do": "verify", "as": "context", "text": text, "token": signed["token"]
        }));
    }
}
