//! A site moves from Debian's gssproxy to ours and back: its configuration is not touched, its applications go on, and
//! its users' caches stay good.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use kerbstone_testkit::lab::{Daemon, Mit, Setup, find_program, require, require_file};
use rustix::process::getuid;
use tempfile::TempDir;

const PYTHON: &str = "/usr/bin/python3";
const GSSAPI: &str = "/usr/lib/python3/dist-packages/gssapi/__init__.py";
const SERVICE: &str = "host/www.lab.example";

/// For every line it gets, begins a context and says its token.
const INITIATOR: &str = "
import base64, gssapi, sys
name = gssapi.Name('host@www.lab.example', gssapi.NameType.hostbased_service)
flags = [gssapi.RequirementFlag.integrity]
for _ in sys.stdin:
    try:
        context = gssapi.SecurityContext(name=name, usage='initiate', flags=flags)
        print(base64.b64encode(context.step()).decode(), flush=True)
    except Exception as error:
        print(error, flush=True)
";

/// For every token it gets, accepts it and says from whom it is.
const ACCEPTOR: &str = "
import base64, gssapi, sys
for line in sys.stdin:
    try:
        context = gssapi.SecurityContext(usage='accept')
        context.step(base64.b64decode(line))
        print(context.initiator_name, flush=True)
    except Exception as error:
        print(error, flush=True)
";

struct Site {
    mit: Mit,
    folder: TempDir,
}

impl Site {
    /// `None` when a peer is not on this machine.
    fn start() -> Option<Self> {
        if !require("gssproxy", "gssproxy") || !require_file(Path::new(GSSAPI), "python3-gssapi") {
            return None;
        }
        let mit = Mit::start(&Setup::realm("LAB.EXAMPLE"))?;
        mit.add_service(SERVICE);
        let keytab = mit.keytab(SERVICE);
        let folder = TempDir::with_prefix("kerbstone-moves-").unwrap();
        let configuration = format!(
            "[gssproxy]\n\n[service/all]\n  mechs = krb5\n  cred_store = keytab:{keytab}\n  \
             cred_store = client_keytab:{keytab}\n  allow_client_ccache_sync = yes\n  euid = {}\n",
            getuid().as_raw(),
            keytab = keytab.display()
        );
        let site = Self { mit, folder };
        fs::write(site.configuration(), configuration).unwrap();
        symlink(env!("CARGO_BIN_EXE_kerb"), site.ours()).unwrap();
        let mechanisms = format!(
            "gssproxy_v1 2.16.840.1.113730.3.8.15.1 {} <interposer>\n",
            plugin().display()
        );
        fs::write(site.folder.path().join("mech.conf"), mechanisms).unwrap();
        Some(site)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("gssproxy.conf")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("default.sock")
    }

    /// Our binary under the daemon's name.
    fn ours(&self) -> PathBuf {
        self.folder.path().join("gssproxy")
    }

    /// The same command line for either.
    fn daemon(&self, program: &Path) -> Daemon {
        let mut command = Command::new(program);
        command
            .args(["-i", "-c"])
            .arg(self.configuration())
            .arg("-s")
            .arg(self.socket())
            .env("KRB5_CONFIG", self.mit.krb5_conf())
            .env("KRB5RCACHEDIR", self.folder.path());
        // A socket that was left behind must not pass for one that is served.
        let _absent = fs::remove_file(self.socket());
        let log = self.folder.path().join("daemon.log");
        Daemon::start(command, &log, || UnixStream::connect(self.socket()).is_ok())
    }

    /// An application with a cache of its own, and no key but the daemon's.
    fn application(&self, program: &str, cache: &str) -> Application {
        let folder = self.folder.path();
        let mut process = Command::new(PYTHON)
            .args(["-c", program])
            .env_clear()
            .env("LC_ALL", "C")
            .env("HOME", folder)
            .env("KRB5_CONFIG", self.mit.krb5_conf())
            .env(
                "KRB5CCNAME",
                format!("FILE:{}", folder.join(cache).display()),
            )
            .env("KRB5_KTNAME", "/nonexistent")
            .env("KRB5_CLIENT_KTNAME", "/nonexistent")
            .env("GSS_USE_PROXY", "yes")
            .env("GSSPROXY_SOCKET", self.socket())
            .env("GSS_MECH_CONFIG", folder.join("mech.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Application {
            input: process.stdin.take().unwrap(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// How often somebody signs in while an application that is started for it meets the acceptor.
    fn sign_ins_with(&self, cache: &str, acceptor: &mut Application) -> usize {
        self.sign_ins_of(&mut self.application(INITIATOR, cache), acceptor)
    }

    /// The same, of one that has been there for longer.
    fn sign_ins_of(&self, initiator: &mut Application, acceptor: &mut Application) -> usize {
        let before = self.sign_ins();
        let token = initiator.answer("");
        assert_eq!(
            acceptor.answer(&token),
            format!("{SERVICE}@LAB.EXAMPLE"),
            "{token}"
        );
        self.sign_ins() - before
    }

    fn sign_ins(&self) -> usize {
        let is_sign_in = |line: &&str| line.contains("AS_REQ") && line.contains("ISSUE:");
        self.mit.log().lines().filter(is_sign_in).count()
    }
}

struct Application {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Application {
    fn answer(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn plugin() -> PathBuf {
    fs::read_dir("/usr/lib")
        .unwrap()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("gssproxy/proxymech.so"))
        .find(|path| path.is_file())
        .expect("proxymech.so of Debian's gssproxy")
}

#[test]
fn a_site_moves_to_ours_and_back() {
    let Some(site) = Site::start() else { return };
    let configuration = fs::read(site.configuration()).unwrap();
    let theirs = find_program("gssproxy").unwrap();

    let daemon = site.daemon(&theirs);
    let mut acceptor = site.application(ACCEPTOR, "of_the_acceptor");
    let mut lasting = site.application(INITIATOR, "lasting");
    assert_eq!(site.sign_ins_of(&mut lasting, &mut acceptor), 1);
    assert_eq!(site.sign_ins_with("of_theirs", &mut acceptor), 1);
    assert_eq!(site.sign_ins_with("of_theirs", &mut acceptor), 0);
    drop(daemon);

    // There: what Debian's daemon has sealed, ours opens.
    let daemon = site.daemon(&site.ours());
    assert_eq!(site.sign_ins_with("of_theirs", &mut acceptor), 0);
    assert_eq!(site.sign_ins_of(&mut lasting, &mut acceptor), 0);
    assert_eq!(site.sign_ins_with("of_ours", &mut acceptor), 1);
    assert_eq!(site.sign_ins_with("of_ours", &mut acceptor), 0);
    drop(daemon);

    // And back.
    let _daemon = site.daemon(&theirs);
    assert_eq!(site.sign_ins_with("of_ours", &mut acceptor), 0);
    assert_eq!(site.sign_ins_with("of_theirs", &mut acceptor), 0);
    assert_eq!(site.sign_ins_of(&mut lasting, &mut acceptor), 0);
    assert_eq!(fs::read(site.configuration()).unwrap(), configuration);
}
