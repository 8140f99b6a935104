//! The daemon's loops, with limits that tests do not have to wait for.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, thread};

use kerbstone_client::Environment;
use kerbstone_proxy::daemon::{Daemon, Hall, Limits};
use kerbstone_proxy::desk::{Desk, DeskEnvironment};
use kerbstone_proxy::procedures::Engine;
use kerbstone_proxy::settings::{Settings, Sources};
use kerbstone_proxy::wire::{self, Call, IndicateMechsArgs};
use nix::unistd::geteuid;
use tempfile::TempDir;

/// Nobody in particular.
const STRANGER: u32 = 65_534;

struct Lab {
    daemon: Daemon,
    folder: TempDir,
}

impl Lab {
    /// A daemon that serves everybody.
    fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let [file, krb5_conf] = ["gssproxy.conf", "krb5.conf"].map(|name| folder.path().join(name));
        let text = "[service/all]\nmechs = krb5\neuid = 0\nallow_any_uid = yes\ncred_store = keytab:/nonexistent\n";
        fs::write(&file, text).unwrap();
        fs::write(&krb5_conf, "").unwrap();
        let sources = Sources {
            file,
            directory: None,
            socket: folder.path().join("default.sock"),
        };
        let (settings, _) = Settings::load(&sources).unwrap();
        let environment = DeskEnvironment {
            kerberos: Environment {
                krb5_config: krb5_conf.to_str().map(str::to_owned),
                ..Environment::default()
            },
            ..DeskEnvironment::default()
        };
        let engine = Engine::new(Arc::new(Desk::new(environment).unwrap())).unwrap();
        let hall = Hall::new(settings, engine);
        let daemon = Daemon::open(hall, limits, Vec::new(), None).unwrap();
        daemon.station_doorkeeper().unwrap();
        daemon.start().unwrap();
        Self { daemon, folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("default.sock")
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    fn wait_for(&self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..6000 {
            if is_so(self) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{:?}", self.daemon.report());
    }
}

fn call() -> Vec<u8> {
    let call: Call = IndicateMechsArgs::default().into();
    wire::write_call(1, &call).unwrap().to_vec()
}

fn is_answered(stream: &mut UnixStream) -> bool {
    let mut mark = [0; 4];
    stream.write_all(&call()).is_ok() && stream.read_exact(&mut mark).is_ok() && {
        let mut rest = vec![0; (u32::from_be_bytes(mark) & 0x7fff_ffff) as usize];
        stream.read_exact(&mut rest).is_ok()
    }
}

fn is_closed(stream: &mut UnixStream) -> bool {
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn half_messages_end_their_connections_and_idle_ones_stay() {
    let lab = Lab::start(Limits {
        stalled: Duration::from_millis(50),
        ..Limits::default()
    });
    let mut idle = lab.connect();
    let mut halves = [1, 4, 20].map(|length| {
        let mut stream = lab.connect();
        stream.write_all(&call()[..length]).unwrap();
        stream
    });
    for half in &mut halves {
        assert!(is_closed(half));
    }
    assert!(is_answered(&mut idle));
    lab.wait_for(|lab| lab.daemon.report().counts.timed_out == 3);
}

#[test]
fn whoever_does_not_read_replies_is_let_go() {
    let lab = Lab::start(Limits {
        stalled: Duration::from_millis(50),
        ..Limits::default()
    });
    let mut deaf = lab.connect();
    deaf.set_write_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let call = call();
    while deaf.write_all(&call).is_ok() {}
    let report = lab.daemon.report();
    assert_eq!(report.counts.timed_out, 1, "{report:?}");
    assert!(is_answered(&mut lab.connect()));
}

/// Opens so many connections as somebody else, and keeps them until it is killed.
struct Crowd(Child);

impl Crowd {
    fn gather(socket: &Path, number: u32) -> Self {
        let text = "import socket, sys, time\n\
                    held = []\n\
                    for _ in range(int(sys.argv[2])):\n\
                    \x20   one = socket.socket(socket.AF_UNIX)\n\
                    \x20   one.connect(sys.argv[1])\n\
                    \x20   held.append(one)\n\
                    print('gathered', flush=True)\n\
                    time.sleep(600)\n";
        let mut command = Command::new("/usr/bin/python3");
        command
            .args(["-c", text])
            .arg(socket)
            .arg(number.to_string())
            .stdout(Stdio::piped())
            .uid(STRANGER);
        let mut child = command.spawn().unwrap();
        let mut said = [0; 8];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut said)
            .unwrap();
        Self(child)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Only root can be two callers.
fn can_be_others() -> bool {
    geteuid().is_root() && Path::new("/usr/bin/python3").exists()
}

#[test]
fn a_crowd_of_one_user_makes_room_by_itself() {
    if !can_be_others() {
        return;
    }
    let lab = Lab::start(Limits {
        connections: 50,
        connections_per_uid: 10,
        ..Limits::default()
    });
    let mut own = lab.connect();
    assert!(is_answered(&mut own));
    let crowd = Crowd::gather(&lab.socket(), 200);
    lab.wait_for(|lab| {
        let connected = lab.daemon.report().connected;
        let others = connected.iter().filter(|one| one.uid == STRANGER).count();
        (1..=10).contains(&others)
    });
    assert!(is_answered(&mut own));
    assert!(is_answered(&mut lab.connect()));
    drop(crowd);
    lab.wait_for(|lab| {
        lab.daemon
            .report()
            .connected
            .iter()
            .all(|one| one.uid != STRANGER)
    });
}

#[test]
fn idle_connections_end_except_roots() {
    if !can_be_others() {
        return;
    }
    let lab = Lab::start(Limits {
        idle: Some(Duration::from_millis(300)),
        ..Limits::default()
    });
    let mut own = lab.connect();
    assert!(is_answered(&mut own));
    let _crowd = Crowd::gather(&lab.socket(), 5);
    lab.wait_for(|lab| lab.daemon.report().connected.len() == 1);
    assert!(is_answered(&mut own));
}
