//! A realm, a daemon with a configuration, and applications before its doors.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kerbstone_testkit::lab::{Apache, Daemon, Finished, Kerb, Setup, kerb_binary, require_file};

use tempfile::TempDir;

use super::pairing::{Behavior, Pairing};

const PYTHON: &str = "/usr/bin/python3";
const GSSAPI: &str = "/usr/lib/python3/dist-packages/gssapi/__init__.py";
pub(crate) const REALM: &str = "LAB.EXAMPLE";
const ROBOT: &str = "robot";
const FRONT: &str = "host/www.lab.example";
const BACK: &str = "HTTP/www.lab.example";

/// The services of the daemon, each with a socket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Keys of two services, and a robot's.
    Both,
    /// The same with another cache.
    Enctypes,
    /// The same, with the default flags: nothing is delegated.
    NoDelegation,
    /// May take tickets to itself in a user's name.
    Transition,
    /// May also reach the other service so.
    Delegation,
    /// For this program.
    Program,
    /// For another program.
    OtherProgram,
    /// Apache's workers.
    Web,
    /// sshd.
    Ssh,
    /// There is no such service.
    Nowhere,
    /// That of a user's own daemon.
    Users,
}

impl Door {
    const SERVED: [Self; 9] = [
        Self::Both,
        Self::Enctypes,
        Self::NoDelegation,
        Self::Transition,
        Self::Delegation,
        Self::Program,
        Self::OtherProgram,
        Self::Web,
        Self::Ssh,
    ];

    fn acts_for_users(self) -> bool {
        matches!(self, Self::Transition | Self::Delegation)
    }

    /// The initiator's principal.
    fn principal(self) -> &'static str {
        if self.acts_for_users() { FRONT } else { ROBOT }
    }

    fn policy(self) -> String {
        let python = fs::canonicalize(PYTHON).expect("python's own path");
        match self {
            Self::NoDelegation | Self::Nowhere | Self::Users | Self::Web | Self::Ssh => {
                String::new()
            }
            Self::Both | Self::Enctypes => "filter_flags = -DELEGATE\n".into(),
            Self::Transition => "allow_protocol_transition = yes\n".into(),
            Self::Delegation => {
                "allow_protocol_transition = yes\nallow_constrained_delegation = yes\n".into()
            }
            Self::Program => format!("program = {}\n", python.display()),
            Self::OtherProgram => "program = /usr/bin/env\n".into(),
        }
    }
}

pub(crate) struct Stand {
    pub(crate) pairing: Pairing,
    pub(crate) kdc: Kerb,
    daemon: Option<Daemon>,
    /// Sockets and what else strangers may see.
    public: TempDir,
    caches: Cell<u32>,
}

impl Stand {
    /// `None` when a peer is not on this machine.
    pub(crate) fn start(pairing: Pairing) -> Option<Self> {
        let mut stand = Self::without_daemon(pairing)?;
        let services = Door::SERVED.map(|door| stand.service(door));
        stand.configure(&services.concat());
        stand.start_daemon();
        Some(stand)
    }

    /// A realm with its keys, and nobody who keeps them.
    pub(crate) fn without_daemon(pairing: Pairing) -> Option<Self> {
        if !pairing.is_present() || !require_file(Path::new(GSSAPI), "python3-gssapi") {
            return None;
        }
        let forwardable = "[libdefaults]\nforwardable = true\n";
        let kdc = Kerb::start(&Setup::realm(REALM).krb5_conf(forwardable));
        kdc.add_user("alice", "a password");
        for service in [ROBOT, FRONT, BACK] {
            kdc.add_service(service);
        }
        kdc.admin(&[
            "principal",
            "modify",
            FRONT,
            "--attributes",
            "+ok_to_auth_as_delegate",
        ]);
        kdc.admin(&["principal", "modify", FRONT, "--delegate-to", BACK]);
        let stand = Self {
            pairing,
            kdc,
            daemon: None,
            public: public_folder(),
            caches: Cell::new(0),
        };
        let both = [FRONT, BACK].map(|name| fs::read(stand.kdc.keytab(name)).expect("a keytab"));
        // The second file's entries, without its two bytes of version.
        let [mut all, more] = both;
        all.extend_from_slice(&more[2..]);
        fs::write(stand.keytab(), all).expect("a file of the test");
        let _ = stand.kdc.keytab(ROBOT);
        Some(stand)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.kdc.folder()
    }

    /// The keys of both services.
    pub(crate) fn keytab(&self) -> PathBuf {
        self.folder().join("services.keytab")
    }

    fn client_keytab(&self, door: Door) -> PathBuf {
        match door.acts_for_users() {
            true => self.keytab(),
            false => self.folder().join(format!("{ROBOT}.keytab")),
        }
    }

    pub(crate) fn socket(&self, door: Door) -> PathBuf {
        if door == Door::Users {
            return self.folder().join("gssproxy/default.sock");
        }
        self.public.path().join(format!("{door:?}.sock"))
    }

    /// The file that names the plugin.
    pub(crate) fn mechanisms(&self) -> PathBuf {
        self.pairing.mech_config(self.public.path())
    }

    /// What an application needs to find that door.
    pub(crate) fn plugin_environment(
        &self,
        door: Door,
        behavior: Behavior,
    ) -> Vec<(&'static str, OsString)> {
        let mut environment = vec![
            ("GSS_USE_PROXY", "yes".into()),
            ("GSS_MECH_CONFIG", self.mechanisms().into()),
            ("GSSPROXY_SOCKET", self.socket(door).into()),
        ];
        let behavior = behavior.name();
        environment.extend(behavior.map(|name| ("GSSPROXY_BEHAVIOR", name.into())));
        environment
    }

    /// Where the service keeps the tickets that it acquires.
    pub(crate) fn cache(&self, door: Door) -> PathBuf {
        self.folder().join(format!("{door:?}.ccache"))
    }

    /// The section of the configuration that serves that door.
    pub(crate) fn service(&self, door: Door) -> String {
        let own = own_uid(self.folder());
        let section = self.section(door, &format!("{door:?}"), own);
        match (door, Apache::worker()) {
            // Apache asks once before it gives its rights away, and Debian's plugin lets it die of a SIGPIPE when it is
            // turned away.
            (Door::Web, Some(worker)) => section + &self.section(door, "WebWorker", worker),
            _ => section,
        }
    }

    fn section(&self, door: Door, name: &str, uid: u32) -> String {
        format!(
            "[service/{name}]\nmechs = krb5\neuid = {uid}\nsocket = {socket}\ncred_store = keytab:{keytab}\n\
             cred_store = client_keytab:{client}\ncred_store = ccache:FILE:{cache}\nkrb5_principal = {principal}\n{policy}\n",
            socket = self.socket(door).display(),
            keytab = self.keytab().display(),
            client = self.client_keytab(door).display(),
            cache = self.cache(door).display(),
            principal = door.principal(),
            policy = door.policy(),
        )
    }

    pub(crate) fn configure(&self, services: &str) {
        let text = format!("[gssproxy]\ndebug_level = 1\n\n{services}");
        fs::write(self.settings(), text).expect("a file of the test");
    }

    fn settings(&self) -> PathBuf {
        self.folder().join("gssproxy.conf")
    }

    pub(crate) fn start_daemon(&mut self) {
        let socket = self.folder().join("default.sock");
        let mut command = self.pairing.daemon();
        command.arg("-i").arg("-c").arg(self.settings());
        command.arg("-s").arg(&socket).env_remove("KRB5CCNAME");
        self.point(&mut command);
        command.env("KRB5RCACHEDIR", self.folder());
        let log = self.folder().join("daemon.log");
        let ready = || UnixStream::connect(&socket).is_ok();
        self.daemon = Some(Daemon::start(command, &log, ready));
    }

    /// Lets the daemon read its configuration again.
    pub(crate) fn reload(&self) {
        self.daemon.as_ref().expect("a running daemon").reload();
    }

    pub(crate) fn daemon_is_running(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(Daemon::is_running)
    }

    fn point(&self, command: &mut Command) {
        command
            .env("KRB5_CONFIG", self.kdc.krb5_conf())
            .env("HOME", self.folder())
            .env("LC_ALL", "C");
    }

    /// A user's own daemon, which ends when nobody has asked for two seconds. The user has signed in.
    pub(crate) fn users_daemon(&self) -> Daemon {
        let socket = self.socket(Door::Users);
        fs::create_dir_all(socket.parent().expect("a folder")).expect("a folder of the test");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let daemon = self.pairing.daemon();
        // As socket activation hands it over: as descriptor 3, to the process of that number.
        let mut command = Command::new("/bin/sh");
        command
            .args([
                "-c",
                "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"",
                "sh",
            ])
            .arg(daemon.get_program())
            .args(daemon.get_args())
            .args(["-i", "-u", "--idle-timeout=2"]);
        self.point(&mut command);
        command
            .env("XDG_RUNTIME_DIR", self.folder())
            .env("KRB5CCNAME", self.sign_in())
            .env("KRB5_KTNAME", self.keytab())
            .env("KRB5RCACHEDIR", self.folder());
        Daemon::start_with_input(
            command,
            &self.folder().join("users.log"),
            Stdio::from(OwnedFd::from(listener)),
            || true,
        )
    }

    /// The robot's cache, with a ticket.
    fn sign_in(&self) -> PathBuf {
        let cache = self.folder().join("signed-in.ccache");
        let mut login = Command::new(kerb_binary());
        login
            .args(["login", "--keytab"])
            .arg(self.client_keytab(Door::Both));
        login.arg(ROBOT);
        self.point(&mut login);
        login.env("KRB5CCNAME", &cache);
        Finished::of(&mut login, "kerb login", "").succeeded();
        cache
    }

    /// An application before that door, without keys and without tickets.
    pub(crate) fn application(&self, door: Door, behavior: Behavior) -> Application<'_> {
        Application {
            stand: self,
            door,
            behavior,
            signed_in: None,
        }
    }

    fn new_cache(&self) -> PathBuf {
        let number = self.caches.get();
        self.caches.set(number + 1);
        self.folder().join(format!("application-{number}.ccache"))
    }
}

pub(crate) struct Application<'a> {
    stand: &'a Stand,
    door: Door,
    behavior: Behavior,
    signed_in: Option<PathBuf>,
}

impl Application<'_> {
    /// The keys lie open before the application, and it has signed in.
    pub(crate) fn with_own_keys(&mut self) -> &mut Self {
        self.signed_in = Some(self.stand.sign_in());
        self
    }

    /// Goes through cases of `walk.py`, each in a process of its own, because a plugin leaves in the cache what it was
    /// given.
    #[track_caller]
    pub(crate) fn walks(&self, cases: &[&str]) {
        for case in cases {
            let finished = self.tries(case).succeeded();
            assert_eq!(finished.stdout.trim(), *case, "{}", finished.stderr);
        }
    }

    fn tries(&self, case: &str) -> Finished {
        let stand = self.stand;
        let mut command = Command::new(PYTHON);
        command.arg("-c").arg(include_str!("walk.py")).arg(case);
        stand.point(&mut command);
        let cache = self.signed_in.clone().unwrap_or_else(|| stand.new_cache());
        let keytab = match self.signed_in {
            Some(_) => stand.keytab(),
            None => PathBuf::from("/nonexistent"),
        };
        command
            .envs(stand.plugin_environment(self.door, self.behavior))
            .env("KRB5CCNAME", format!("FILE:{}", cache.display()))
            .env("KRB5_KTNAME", format!("FILE:{}", keytab.display()))
            .env("KRB5_CLIENT_KTNAME", "FILE:/nonexistent")
            .env("KRB5RCACHENAME", "none:")
            .env("TARGET", "host@www.lab.example")
            .env("SECOND", "HTTP@www.lab.example")
            .env("SELF", format!("{}@{REALM}", self.door.principal()))
            .env("USER", format!("alice@{REALM}"))
            .env("FOLDER", stand.folder());
        let name = format!("{:?} {:?} {case}", stand.pairing, self.behavior);
        Finished::of(&mut command, &name, "")
    }
}

fn public_folder() -> TempDir {
    let folder = TempDir::with_prefix("kerbstone-doors-").expect("a folder for sockets");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a folder for all");
    folder
}

fn own_uid(file: &Path) -> u32 {
    fs::metadata(file).expect("a file of the test").uid()
}
