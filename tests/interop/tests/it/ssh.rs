//! OpenSSH's sshd, which accepts with MIT's library: signing in by gssapi-with-mic (RFC 4462 3).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding};
use kerbstone_gss::krb5::Initiator;
use kerbstone_gss::{Context, GssFlags, Step};
use kerbstone_testkit::lab::{Sshd, Suite, require, require_file};

use crate::caller::{Caller, USUAL, options};
use crate::matrix::at_each_server;
use crate::stage::{PASSWORD, Stage};

const SERVICE: &str = "host/localhost";
const TARGET: &str = "host@localhost";
const PARAMIKO: &str = "/usr/lib/python3/dist-packages/paramiko/__init__.py";

/// A server that lets alice in as whoever runs the tests.
fn serve(stage: &Stage) -> Option<Sshd> {
    stage.server.add_service(SERVICE);
    let keytab = stage.server.keytab(SERVICE);
    Sshd::start(stage.server.krb5_conf(), &keytab, &["alice@LAB.EXAMPLE"])
}

/// Says who we are there, and which tickets came along.
fn command(sshd: &Sshd) -> String {
    let conf = sshd.krb5_conf();
    format!("id -un; KRB5_CONFIG={} klist -f", conf.display())
}

/// What [`command`] prints when alice is in and brought a ticket-granting ticket along that was forwarded.
#[track_caller]
fn is_alice_with_a_ticket(sshd: &Sshd, output: &str) {
    assert!(
        output.starts_with(&format!("{}\n", sshd.user())),
        "{output}\n{}",
        sshd.log()
    );
    assert!(
        output.contains("Default principal: alice@LAB.EXAMPLE"),
        "{output}"
    );
    let flags = output.split("Flags: ").nth(1).unwrap_or_default();
    assert!(flags.starts_with("Ff"), "{output}");
}

at_each_server! {
    our_library_signs_in_and_delegates,
    ssh_signs_in_and_delegates,
}

fn our_library_signs_in_and_delegates(stage: &Stage) {
    let Some(sshd) = serve(stage) else { return };
    stage.sign_in(&["-f"]);
    let flags = USUAL | GssFlags::DELEG;
    let Some(outcome) = sign_in(&sshd, &Caller::on(stage), flags, |mic| mic) else {
        return;
    };
    is_alice_with_a_ticket(&sshd, &outcome.expect("alice is let in"));
}

/// The stock client, for comparison.
fn ssh_signs_in_and_delegates(stage: &Stage) {
    let Some(sshd) = serve(stage) else { return };
    if !require("ssh", "openssh-client") {
        return;
    }
    stage.sign_in(&["-f"]);
    let (port, command) = (sshd.port().to_string(), command(&sshd));
    let options = [
        "BatchMode=yes",
        "GSSAPIAuthentication=yes",
        "GSSAPIDelegateCredentials=yes",
        "PreferredAuthentications=gssapi-with-mic",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
    ];
    let mut arguments = vec!["-F", "/dev/null", "-p", &port, "-l", sshd.user()];
    arguments.extend(options.iter().flat_map(|option| ["-o", option]));
    arguments.extend(["localhost", &command]);
    let finished = stage.session.run("ssh", &arguments, "").succeeded();
    is_alice_with_a_ticket(&sshd, &finished.stdout);
}

#[test]
fn whoever_is_not_on_the_list_is_not_let_in() {
    let Some(stage) = Stage::set(Suite::Mit, Suite::Mit) else {
        return;
    };
    let Some(sshd) = serve(&stage) else { return };
    stage.server.add_user("mallory", PASSWORD);
    stage.session.sign_in("mallory", PASSWORD, &[]).succeeded();
    let Some(outcome) = sign_in(&sshd, &Caller::on(&stage), USUAL, |mic| mic) else {
        return;
    };
    outcome.expect_err("mallory is not on the list");
    // Nothing but the name was in the way.
    stage.sign_in(&[]);
    let outcome = sign_in(&sshd, &Caller::on(&stage), USUAL, |mic| mic);
    let output = outcome
        .expect("paramiko was there")
        .expect("alice is let in");
    assert!(output.starts_with(sshd.user()), "{output}");
    let log = sshd.log();
    assert!(log.contains("krb5 principal alice@LAB.EXAMPLE"), "{log}");
}

/// sshd does check what our library signs.
#[test]
fn a_mic_that_was_changed_is_not_let_in() {
    let Some(stage) = Stage::set(Suite::Mit, Suite::Mit) else {
        return;
    };
    let Some(sshd) = serve(&stage) else { return };
    stage.sign_in(&[]);
    let damage = |mut mic: Vec<u8>| {
        *mic.last_mut().expect("a MIC") ^= 1;
        mic
    };
    let Some(outcome) = sign_in(&sshd, &Caller::on(&stage), USUAL, damage) else {
        return;
    };
    outcome.expect_err("the MIC is wrong");
}

/// Signs in with our library and runs [`command`]: its output, or why there is none. `meddle` may change the MIC.
fn sign_in(
    sshd: &Sshd,
    caller: &Caller,
    flags: GssFlags,
    meddle: impl Fn(Vec<u8>) -> Vec<u8>,
) -> Option<Result<String, String>> {
    if !require_file(Path::new(PARAMIKO), "python3-paramiko") {
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ssh_peer.py");
    let mut peer = Command::new("/usr/bin/python3")
        .arg(script)
        .args([&sshd.port().to_string(), sshd.user(), &command(sshd)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut to_peer = peer.stdin.take().expect("its input");
    let from_peer = BufReader::new(peer.stdout.take().expect("its output"));
    let mut library = Library::new(caller, flags);
    let mut outcome = None;
    for line in from_peer.lines() {
        let line = line.expect("a line of the SSH client's");
        let (word, message) = line
            .split_once(' ')
            .expect("a word and something in Base64");
        let message = Base64::decode_vec(message).expect("Base64");
        let answer = match word {
            "token" => library.step(&message),
            "mic" => meddle(library.mic(&message)),
            _ => {
                let text = String::from_utf8_lossy(&message).into_owned();
                outcome = Some(if word == "output" {
                    Ok(text)
                } else {
                    Err(text)
                });
                break;
            }
        };
        writeln!(to_peer, "{}", Base64::encode_string(&answer)).expect("a client that listens");
    }
    peer.wait().expect("the client's end");
    Some(outcome.unwrap_or_else(|| panic!("the SSH client failed:\n{}", sshd.log())))
}

/// What the SSH client takes for its GSS library.
struct Library<'a> {
    caller: &'a Caller,
    initiator: Initiator,
    context: Option<Context>,
}

impl<'a> Library<'a> {
    fn new(caller: &'a Caller, flags: GssFlags) -> Self {
        Self {
            caller,
            initiator: Initiator::new(options(TARGET, flags)),
            context: None,
        }
    }

    /// The next token; empty when there is none.
    fn step(&mut self, input: &[u8]) -> Vec<u8> {
        let input = Some(input).filter(|input| !input.is_empty());
        match self.caller.step(&mut self.initiator, input) {
            Ok(Step::Continue { token }) => token,
            Ok(Step::Established { token, context }) => {
                self.context = Some(*context);
                token.unwrap_or_default()
            }
            Err(refused) => panic!("{refused}"),
        }
    }

    fn mic(&mut self, message: &[u8]) -> Vec<u8> {
        let context = self.context.as_mut().expect("an established context");
        context.get_mic(message)
    }
}
