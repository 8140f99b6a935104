//! A realm with a service and a user who is signed in, and applications that reach the service's key through a daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{Finished, Kerb, Session, Setup, Suite, require, require_file};
use rustix::process::getuid;

const PYTHON: &str = "/usr/bin/python3";
const GSSAPI: &str = "/usr/lib/python3/dist-packages/gssapi/__init__.py";

/// Initiates with the user's cache and accepts with whatever key can be had, again and again.
const ACCEPT: &str = "
import gssapi, sys
name = gssapi.Name('host@www.lab.example', gssapi.NameType.hostbased_service)
for _ in range(int(sys.argv[1])):
    initiator = gssapi.SecurityContext(name=name, usage='initiate')
    acceptor = gssapi.SecurityContext(usage='accept')
    token = initiator.step()
    while token is not None and not acceptor.complete:
        token = acceptor.step(token)
        if token is not None and not initiator.complete:
            token = initiator.step(token)
    assert acceptor.unwrap(initiator.wrap(b'secret', True).message).message == b'secret'
    print(acceptor.initiator_name)
";

pub(super) struct Site {
    pub(super) kdc: Kerb,
    session: Session,
    pub(super) keytab: PathBuf,
}

impl Site {
    /// `None` when a peer is not on this machine.
    pub(super) fn start(more_conf: &str) -> Option<Self> {
        if !require("gssproxy", "gssproxy") || !require_file(Path::new(GSSAPI), "python3-gssapi") {
            return None;
        }
        let kdc = Kerb::start(&Setup::realm("LAB.EXAMPLE").krb5_conf(more_conf));
        kdc.add_user("alice", "wonderland");
        kdc.add_service("host/www.lab.example");
        let keytab = kdc.keytab("host/www.lab.example");
        let session = Session::new(Suite::Kerb, kdc.krb5_conf());
        session.sign_in("alice", "wonderland", &[]).succeeded();
        session.ticket("host/www.lab.example").succeeded();
        Some(Self {
            kdc,
            session,
            keytab,
        })
    }

    /// A service that accepts with the key.
    pub(super) fn service(&self, name: &str, more: &str) -> String {
        format!(
            "[service/{name}]\nmechs = krb5\neuid = {}\ncred_store = keytab:{}\n{more}\n",
            getuid().as_raw(),
            self.keytab.display()
        )
    }

    /// Accepts so many contexts through the daemon at that socket.
    pub(super) fn accepts(&self, socket: &Path, contexts: u32) -> Finished {
        let mut command = Command::new(PYTHON);
        command
            .args(["-c", ACCEPT, &contexts.to_string()])
            .env_clear()
            .env("LC_ALL", "C")
            .env("HOME", self.session.folder())
            .env("KRB5_CONFIG", self.kdc.krb5_conf())
            .env("KRB5CCNAME", self.session.cache())
            .env("KRB5_KTNAME", "/nonexistent")
            .env("GSS_USE_PROXY", "yes")
            .env("GSSPROXY_SOCKET", socket)
            .env("GSS_MECH_CONFIG", self.mech_config());
        Finished::of(&mut command, "an application", "")
    }

    /// Debian's plugin in the library of MIT.
    fn mech_config(&self) -> PathBuf {
        let path = self.session.folder().join("mech.conf");
        let line = format!(
            "gssproxy_v1 2.16.840.1.113730.3.8.15.1 {} <interposer>\n",
            plugin().display()
        );
        fs::write(&path, line).unwrap();
        path
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
