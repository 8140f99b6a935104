//! MIT's gss-client and gss-server, with our library on the other side.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use kerbstone_gss::krb5::Initiator;
use kerbstone_gss::spnego::{Acceptor, Initiator as Negotiation};
use kerbstone_gss::{AcceptorCredential, Context, GssFlags, Order, Refused, Step};
use kerbstone_testkit::lab::{Daemon, Port, find_program, require};
use rand::rng;

use crate::caller::{Caller, USUAL, options};
use crate::matrix::at_each_server;
use crate::responder::{credential, now};
use crate::stage::{SERVICE, Stage};

const TARGET: &str = "host@www.lab.example";
const PACKAGE: &str = "krb5-gss-samples";

// What a frame's first byte says of it.
const NOOP: u8 = 1;
const CONTEXT: u8 = 2;
const DATA: u8 = 4;
const MIC: u8 = 8;
const CONTEXT_NEXT: u8 = 16;
const WRAPPED: u8 = 32;
const ENCRYPTED: u8 = 64;
const SEND_MIC: u8 = 128;

/// The samples' frames: flags, a length of four bytes, a token.
struct Frames(TcpStream);

impl Frames {
    fn send(&mut self, flags: u8, token: &[u8]) {
        let length = u32::try_from(token.len()).expect("a short token");
        let frame = [&[flags], &length.to_be_bytes()[..], token].concat();
        self.0.write_all(&frame).expect("the other side reads");
    }

    /// The next frame; none when the other side has said all.
    fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).ok()?;
        let [flags, length @ ..] = head;
        let mut token = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut token).expect("the whole token");
        Some((flags, token))
    }
}

at_each_server! {
    gss_server_understands_our_initiator,
    our_acceptor_understands_gss_client,
}

fn gss_server_understands_our_initiator(stage: &Stage) {
    if !require("gss-server", PACKAGE) {
        return;
    }
    let (server, port) = gss_server(stage);
    stage.sign_in(&[]);
    let caller = Caller::on(stage);
    for flags in [USUAL, GssFlags::EMPTY] {
        let mut frames = connect(&port);
        let mut initiator = Initiator::new(options(TARGET, flags));
        let context = establish(&mut frames, |input| caller.step(&mut initiator, input));
        talk(&mut frames, context);

        let mut frames = connect(&port);
        let mut initiator = Negotiation::new(options(TARGET, flags));
        let context = establish(&mut frames, |input| caller.negotiate(&mut initiator, input));
        talk(&mut frames, context);
    }
    let said = server.output();
    let accepted = said.matches("Accepted connection: \"alice@LAB.EXAMPLE\"");
    assert_eq!(accepted.count(), 4, "{said}");
    assert!(!said.contains("GSS-API error"), "{said}");
}

/// Hands every context on to itself by way of export and import.
fn gss_server(stage: &Stage) -> (Daemon, Port) {
    let port = Port::claim();
    // Its lines are to be seen as they are written.
    let mut command = Command::new("stdbuf");
    command
        .arg("-oL")
        .arg(find_program("gss-server").expect("it was found before"))
        .args(["-port", &port.number().to_string(), "-export", TARGET])
        .env("LC_ALL", "C")
        .env("KRB5_CONFIG", stage.server.krb5_conf())
        .env("KRB5_KTNAME", stage.server.keytab(SERVICE))
        .env("KRB5RCACHEDIR", stage.session.folder());
    let log = stage.session.folder().join("gss-server.out");
    let server = Daemon::start(command, &log, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port.number())).is_ok()
    });
    (server, port)
}

fn connect(port: &Port) -> Frames {
    let address = (Ipv4Addr::LOCALHOST, port.number());
    Frames(TcpStream::connect(address).expect("gss-server listens"))
}

fn establish(
    frames: &mut Frames,
    mut step: impl FnMut(Option<&[u8]>) -> Result<Step, Refused>,
) -> Context {
    frames.send(NOOP | CONTEXT_NEXT, b"");
    let mut input = None;
    loop {
        match step(input.as_deref()).unwrap() {
            Step::Continue { token } => {
                frames.send(CONTEXT, &token);
                let (flags, token) = frames.receive().expect("an answer");
                assert_eq!(flags, CONTEXT);
                input = Some(token);
            }
            Step::Established { token, context } => {
                if let Some(token) = token {
                    frames.send(CONTEXT, &token);
                }
                return *context;
            }
        }
    }
}

/// Messages as they can be sent, each answered by a MIC of what the server understood.
fn talk(frames: &mut Frames, mut context: Context) {
    let long = [0x5a; 70_000];
    for message in [&b"Is anybody there?"[..], &long] {
        for (flags, token) in [
            (WRAPPED | ENCRYPTED, context.wrap(true, message, &mut rng())),
            (WRAPPED, context.wrap(false, message, &mut rng())),
            (0, message.to_vec()),
        ] {
            frames.send(DATA | SEND_MIC | flags, &token);
            let (flags, mic) = frames.receive().expect("a MIC");
            assert_eq!(flags, MIC);
            assert_eq!(context.verify_mic(message, &mic).unwrap(), Order::InOrder);
        }
    }
    frames.send(NOOP, b"");
}

fn our_acceptor_understands_gss_client(stage: &Stage) {
    if !require("gss-client", PACKAGE) {
        return;
    }
    let credential = credential(stage, SERVICE);
    stage.sign_in(&["-f"]);
    for options in [
        &[][..],
        &["-spnego"],
        &["-seq", "-d"],
        &["-spnego", "-d"],
        &["-nomutual"],
        &["-noreplay", "-nomutual", "-spnego"],
        &["-nx"],
        &["-nw"],
        &["-nm"],
    ] {
        let (said, heard) = gss_client(stage, &credential, options);
        assert_eq!(heard.initiator, "alice@LAB.EXAMPLE");
        assert_eq!(heard.messages, ["sealed with a kiss"; 3]);
        let asked_for = |option| options.contains(&option);
        assert_eq!(heard.is_delegated, asked_for("-d"), "{options:?}");
        let reply = match asked_for("-nm") {
            true => "Response received.",
            false => "Signature verified.",
        };
        assert_eq!(said.matches(reply).count(), 3, "{options:?} {said}");
        assert!(said.contains("\"alice@LAB.EXAMPLE\" to"), "{said}");
    }
}

/// What our side heard.
#[derive(Debug)]
struct Heard {
    initiator: String,
    is_delegated: bool,
    messages: Vec<String>,
}

fn gss_client(
    stage: &Stage,
    credential: &Arc<AcceptorCredential>,
    options: &[&str],
) -> (String, Heard) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener
        .local_addr()
        .expect("its address")
        .port()
        .to_string();
    let credential = Arc::clone(credential);
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("gss-client calls");
        serve(&mut Frames(stream), credential)
    });
    let call = ["-port", &port, "-mcount", "3"];
    let what = ["127.0.0.1", TARGET, "sealed with a kiss"];
    let arguments = [&call, options, &what].concat();
    let finished = stage.session.run("gss-client", &arguments, "").succeeded();
    (finished.stdout, server.join().expect("our side succeeded"))
}

/// As gss-server serves.
fn serve(frames: &mut Frames, credential: Arc<AcceptorCredential>) -> Heard {
    let (flags, _) = frames.receive().expect("a greeting");
    assert_eq!(flags, NOOP | CONTEXT_NEXT);
    let mut context = accept(frames, Acceptor::new(credential, None));
    let mut messages = Vec::new();
    while let Some((flags, token)) = frames.receive() {
        if flags == NOOP {
            break;
        }
        let message = match flags & WRAPPED {
            0 => token,
            _ => {
                let unwrapped = context.unwrap(&token).unwrap();
                assert_eq!(unwrapped.confidential, flags & ENCRYPTED != 0);
                assert_eq!(unwrapped.order, Order::InOrder);
                unwrapped.message
            }
        };
        match flags & SEND_MIC {
            0 => frames.send(NOOP, b""),
            _ => frames.send(MIC, &context.get_mic(&message)),
        }
        messages.push(String::from_utf8(message).expect("gss-client's text"));
    }
    Heard {
        initiator: context.initiator_name().to_string(),
        is_delegated: !context.delegated().is_empty(),
        messages,
    }
}

fn accept(frames: &mut Frames, mut acceptor: Acceptor) -> Context {
    loop {
        let (flags, token) = frames.receive().expect("a token");
        assert_eq!(flags, CONTEXT);
        match acceptor.step(&token, now(), &mut rng()).unwrap() {
            Step::Continue { token } => frames.send(CONTEXT, &token),
            Step::Established { token, context } => {
                if let Some(token) = token {
                    frames.send(CONTEXT, &token);
                }
                return *context;
            }
        }
    }
}
