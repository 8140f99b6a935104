//! A program that runs with more rights than its caller (AT_SECURE): no variable of the caller counts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{Finished, Gssproxy, Keeper};

use crate::workshop::{Program, Workshop, build_everything, mech_conf, services};

const NOBODY: u32 = 65534;

/// A program with the set-group-ID bit, in a mount namespace with an /etc of its own.
struct Privileged {
    workshop: Workshop,
    program: PathBuf,
    etc: PathBuf,
}

impl Privileged {
    fn prepare() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let workshop = Workshop::open(Keeper::Debian)?;
        let program = build_everything(workshop.folder.path())?;
        chown(&program, None, Some(NOBODY)).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o2755)).unwrap();
        let etc = workshop.folder.path().join("etc");
        fs::create_dir_all(etc.join("gss/mech.d")).unwrap();
        fs::create_dir(etc.join("kerbstone")).unwrap();
        for file in ["passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache"] {
            fs::copy(Path::new("/etc").join(file), etc.join(file)).unwrap();
        }
        fs::write(etc.join("gss/mech.d/kerbstone.conf"), mech_conf()).unwrap();
        let own = format!(
            "\n[libdefaults]\ndefault_ccache_name = FILE:{0}/ccache\n\
             default_keytab_name = FILE:{0}/no.keytab\ndefault_client_keytab_name = FILE:{0}/no.keytab\n",
            workshop.folder.path().display()
        );
        let krb5_conf = fs::read_to_string(workshop.mit.krb5_conf()).unwrap();
        fs::write(etc.join("krb5.conf"), krb5_conf + &own).unwrap();
        Some(Self {
            workshop,
            program,
            etc,
        })
    }

    /// Runs it with an environment that says what would help.
    fn run(&self) -> Finished {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "/bin/sh", "-c"])
            .arg("mount --bind \"$1\" /etc && exec \"$2\"")
            .arg("sh")
            .args([&self.etc, &self.program]);
        let _ = fs::remove_file(self.workshop.cache());
        Program::of("privileged", command, self.workshop.folder.path())
            .env("KERBSTONE_INTERPOSER_CONF", self.tempting_file())
            .env("GSSPROXY_SOCKET", self.workshop.daemon.socket())
            .run()
    }

    fn tempting_file(&self) -> PathBuf {
        let file = self.workshop.folder.path().join("tempting.conf");
        fs::write(&file, "use = always\n").unwrap();
        file
    }

    fn rules(&self, text: &str, mode: u32) {
        let file = self.etc.join("kerbstone/interposer.conf");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn takes_nothing_from_the_environment_of_somebody_with_fewer_rights() {
    let Some(privileged) = Privileged::prepare() else {
        return;
    };
    privileged.run().failed();
    let daemons = privileged.workshop.daemon.socket();
    let always = format!("use = always\nsocket = {}\n", daemons.display());
    privileged.rules(&always, 0o644);
    privileged.run().succeeded().saying("everything works");
    // A file that others can write to is no better than a variable.
    privileged.rules(&always, 0o666);
    privileged.run().failed();
    privileged.rules("use = always\nsocket = /nonexistent\n", 0o644);
    privileged.run().failed();
}

#[test]
fn finds_the_socket_that_was_made_for_a_privileged_program() {
    let Some(privileged) = Privileged::prepare() else {
        return;
    };
    let shared = privileged.workshop.folder.path().join("default.sock");
    let own = privileged
        .workshop
        .folder
        .path()
        .join("default.sock.everything");
    privileged.rules(&format!("socket = {}\n", shared.display()), 0o644);
    privileged.run().failed();
    let section = services(&privileged.workshop.mit) + &format!("socket = {}\n", own.display());
    let krb5_conf = privileged.workshop.mit.krb5_conf();
    let _daemon = Gssproxy::start(Keeper::Debian, krb5_conf, &section).unwrap();
    privileged.run().succeeded().saying("everything works");
}
