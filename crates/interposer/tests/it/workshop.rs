//! A realm, a daemon that has the keys, and Python programs with the plugin and without keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{
    Finished, Gssproxy, Keeper, Mit, Setup, interposer_library, require, require_file,
};
use tempfile::TempDir;

/// The daemons that the plugin is tried with.
pub const KEEPERS: [Keeper; 2] = [Keeper::Debian, Keeper::Ours];

const PYTHON: &str = "/usr/bin/python3";
const BINDINGS: &str = "/usr/lib/python3/dist-packages/gssapi/__init__.py";

/// A realm with alice, bob and the service host/server.lab.
pub struct Workshop {
    pub mit: Mit,
    pub daemon: Gssproxy,
    pub folder: TempDir,
}

impl Workshop {
    /// With a daemon that has the keys of the service and of alice; none where a peer is missing.
    pub fn open(keeper: Keeper) -> Option<Self> {
        let mit = realm()?;
        let services = services(&mit);
        let daemon = Gssproxy::start(keeper, mit.krb5_conf(), &services)?;
        let folder = TempDir::with_prefix("kerbstone-plugin-").unwrap();
        Some(Self {
            mit,
            daemon,
            folder,
        })
    }

    /// A program of the tests, with the plugin before Kerberos.
    pub fn program(&self, name: &str) -> Program {
        Program::new(name, self.folder.path())
            .env("KRB5_CONFIG", self.mit.krb5_conf())
            .env("GSSPROXY_SOCKET", self.daemon.socket())
    }

    /// The C program, likewise.
    pub fn everything(&self) -> Option<Program> {
        let program = build_everything(self.folder.path())?;
        let everything = Program::of("everything", Command::new(program), self.folder.path())
            .env("KRB5_CONFIG", self.mit.krb5_conf())
            .env("GSSPROXY_SOCKET", self.daemon.socket());
        Some(everything)
    }

    /// The credential cache that programs have by default.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("ccache")
    }

    /// Signs a user in, into the default cache.
    pub fn sign_in(&self, user: &str) {
        let mut kinit = Command::new("kinit");
        kinit
            .arg(user)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("KRB5_CONFIG", self.mit.krb5_conf())
            .env("KRB5CCNAME", self.cache());
        Finished::of(&mut kinit, "kinit", "secret\n").succeeded();
    }

    /// What `klist` shows of the default cache.
    pub fn list(&self) -> String {
        let mut klist = Command::new("klist");
        klist
            .arg(self.cache())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("KRB5_CONFIG", self.mit.krb5_conf());
        Finished::of(&mut klist, "klist", "").succeeded().stdout
    }
}

/// A realm with alice, bob and host/server.lab; none where MIT's KDC is missing.
pub fn realm() -> Option<Mit> {
    if !require_file(Path::new(BINDINGS), "python3-gssapi") {
        return None;
    }
    let mit = Mit::start(&Setup::realm("LAB.EXAMPLE"))?;
    for user in ["alice", "bob"] {
        mit.add_user(user, "secret");
    }
    mit.add_service("host/server.lab");
    Some(mit)
}

/// A daemon's section for programs of this user, with the service's keys and alice's.
pub fn services(mit: &Mit) -> String {
    format!(
        "[service/tests]\nmechs = krb5\neuid = {}\ncred_usage = both\nallow_protocol_transition = yes\n\
         cred_store = keytab:{}\ncred_store = client_keytab:{}\n",
        rustix::process::geteuid().as_raw(),
        mit.keytab("host/server.lab").display(),
        mit.keytab("alice").display(),
    )
}

/// The C program of the tests that makes every call Python cannot, built in that folder; none where
/// there is no compiler or there are no headers.
pub fn build_everything(folder: &Path) -> Option<PathBuf> {
    let headers = Path::new("/usr/include/gssapi/gssapi_ext.h");
    if !require("cc", "gcc") || !require_file(headers, "libkrb5-dev") {
        return None;
    }
    let program = folder.join("everything");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-Wall", "-Werror", "-o"])
        .arg(&program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/programs/everything.c"))
        .args(["-lgssapi_krb5", "-lkrb5"]);
    Finished::of(&mut compiler, "cc", "").succeeded();
    Some(program)
}

/// A program with the plugin; its environment is empty but for what is said.
pub struct Program {
    name: String,
    command: Command,
}

impl Program {
    /// The program of that name in `programs/`; `folder` has its cache.
    pub fn new(name: &str, folder: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/programs")
            .join(name);
        let mut python = Command::new(PYTHON);
        python.arg(script);
        Self::of(name, python, folder)
    }

    /// Any program.
    pub fn of(name: &str, mut command: Command, folder: &Path) -> Self {
        let mechanisms = folder.join("mech.conf");
        fs::write(&mechanisms, mech_conf()).unwrap();
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("KERBSTONE_INTERPOSER_CONF", folder.join("interposer.conf"))
            .env("KRB5CCNAME", folder.join("ccache"))
            .env("KRB5_KTNAME", folder.join("no.keytab"))
            .env("KRB5_CLIENT_KTNAME", folder.join("no.keytab"))
            .env("KRB5RCACHEDIR", folder)
            .env("GSS_MECH_CONFIG", mechanisms)
            .env("GSS_USE_PROXY", "yes");
        Self {
            name: name.to_owned(),
            command,
        }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn run(mut self) -> Finished {
        Finished::of(&mut self.command, &self.name, "")
    }
}

/// The file that makes MIT's library load the plugin.
pub fn mech_conf() -> String {
    format!(
        "kerbstone 2.16.840.1.113730.3.8.15.1 {} <interposer>\n",
        interposer_library().display()
    )
}
