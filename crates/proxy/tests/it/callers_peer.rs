//! Callers meet the same services at Debian's daemon and at ours.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_proxy::settings::{Caller, Settings, Sources};
use kerbstone_proxy::wire::{self, Call, IndicateMechsArgs};
use kerbstone_testkit::lab::{Daemon, find_program, require};
use proptest::collection;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use rustix::process::{Uid, getuid};
use rustix::thread::set_thread_res_uid;
use tempfile::TempDir;

const CONFIGURATIONS: usize = 24;

/// A daemon, its folder, and the settings that ours has of the same file.
struct Debian {
    daemon: Daemon,
    folder: TempDir,
    settings: Settings,
}

impl Debian {
    /// `None` when the services are refused.
    fn start(services: &str) -> Option<Self> {
        let folder = TempDir::with_prefix("kerbstone-callers-").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().display().to_string();
        let services = services.replace("FOLDER", &path);
        let file = folder.path().join("gssproxy.conf");
        fs::write(&file, format!("[gssproxy]\ndebug_level = 2\n{services}")).unwrap();
        let socket = folder.path().join("default.sock");
        let sources = Sources::from_flags(Some(&file), None, Some(&socket));
        let (settings, _) = Settings::load(&sources).ok()?;
        let mut command = Command::new(find_program("gssproxy").unwrap());
        command.args(["-i", "-c"]).arg(&file).arg("-s").arg(&socket);
        let sockets: Vec<PathBuf> = settings.sockets().into_iter().map(Path::to_owned).collect();
        let log = folder.path().join("log");
        let daemon = Daemon::start(command, &log, || {
            sockets
                .iter()
                .all(|socket| UnixStream::connect(socket).is_ok())
        });
        Some(Self {
            daemon,
            folder,
            settings,
        })
    }

    /// Which service the daemon says that a thread with this uid has met.
    fn met(&self, uid: u32, socket: &Path) -> Option<String> {
        let seen = self.verdicts().len();
        ask(uid, socket);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(verdict) = self.verdicts().get(seen) {
                return verdict.clone();
            }
            assert!(Instant::now() < deadline, "{}", self.daemon.output());
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn verdicts(&self) -> Vec<Option<String>> {
        let verdict = |line: &str| {
            if let Some((_, name)) = line.split_once("Connection matched service ") {
                return Some(Some(name.to_owned()));
            }
            line.contains("No matching service found").then_some(None)
        };
        self.daemon.output().lines().filter_map(verdict).collect()
    }
}

/// Makes one call, and waits until it is answered or the connection is closed.
fn ask(uid: u32, socket: &Path) {
    let socket = socket.to_owned();
    let caller = thread::spawn(move || {
        if uid != getuid().as_raw() {
            let uid = Uid::from_raw(uid);
            set_thread_res_uid(uid, uid, uid).unwrap();
        }
        let mut stream = UnixStream::connect(socket).unwrap();
        let call = Call::from(IndicateMechsArgs::default());
        stream
            .write_all(&wire::write_call(1, &call).unwrap())
            .unwrap();
        let _answered = stream.read(&mut [0; 4]);
    });
    caller.join().unwrap();
}

fn service() -> impl Strategy<Value = String> {
    let own = std::env::current_exe().unwrap().canonicalize().unwrap();
    let own = own.display().to_string();
    let uids = [0, 1, 33, getuid().as_raw()];
    let programs = [
        String::new(),
        String::new(),
        format!("program = {own}\n"),
        "program = /usr/bin/true\n".to_owned(),
    ];
    let sockets = [
        "",
        "socket = FOLDER/default.sock\n",
        "socket = FOLDER/a.sock\n",
        "socket = FOLDER/b.sock\n",
    ];
    let any = select(vec!["", "", "allow_any_uid = yes\n"]);
    (
        select(uids.to_vec()),
        any,
        select(programs.to_vec()),
        select(sockets.to_vec()),
    )
        .prop_map(|(uid, any, program, socket)| {
            format!("mechs = krb5\neuid = {uid}\n{any}{program}{socket}")
        })
}

fn services(runner: &mut TestRunner) -> String {
    let drawn = collection::vec(service(), 1..5).new_tree(runner).unwrap();
    let sections = drawn.current().into_iter().enumerate();
    sections
        .map(|(index, options)| format!("[service/s{index}]\n{options}"))
        .collect()
}

#[test]
fn callers_meet_the_same_services() {
    if !require("gssproxy", "gssproxy") {
        return;
    }
    let own = getuid().as_raw();
    // Only root can be somebody else.
    let uids = if own == 0 {
        vec![0, 1, 33, 4711]
    } else {
        vec![own]
    };
    let program = std::env::current_exe().unwrap().canonicalize().unwrap();
    let mut runner = TestRunner::new(Config::default());
    let mut compared = 0;
    let mut served = [0, 0];
    while compared < CONFIGURATIONS {
        let Some(debian) = Debian::start(&services(&mut runner)) else {
            continue;
        };
        compared += 1;
        for socket in debian.settings.sockets() {
            for uid in &uids {
                let is_default = socket == debian.settings.default_socket;
                let caller = Caller {
                    uid: *uid,
                    gid: 0,
                    pid: 1,
                    program: Some(program.clone()),
                    socket: (!is_default).then(|| socket.to_owned()),
                    selinux_context: None,
                };
                let ours = debian.settings.service_for(&caller);
                served[usize::from(ours.is_some())] += 1;
                assert_eq!(
                    debian.met(*uid, socket),
                    ours.map(|service| service.name.clone()),
                    "{caller:?}\n{}",
                    fs::read_to_string(debian.folder.path().join("gssproxy.conf")).unwrap()
                );
            }
        }
    }
    assert!(served.iter().all(|times| *times > 0), "{served:?}");
}
