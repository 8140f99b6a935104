//! `kerb gss` and MIT's gss-client and gss-server, in all combinations.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use kerbstone_testkit::lab::{Mit, Port, Session, Setup, Suite, find_program, require};

const SERVICE: &str = "host@server.gss.test";
const OURS: &str = env!("CARGO_BIN_EXE_kerb");

/// A realm with alice, who is signed in, and a service.
struct Site {
    mit: Mit,
    session: Session,
    keytab: PathBuf,
}

impl Site {
    fn start() -> Option<Self> {
        if !require("gss-client", "krb5-gss-samples") {
            return None;
        }
        let conf = "[domain_realm]\n.gss.test = GSS.TEST";
        let mit = Mit::start(&Setup::realm("GSS.TEST").krb5_conf(conf))?;
        mit.add_user("alice", "wonderland");
        mit.add_service("host/server.gss.test");
        let keytab = mit.keytab("host/server.gss.test");
        let session = Session::new(Suite::Mit, mit.krb5_conf());
        session.sign_in("alice", "wonderland", &["-f"]).succeeded();
        Some(Self {
            mit,
            session,
            keytab,
        })
    }

    fn command(&self, program: &str) -> Command {
        let path = match program {
            "kerb" => PathBuf::from(OURS),
            other => find_program(other).expect("an installed program"),
        };
        let mut command = Command::new(path);
        command
            .env_clear()
            .envs(self.mit.environment())
            .env("KRB5CCNAME", self.session.cache())
            .env("KRB5_KTNAME", &self.keytab);
        command
    }

    /// `who`'s server, with those options.
    fn server(&self, who: Who, options: &[&str]) -> Server {
        let port = Port::claim();
        let number = port.number().to_string();
        let output = self.mit.folder().join(format!("server-{number}"));
        let mut command = match who {
            Who::Ours => {
                let mut command = self.command("kerb");
                command.args(["gss", "server", "--listen", "127.0.0.1", "--port", &number]);
                command
            }
            Who::Mit => {
                let mut command = self.command("gss-server");
                command.args(["-port", &number]);
                command
            }
        };
        let stream = File::create(&output).unwrap();
        let child = command
            .args(options)
            .arg(SERVICE)
            .stdout(stream.try_clone().unwrap())
            .stderr(stream)
            .spawn()
            .unwrap();
        let server = Server {
            child,
            port,
            output,
        };
        server.wait_for("starting...");
        server
    }

    /// `who`'s client, with those options, says `text`.
    fn client(&self, who: Who, server: &Server, options: &[&str], text: &str) -> Output {
        let number = server.port.number().to_string();
        let mut command = match who {
            Who::Ours => self.command("kerb"),
            Who::Mit => self.command("gss-client"),
        };
        match who {
            Who::Ours => command.args(["gss", "client", "--port", &number]),
            Who::Mit => command.args(["-port", &number]),
        };
        command
            .args(options)
            .args(["127.0.0.1", SERVICE, text])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Ours,
    Mit,
}

struct Server {
    child: Child,
    port: Port,
    output: PathBuf,
}

impl Server {
    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap()).into_owned()
    }

    #[track_caller]
    fn wait_for(&self, words: &str) {
        for _ in 0..400 {
            if self.said().contains(words) {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("the server never says {words:?} but:\n{}", self.said());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn words(output: &Output) -> String {
    let streams = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&streams).into_owned()
}

/// The same wish in MIT's words and in ours.
const WISHES: [(&[&str], &[&str]); 13] = [
    (&[], &[]),
    (&["-krb5"], &[]),
    (&["-spnego"], &["--spnego"]),
    (&["-dce"], &["--dce"]),
    (&["-spnego", "-dce"], &["--spnego", "--dce"]),
    (&["-seq"], &["--seq"]),
    (&["-noreplay"], &["--no-replay"]),
    (&["-nomutual"], &["--no-mutual"]),
    (&["-spnego", "-nomutual"], &["--spnego", "--no-mutual"]),
    (&["-d", "-spnego"], &["--delegate", "--spnego"]),
    (&["-nw"], &["--no-wrap"]),
    (&["-nx"], &["--no-encrypt"]),
    (
        &["-mcount", "3", "-ccount", "2"],
        &["--mcount", "3", "--ccount", "2"],
    ),
];

fn everything_that_is_asked(client: Who, server: Who) {
    let Some(site) = Site::start() else { return };
    let export = match server {
        Who::Ours => "--export",
        Who::Mit => "-export",
    };
    for server_options in [&[][..], &[export]] {
        let running = site.server(server, server_options);
        for (number, (mit, ours)) in WISHES.iter().enumerate() {
            let options = if client == Who::Mit { mit } else { ours };
            let text = format!("message {number}");
            let output = site.client(client, &running, options, &text);
            let said = words(&output);
            assert!(
                output.status.success(),
                "{options:?}: {said}\n{}",
                running.said()
            );
            assert!(said.contains("Signature verified."), "{options:?}: {said}");
            running.wait_for(&format!("Received message: \"{text}\""));
            assert!(
                running
                    .said()
                    .contains("Accepted connection: \"alice@GSS.TEST\"")
            );
        }
        if server == Who::Ours {
            running.wait_for("Delegated credentials: \"alice@GSS.TEST\"");
        } else {
            running.wait_for("context flag: GSS_C_DELEG_FLAG");
        }
    }
}

#[test]
fn our_client_talks_to_mits_server_in_every_way() {
    everything_that_is_asked(Who::Ours, Who::Mit);
}

#[test]
fn mits_client_talks_to_our_server_in_every_way() {
    everything_that_is_asked(Who::Mit, Who::Ours);
}

#[test]
fn our_client_talks_to_our_server_in_every_way() {
    everything_that_is_asked(Who::Ours, Who::Ours);
}

#[test]
fn what_is_not_authenticated_or_not_proved_is_told_so() {
    let Some(site) = Site::start() else { return };
    for (client, server) in [
        (Who::Mit, Who::Ours),
        (Who::Ours, Who::Mit),
        (Who::Ours, Who::Ours),
    ] {
        let running = site.server(server, &[]);
        let (no_auth, no_mic) = match client {
            Who::Mit => ("-na", "-nm"),
            Who::Ours => ("--no-auth", "--no-mic"),
        };
        for option in [no_auth, no_mic] {
            let output = site.client(client, &running, &[option], "plain words");
            let said = words(&output);
            assert!(output.status.success(), "{said}");
            assert!(said.contains("Response received."), "{said}");
        }
        running.wait_for("Accepted unauthenticated connection.");
        running.wait_for("Received message: \"plain words\"");
    }
}

#[test]
fn the_old_form_of_the_protocol_is_understood() {
    let Some(site) = Site::start() else { return };
    let running = site.server(Who::Ours, &[]);
    for (client, option) in [(Who::Mit, "-v1"), (Who::Ours, "--v1")] {
        let output = site.client(client, &running, &[option], "old words");
        let said = words(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("Signature verified."), "{said}");
    }
    running.wait_for("Received message: \"old words\"");
}

#[test]
fn a_password_serves_where_there_are_no_tickets() {
    let Some(site) = Site::start() else { return };
    site.session.destroy();
    let running = site.server(Who::Mit, &[]);
    let number = running.port.number().to_string();
    let run = |password: &str| {
        let mut client = site
            .command("kerb")
            .args(["gss", "client", "--port", &number, "--spnego"])
            .args([
                "--user",
                "alice",
                "--password",
                "127.0.0.1",
                SERVICE,
                "hello",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        writeln!(input, "{password}").unwrap();
        drop(input);
        client.wait_with_output().unwrap()
    };
    let right = run("wonderland");
    assert!(right.status.success(), "{}", words(&right));
    assert!(words(&right).contains("Signature verified."));
    assert!(
        !site.session.cache().exists(),
        "the tickets are kept nowhere"
    );
    let wrong = run("looking glass");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(words(&wrong).contains("kerb: cannot talk to host@server.gss.test:"));
}

#[test]
fn whoever_cannot_sign_in_hears_why_and_what_to_do() {
    let Some(site) = Site::start() else { return };
    let running = site.server(Who::Ours, &[]);
    let number = running.port.number().to_string();
    let ask = |service: &str| {
        let output = site
            .command("kerb")
            .args([
                "gss",
                "client",
                "--port",
                &number,
                "127.0.0.1",
                service,
                "m",
            ])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        words(&output)
    };
    let said = ask("imap@server.gss.test");
    assert!(said.contains("no ticket for"), "{said}");
    assert!(said.contains("help:"), "{said}");
    site.mit.add_service("imap/server.gss.test");
    let said = ask("imap@server.gss.test");
    assert!(said.contains("the other side refuses"), "{said}");
    running.wait_for("the ticket is for imap/server.gss.test@GSS.TEST");
    site.session.destroy();
    let output = site.client(Who::Ours, &running, &[], "m");
    assert_eq!(output.status.code(), Some(3));
    assert!(words(&output).contains("kerb login"), "{}", words(&output));
}

#[test]
fn a_server_without_a_key_or_a_port_does_not_start() {
    let Some(site) = Site::start() else { return };
    let start = |options: &[&str]| {
        let output = site
            .command("kerb")
            .args(["gss", "server", "--listen", "127.0.0.1"])
            .args(options)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        words(&output)
    };
    let said = start(&["--port", "0", "imap"]);
    assert!(said.contains("no usable key of imap on any host"), "{said}");
    let said = start(&["--port", "0", "--keytab", "/nonexistent", "host"]);
    assert!(said.contains("/nonexistent"), "{said}");
    let running = site.server(Who::Ours, &[]);
    let said = start(&["--port", &running.port.number().to_string(), "host"]);
    assert!(said.contains("Address already in use"), "{said}");
    let foreign = site.mit.folder().join("foreign");
    fs::write(&foreign, "something else").unwrap();
    let foreign = foreign.display().to_string();
    let said = start(&["--port", "0", "--replay-cache", &foreign, "host"]);
    assert!(
        said.contains("kerb: cannot serve:") && said.contains(&foreign),
        "{said}"
    );
}

#[test]
fn one_connection_is_served_on_the_standard_streams_as_inetd_has_it() {
    let Some(site) = Site::start() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let log = site.mit.folder().join("inetd.log");
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            site.command("gss-client")
                .args(["-port", &port, "127.0.0.1", SERVICE, "by inetd"])
                .output()
                .unwrap()
        });
        let (stream, _) = listener.accept().unwrap();
        let stream = OwnedFd::from(stream);
        let status = site
            .command("kerb")
            .args(["gss", "server", "--inetd", "--log-file"])
            .arg(&log)
            .arg(SERVICE)
            .stdin(stream.try_clone().unwrap())
            .stdout(stream)
            .status();
        assert!(status.unwrap().success());
        assert!(words(&client.join().unwrap()).contains("Signature verified."));
    });
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("Received message: \"by inetd\""), "{said}");
}

#[test]
fn a_server_says_when_it_is_ready_and_ends_after_one_connection_if_told() {
    let Some(site) = Site::start() else { return };
    let path = site.mit.folder().join("notify");
    let notified = UnixDatagram::bind(&path).unwrap();
    notified
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let port = Port::claim();
    let number = port.number().to_string();
    let mut server = site
        .command("kerb")
        .env("NOTIFY_SOCKET", &path)
        .args([
            "gss",
            "server",
            "--listen",
            "127.0.0.1",
            "--once",
            "--port",
            &number,
            "host",
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut buffer = [0; 64];
    let length = notified.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"READY=1\n");
    let output = site
        .command("gss-client")
        .args(["-port", &number, "127.0.0.1", SERVICE, "once"])
        .output()
        .unwrap();
    assert!(words(&output).contains("Signature verified."));
    assert!(server.wait().unwrap().success());
}

#[test]
fn noise_on_one_connection_disturbs_no_other() {
    let Some(site) = Site::start() else { return };
    let running = site.server(Who::Ours, &[]);
    let noises: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x11\x00\x00\x00\x00\x02\xff\xff\xff\xff",
        b"\x11\x00\x00\x00\x00\x02\x00\x00\x00\x05noise",
        b"\x00\x00\x00\x05noise",
        b"\x01\x00\x00\x00\x00\x64\x00\x00\x00\x05noise",
        b"",
    ];
    // One that says nothing at all stays open.
    let _silent = connect(&running);
    for noise in noises {
        connect(&running).write_all(noise).unwrap();
        let output = site.client(Who::Mit, &running, &["-spnego"], "sense");
        assert!(
            words(&output).contains("Signature verified."),
            "after {noise:02x?}"
        );
    }
    running.wait_for("are the most");
    running.wait_for("Unauthenticated client requested authenticated services!");
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.port.number())).unwrap()
}

#[test]
fn a_replayed_conversation_is_refused_by_every_server_also_after_a_restart() {
    let Some(site) = Site::start() else { return };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    let first = site.server(Who::Ours, &[]);
    let captured = thread::scope(|scope| {
        let tap = scope.spawn(|| tap(&port, &first));
        let output = site
            .command("gss-client")
            .args([
                "-port",
                &address.port().to_string(),
                "127.0.0.1",
                SERVICE,
                "once",
            ])
            .output()
            .unwrap();
        assert!(
            words(&output).contains("Signature verified."),
            "{}",
            words(&output)
        );
        tap.join().unwrap()
    });
    let second = site.server(Who::Ours, &[]);
    for server in [&first, &second] {
        connect(server).write_all(&captured).unwrap();
        server.wait_for("is a replay");
    }
    drop((first, second));
    let third = site.server(Who::Ours, &[]);
    connect(&third).write_all(&captured).unwrap();
    third.wait_for("is a replay");
}

/// Passes a connection on, and keeps what the client said.
fn tap(port: &std::net::TcpListener, server: &Server) -> Vec<u8> {
    let (mut client, _) = port.accept().unwrap();
    let mut upstream = connect(server);
    let mut back = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
    let answers = thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
    let mut captured = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = std::io::Read::read(&mut client, &mut buffer) {
        captured.extend_from_slice(&buffer[..length]);
        upstream.write_all(&buffer[..length]).unwrap();
    }
    let _ = upstream.shutdown(std::net::Shutdown::Both);
    let _ = answers.join();
    captured
}

#[test]
fn a_file_is_said_as_it_is() {
    let Some(site) = Site::start() else { return };
    let running = site.server(Who::Ours, &[]);
    let file = site.mit.folder().join("bytes");
    write_noise(&file);
    let path = file.display().to_string();
    for (client, option) in [(Who::Ours, "--file"), (Who::Mit, "-f")] {
        let output = site.client(client, &running, &[option], &path);
        assert!(
            words(&output).contains("Signature verified."),
            "{}",
            words(&output)
        );
    }
    running.wait_for("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f \n10 11");
}

fn write_noise(file: &Path) {
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    fs::write(file, bytes).unwrap();
}
