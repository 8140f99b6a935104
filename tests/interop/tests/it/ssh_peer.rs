//! asyncssh with our library as its GSS: a process that asks by its standard output.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64ct::{Base64, Encoding};
use kerbstone_gss::{Context, Refused, Step};
use kerbstone_testkit::lab::require_file;

const ASYNCSSH: &str = "/usr/lib/python3/dist-packages/asyncssh/__init__.py";

/// The process, killed when dropped.
pub(crate) struct SshPeer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A line of either side.
type Line = (String, Vec<u8>);

impl SshPeer {
    /// `None` when asyncssh is not on this machine.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        if !require_file(Path::new(ASYNCSSH), "python3-asyncssh") {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ssh_peer.py");
        // Whatever other Pythons there are: Debian's module is Debian's.
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Some(Self {
            child,
            input,
            output,
        })
    }

    /// Answers the process's questions until it reports something; `None` when it has ended.
    pub(crate) fn report(&mut self, library: &mut Library<'_>) -> Option<Line> {
        loop {
            let (word, message) = self.read()?;
            let (answer_word, answer) = match word.as_str() {
                "output" | "refused" | "port" => return Some((word, message)),
                _ => library.answer(&word, &message),
            };
            let answer = Base64::encode_string(&answer);
            // Who was killed meanwhile does not read.
            writeln!(self.input, "{answer_word} {answer}").ok()?;
        }
    }

    fn read(&mut self) -> Option<Line> {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("lines of text");
        let (word, message) = line.trim_end_matches('\n').split_once(' ')?;
        let message = Base64::decode_vec(message).expect("Base64");
        Some((word.into(), message))
    }
}

impl Drop for SshPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes a token, empty at first for an initiator.
pub(crate) type Machine<'a> = Box<dyn FnMut(&[u8]) -> Result<Step, Refused> + 'a>;

/// What asyncssh takes for its GSS library.
pub(crate) struct Library<'a> {
    begin: Box<dyn Fn() -> Machine<'a> + 'a>,
    machine: Machine<'a>,
    context: Option<Context>,
    /// Signs wrongly.
    pub(crate) is_forger: bool,
    /// Of each context that came about, whether credentials came with it.
    pub(crate) delegated: Vec<bool>,
}

impl<'a> Library<'a> {
    pub(crate) fn new(begin: impl Fn() -> Machine<'a> + 'a) -> Self {
        Self {
            machine: begin(),
            begin: Box::new(begin),
            context: None,
            is_forger: false,
            delegated: Vec::new(),
        }
    }

    fn answer(&mut self, question: &str, message: &[u8]) -> (&'static str, Vec<u8>) {
        match question {
            "reset" => {
                self.machine = (self.begin)();
                self.context = None;
                ("done", Vec::new())
            }
            "step" => self.step(message),
            "sign" => ("done", self.sign(message)),
            "verify" => match self.verify(message) {
                true => ("done", Vec::new()),
                false => ("refused", Vec::new()),
            },
            "user" => (
                "done",
                self.established().initiator_name().to_string().into(),
            ),
            _ => panic!("the SSH program asks for {question}"),
        }
    }

    fn step(&mut self, input: &[u8]) -> (&'static str, Vec<u8>) {
        match (self.machine)(input) {
            Ok(Step::Continue { token }) => ("more", token),
            Ok(Step::Established { token, context }) => {
                self.delegated.push(!context.delegated().is_empty());
                self.context = Some(*context);
                ("done", token.unwrap_or_default())
            }
            Err(refused) => ("refused", refused.token.unwrap_or_default()),
        }
    }

    fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        let mut mic = self.established().get_mic(message);
        if self.is_forger {
            *mic.last_mut().expect("a MIC is not empty") ^= 1;
        }
        mic
    }

    /// The message's length, the message, and its MIC.
    fn verify(&mut self, input: &[u8]) -> bool {
        let (length, rest) = input.split_first_chunk().expect("a length");
        let (message, mic) = rest.split_at(u32::from_be_bytes(*length) as usize);
        self.established().verify_mic(message, mic).is_ok()
    }

    fn established(&mut self) -> &mut Context {
        self.context.as_mut().expect("an established context")
    }
}
