//! What supervisors, terminals and users' sessions see of the daemon.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use kerbstone_testkit::lab::{Daemon, Gssproxy, Keeper, find_program, kerb_binary, require};
use nix::sys::socket::{getsockopt, sockopt};
use rustix::process::{Pid, Signal, getuid, kill_process};

use super::caller::Caller;
use super::messages::own_service;

/// Everything that was said until now, and what comes until the words do.
fn hear(socket: &UnixDatagram, words: &str) -> String {
    let mut heard = String::new();
    let mut buffer = [0; 4096];
    while !heard.contains(words) {
        let length = socket.recv(&mut buffer).expect(&heard);
        heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    heard
}

#[test]
fn a_supervisor_is_told_of_readiness_reloads_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let services = [
        own_service("a"),
        own_service("b").replace("euid = 0", "euid = 1"),
    ]
    .concat();
    let services = match getuid().is_root() {
        true => services,
        false => own_service("a"),
    };
    let count = services.matches("[service/").count();
    let daemon = Gssproxy::start_with(
        Keeper::Ours,
        "/nonexistent".as_ref(),
        &services,
        |command| {
            command.env("NOTIFY_SOCKET", &path);
        },
    )
    .unwrap();
    let running = format!("STATUS=Running, {count} service(s) configured\n");
    assert_eq!(hear(&supervisor, "STATUS"), format!("READY=1\n{running}"));
    daemon.reload("New config loaded successfully.");
    let heard = hear(&supervisor, "READY=1");
    assert!(heard.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{heard}");
    assert!(heard.contains(&running), "{heard}");
    daemon.configure("nonsense");
    daemon.reload("keeping old configuration");
    let heard = hear(&supervisor, "READY=1");
    assert!(heard.contains("(failed to re-read config)"), "{heard}");
    let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    hear(&supervisor, "STOPPING=1");
    daemon.wait_for(|log| log.contains("Exiting after receiving a signal"));
}

#[test]
fn a_log_in_a_file_has_no_colours_for_a_terminal() {
    let arguments = |command: &mut Command| {
        command.arg("--debug-level=3");
    };
    let services = own_service("a");
    let daemon =
        Gssproxy::start_with(Keeper::Ours, "/nonexistent".as_ref(), &services, arguments).unwrap();
    assert!(Caller::at(&daemon.socket()).is_served());
    daemon.wait_for(|log| log.contains("answered xid="));
    assert!(!daemon.log().contains('\u{1b}'), "{}", daemon.log());
}

/// The process that listens at a socket.
fn listener_of(caller: &Caller) -> Pid {
    let peer = getsockopt(caller.stream(), sockopt::PeerCredentials).unwrap();
    Pid::from_raw(peer.pid()).unwrap()
}

#[test]
fn a_daemon_in_the_background_serves_when_its_command_returns() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("default.sock");
    let conf = folder.path().join("gssproxy.conf");
    fs::write(&conf, own_service("a")).unwrap();
    let name = folder.path().join("gssproxy");
    std::os::unix::fs::symlink(kerb_binary(), &name).unwrap();
    // The daemon keeps its standard error, as upstream's does: a pipe would not end.
    let run = || {
        let mut command = Command::new(&name);
        command.arg("-c").arg(&conf).arg("-s").arg(&socket);
        command.env_clear().stderr(Stdio::null());
        command.status().unwrap()
    };
    assert!(run().success());
    let mut caller = Caller::at(&socket);
    assert!(caller.is_served());
    let daemon = listener_of(&caller);
    kill_process(daemon, Signal::TERM).unwrap();
    assert!(caller.receive().is_none());

    fs::write(&conf, "nonsense").unwrap();
    assert_eq!(run().code(), Some(1));
}

#[test]
fn mistakes_on_the_command_line_are_told_as_debians_gssproxy_tells_them() {
    if !require("gssproxy", "gssproxy") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("gssproxy");
    std::os::unix::fs::symlink(kerb_binary(), &ours).unwrap();
    let theirs = find_program("gssproxy").unwrap();
    for line in [
        "-?",
        "--help",
        "--usage",
        "--version",
        "--bad",
        "-ix",
        "-c",
        "--config",
        "--debug-level=x",
        "--debug-level",
        "--int",
        "-i --daemon=3",
        "-D -i",
        "-i --version",
        "-z=3",
    ] {
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command.args(line.split(' ')).env_clear().env("LC_ALL", "C");
            command.output().unwrap()
        };
        let (ours, theirs) = (run(&ours), run(&theirs));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&ours.stdout), text(&theirs.stdout), "{line}");
        assert_eq!(text(&ours.stderr), text(&theirs.stderr), "{line}");
        assert_eq!(ours.status.code(), theirs.status.code(), "{line}");
    }
}

/// A user's proxy under systemd's hand: the socket as descriptor 3.
fn activated(folder: &Path, socket: &Path, idle: u32) -> Daemon {
    let listener = UnixListener::bind(socket).unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"",
            "sh",
        ])
        .arg(kerb_binary())
        .args(["proxy", "-i", "-u", "-d"])
        .arg(format!("--idle-timeout={idle}"))
        .env_clear();
    let log = folder.join("log");
    let input = Stdio::from(OwnedFd::from(listener));
    Daemon::start_with_input(command, &log, input, || true)
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("it has not come to that");
}

#[test]
fn a_users_proxy_that_was_activated_ends_when_it_is_idle_and_not_by_hangup() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("default.sock");
    let mut daemon = activated(folder.path(), &socket, 1);
    let mut caller = Caller::at(&socket);
    assert!(caller.is_served());
    daemon.reload();
    assert!(caller.is_served());
    wait_until(|| !daemon.is_running());
    let log = daemon.output();
    for words in [
        "Initialization complete.",
        "Terminating, after idling for 1 seconds!",
    ] {
        assert!(log.contains(words), "{log}");
    }
    // It was the supervisor's.
    assert!(socket.exists());
}

#[test]
fn a_users_proxy_makes_its_socket_where_only_the_user_comes() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("gssproxy");
    let socket = own.join("default.sock");
    let mut command = Command::new(kerb_binary());
    command
        .args(["proxy", "-i", "-u", "--idle-timeout=1"])
        .env_clear()
        .env("XDG_RUNTIME_DIR", folder.path());
    let log = folder.path().join("log");
    let mut daemon = Daemon::start(command, &log, || socket.exists());
    let mode = fs::metadata(&own).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut caller = Caller::at(&socket);
    assert!(caller.is_served());
    // Nobody starts it again, so it stays.
    thread::sleep(Duration::from_millis(1500));
    assert!(daemon.is_running() && caller.is_served());
}

#[test]
fn the_daemon_works_among_wrappers_of_names_and_sockets() {
    let [names, sockets] = ["libnss_wrapper.so", "libsocket_wrapper.so"].map(|library| {
        let path = Path::new("/usr/lib/x86_64-linux-gnu").join(library);
        path.is_file().then_some(path)
    });
    let (Some(names), Some(sockets)) = (names, sockets) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let passwd = folder.path().join("passwd");
    let group = folder.path().join("group");
    let uid = getuid().as_raw();
    fs::write(&passwd, format!("labuser:x:{uid}:{uid}::/:/bin/sh\n")).unwrap();
    fs::write(&group, format!("labuser:x:{uid}:\n")).unwrap();
    let services = own_service("a").replace(&format!("euid = {uid}\n"), "euid = labuser\n");
    let daemon = Gssproxy::start_with(
        Keeper::Ours,
        "/nonexistent".as_ref(),
        &services,
        |command| {
            command
                .env(
                    "LD_PRELOAD",
                    format!("{}:{}", sockets.display(), names.display()),
                )
                .env("SOCKET_WRAPPER_DIR", folder.path())
                .env("SOCKET_WRAPPER_DEFAULT_IFACE", "9")
                .env("NSS_WRAPPER_PASSWD", &passwd)
                .env("NSS_WRAPPER_GROUP", &group);
        },
    )
    .unwrap();
    assert!(Caller::at(&daemon.socket()).is_served());
    daemon.reload("New config loaded successfully.");
    assert!(Caller::at(&daemon.socket()).is_served());
}
