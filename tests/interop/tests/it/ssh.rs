//! SSH (RFC 4462): our initiator at OpenSSH's sshd, and our acceptor for OpenSSH's ssh, which both have MIT's library.

use std::sync::Arc;
use std::thread;

use kerbstone_gss::GssFlags;
use kerbstone_gss::krb5::{Acceptor, Initiator};
use kerbstone_testkit::lab::{Finished, Sshd, Suite, require};
use rand::rng;

use crate::caller::{Caller, USUAL, options};
use crate::matrix::at_each_server;
use crate::responder::{credential, now};
use crate::ssh_peer::{Library, Machine, SshPeer};
use crate::stage::{PASSWORD, REALM, Stage, USER};

const SERVICE: &str = "host/localhost";
const TARGET: &str = "host@localhost";

/// Signing in with a MIC over the session, and with the context that secured the exchange of keys already.
const WITH_MIC: &str = "gssapi-with-mic";
const KEY_EXCHANGE: &str = "gssapi-keyex";

at_each_server! {
    our_library_signs_in_and_delegates,
    our_library_exchanges_keys_and_signs_in_with_them,
    ssh_signs_in_at_our_acceptor_and_delegates,
    ssh_signs_in_at_sshd_and_delegates,
}

/// A server that lets alice in as whoever runs the tests.
fn sshd(stage: &Stage) -> Option<Sshd> {
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

fn our_library_signs_in_and_delegates(stage: &Stage) {
    our_library_signs_in_by(WITH_MIC, stage);
}

/// Here our library also judges a MIC of sshd's.
fn our_library_exchanges_keys_and_signs_in_with_them(stage: &Stage) {
    our_library_signs_in_by(KEY_EXCHANGE, stage);
}

fn our_library_signs_in_by(method: &str, stage: &Stage) {
    let Some(sshd) = sshd(stage) else { return };
    stage.sign_in(&["-f"]);
    let caller = Caller::on(stage);
    let Some(outcome) = sign_in(&sshd, method, &mut initiating(&caller)) else {
        return;
    };
    let log = sshd.log();
    is_alice_with_a_ticket(&sshd, &outcome.unwrap_or_else(|why| panic!("{why}\n{log}")));
    assert!(log.contains(&format!("Accepted {method} for")), "{log}");
}

#[test]
fn whoever_is_not_on_the_list_is_not_let_in() {
    let Some(stage) = Stage::set(Suite::Mit, Suite::Mit) else {
        return;
    };
    let Some(sshd) = sshd(&stage) else { return };
    stage.server.add_user("mallory", PASSWORD);
    stage
        .session
        .sign_in("mallory", PASSWORD, &["-f"])
        .succeeded();
    let mallory = Caller::on(&stage);
    let Some(outcome) = sign_in(&sshd, WITH_MIC, &mut initiating(&mallory)) else {
        return;
    };
    let why = outcome.expect_err("mallory is not on the list");
    assert!(why.contains("PermissionDenied"), "{why}");
    // Nothing but the name was in the way.
    stage.sign_in(&["-f"]);
    let alice = Caller::on(&stage);
    let outcome = sign_in(&sshd, WITH_MIC, &mut initiating(&alice));
    let output = outcome.expect("asyncssh was there");
    is_alice_with_a_ticket(&sshd, &output.expect("alice is let in"));
}

/// sshd does check what our library signs.
#[test]
fn a_mic_that_was_changed_is_not_let_in() {
    let Some(stage) = Stage::set(Suite::Mit, Suite::Mit) else {
        return;
    };
    let Some(sshd) = sshd(&stage) else { return };
    stage.sign_in(&["-f"]);
    let caller = Caller::on(&stage);
    for method in [WITH_MIC, KEY_EXCHANGE] {
        let mut forger = initiating(&caller);
        forger.is_forger = true;
        let Some(outcome) = sign_in(&sshd, method, &mut forger) else {
            return;
        };
        let why = outcome.expect_err("the MIC is wrong");
        assert!(why.contains("PermissionDenied"), "{method}: {why}");
    }
}

/// Our library as an SSH client's; asyncssh asks it to delegate.
fn initiating(caller: &Caller) -> Library<'_> {
    Library::new(move || -> Machine<'_> {
        let mut initiator = Initiator::new(options(TARGET, USUAL | GssFlags::DELEG));
        Box::new(move |input| caller.step(&mut initiator, Some(input)))
    })
}

/// Runs [`command`] in a session: its output, or why there is none.
fn sign_in(sshd: &Sshd, method: &str, library: &mut Library<'_>) -> Option<Result<String, String>> {
    let port = sshd.port().to_string();
    let mut peer = SshPeer::start(&["client", method, &port, sshd.user(), &command(sshd)])?;
    let report = peer.report(library);
    let (word, text) = report.unwrap_or_else(|| panic!("no report\n{}", sshd.log()));
    let text = String::from_utf8_lossy(&text).into_owned();
    Some(if word == "output" {
        Ok(text)
    } else {
        Err(text)
    })
}

fn ssh_signs_in_at_our_acceptor_and_delegates(stage: &Stage) {
    stage.server.add_service(SERVICE);
    let credential = credential(stage, SERVICE);
    let mut accepting = Library::new(|| -> Machine<'_> {
        let mut acceptor = Acceptor::new(Arc::clone(&credential), None);
        Box::new(move |input| acceptor.step(input, now(), &mut rng()))
    });
    stage.sign_in(&["-f"]);
    for method in [WITH_MIC, KEY_EXCHANGE] {
        let Some(mut peer) = SshPeer::start(&["server", method, REALM]) else {
            return;
        };
        let (_, port) = peer.report(&mut accepting).expect("where it listens");
        let port = String::from_utf8(port).expect("a number");
        let finished = thread::scope(|scope| {
            let ssh = scope.spawn(|| ssh(stage, method, &port, USER, "greet"));
            peer.report(&mut accepting);
            ssh.join().expect("ssh has run")
        });
        let Some(finished) = finished else { return };
        finished.succeeded().saying("hello alice");
    }
    assert!(!accepting.delegated.is_empty());
    assert!(accepting.delegated.iter().all(|is_delegated| *is_delegated));
}

/// Both sides with MIT's library, for comparison.
fn ssh_signs_in_at_sshd_and_delegates(stage: &Stage) {
    let Some(sshd) = sshd(stage) else { return };
    stage.sign_in(&["-f"]);
    for method in [WITH_MIC, KEY_EXCHANGE] {
        let (port, command) = (sshd.port().to_string(), command(&sshd));
        let Some(finished) = ssh(stage, method, &port, sshd.user(), &command) else {
            return;
        };
        is_alice_with_a_ticket(&sshd, &finished.succeeded().stdout);
    }
}

/// The stock client, with the tickets of the stage's session.
fn ssh(stage: &Stage, method: &str, port: &str, user: &str, command: &str) -> Option<Finished> {
    if !require("ssh", "openssh-client") {
        return None;
    }
    let preferred = format!("PreferredAuthentications={method}");
    let key_exchange = match method {
        KEY_EXCHANGE => "GSSAPIKeyExchange=yes",
        _ => "GSSAPIKeyExchange=no",
    };
    let options = [
        "BatchMode=yes",
        "GSSAPIAuthentication=yes",
        "GSSAPIDelegateCredentials=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "AddressFamily=inet",
        key_exchange,
        &preferred,
    ];
    let mut arguments = vec!["-F", "/dev/null", "-p", port, "-l", user];
    arguments.extend(options.iter().flat_map(|option| ["-o", option]));
    arguments.extend(["localhost", command]);
    Some(stage.session.run("ssh", &arguments, ""))
}
