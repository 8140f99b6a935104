//! Programs of python3-gssapi on the other side, as people write them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use kerbstone_client::CacheTickets;
use kerbstone_gss::{Context, Refused, Step, krb5, spnego};
use kerbstone_testkit::lab::require_file;
use rand::rng;

use crate::peer::{hex, unhex};
use crate::site::{Site, TARGET, USUAL, now, options};

struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    fn start(site: &Site, arguments: &[&str]) -> Option<Self> {
        let module = Path::new("/usr/lib/python3/dist-packages/gssapi/__init__.py");
        if !require_file(module, "python3-gssapi") {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/python_gssapi.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(site.environment())
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

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn tell(&mut self, token: &[u8]) {
        writeln!(self.input, "{}", hex(token)).unwrap();
    }

    /// A message in each direction over a context that stands at our end.
    fn converse(mut self, mut context: Context, words: &str) {
        assert_eq!(words, "complete alice@GSS.TEST");
        let unwrapped = context.unwrap(&unhex(&self.hear())).unwrap();
        assert_eq!(unwrapped.message, b"from python");
        assert!(unwrapped.confidential);
        let token = context.wrap(true, b"from rust", &mut rng());
        self.tell(&token);
        assert_eq!(self.hear(), "heard from rust True");
        assert!(self.child.wait().unwrap().success());
    }
}

fn python_begins(site: &Site, mech: &str) {
    let Some(mut python) = Python::start(site, &["init", TARGET, mech]) else {
        return;
    };
    let mut acceptor = spnego::Acceptor::new(Arc::new(site.credential()), None);
    let mut established = None;
    loop {
        let line = python.hear();
        if line.starts_with("complete") {
            return python.converse(established.expect("both are done"), &line);
        }
        let token = match acceptor.step(&unhex(&line), now(), &mut rng()).unwrap() {
            Step::Continue { token } => Some(token),
            Step::Established { token, context } => {
                established = Some(*context);
                token
            }
        };
        if let Some(token) = token {
            python.tell(&token);
        }
    }
}

fn we_begin(site: &Site, mut step: impl FnMut(Option<&[u8]>) -> Result<Step, Refused>) {
    let Some(mut python) = Python::start(site, &["accept"]) else {
        return;
    };
    let mut input = None;
    loop {
        let (token, context) = match step(input.as_deref()).unwrap() {
            Step::Continue { token } => (Some(token), None),
            Step::Established { token, context } => (token, Some(context)),
        };
        if let Some(token) = token {
            python.tell(&token);
        }
        if let Some(context) = context {
            let words = python.hear();
            return python.converse(*context, &words);
        }
        input = Some(unhex(&python.hear()));
    }
}

#[test]
fn programs_in_python_reach_us_by_krb5_and_spnego() {
    let Some(site) = Site::usual() else { return };
    for mech in ["krb5", "spnego"] {
        python_begins(&site, mech);
    }
}

#[test]
fn we_reach_programs_in_python_by_krb5_and_spnego() {
    let Some(site) = Site::usual() else { return };
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let mut initiator = krb5::Initiator::new(options(USUAL));
    we_begin(&site, |input| {
        initiator.step(input, &mut tickets, now(), &mut rng())
    });
    let mut initiator = spnego::Initiator::new(options(USUAL));
    we_begin(&site, |input| {
        initiator.step(input, &mut tickets, now(), &mut rng())
    });
}
